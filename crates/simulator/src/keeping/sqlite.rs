//! The real store, in a database of its own.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use store::{Order, SeriesQuery, SqliteStore, Store, StoreError};
use tenant::{Checkpoint, Projected, ProjectionRow, Sample, Unwritten};

use super::{Image, Keeping, Refused};

/// Series that one round of merging takes on.
const MERGE_BUDGET: usize = 64;

/// The real store. It is closed and opened again where the machine starts again; a power cut of its own disk is not
/// simulated.
#[derive(Debug)]
pub struct RealStore {
    path: PathBuf,
    store: Option<SqliteStore>,
}

impl RealStore {
    /// Opens or makes the database.
    ///
    /// # Errors
    /// The database cannot be opened.
    pub fn open(path: &Path) -> Result<RealStore, StoreError> {
        Ok(RealStore { path: path.to_owned(), store: Some(SqliteStore::open(path)?) })
    }

    fn store(&self) -> Result<&SqliteStore, Refused> {
        self.store.as_ref().ok_or_else(|| Refused("the database could not be opened again".to_owned()))
    }
}

impl Keeping for RealStore {
    fn reopen(&mut self) {
        self.store = None;
        self.store = SqliteStore::open(&self.path).ok();
    }

    fn restore(&self) -> Result<Vec<Image>, Refused> {
        let images = self.store()?.restore()?.into_iter();
        let image = |image: store::TenantImage| Image {
            tenant: image.tenant,
            position: image.position,
            projected: image.projected,
            parts: image.parts,
        };
        Ok(images.map(image).collect())
    }

    fn floor(&self) -> Result<u64, Refused> {
        Ok(self.store()?.floor()?)
    }

    fn set_floor(&self, position: u64) -> Result<(), Refused> {
        Ok(self.store()?.set_floor(position)?)
    }

    fn checkpoint(&self, tenant: &str, checkpoint: &Checkpoint) -> Result<(), Refused> {
        Ok(self.store()?.checkpoint(tenant, checkpoint)?)
    }

    fn project(&self, tenant: &str, rows: &[Projected]) -> Result<(), Refused> {
        Ok(self.store()?.project(tenant, rows)?)
    }

    fn put_messages(&self, tenant: &str, messages: &[(u64, Vec<u8>)]) -> Result<(), Refused> {
        Ok(self.store()?.put_messages(tenant, messages)?)
    }

    fn retain_messages(&self, tenant: &str, positions: &BTreeSet<u64>) -> Result<(), Refused> {
        Ok(self.store()?.retain_messages(tenant, positions)?)
    }

    fn message(&self, tenant: &str, position: u64) -> Result<Option<Vec<u8>>, Refused> {
        Ok(self.store()?.message(tenant, position)?)
    }

    fn samples(
        &self,
        tenant: &str,
        agent: &str,
        data_point: &str,
        unwritten: &Unwritten,
    ) -> Result<Vec<Sample>, Refused> {
        let query = SeriesQuery { tenant, agent, data_point, range: i64::MIN..i64::MAX };
        Ok(self.store()?.samples(&query, unwritten, usize::MAX >> 1, Order::Ascending)?)
    }

    fn merge(&self, tenant: &str) -> Result<(), Refused> {
        Ok(self.store()?.merge(tenant, MERGE_BUDGET).map(drop)?)
    }

    fn rows(&self, tenant: &str) -> Result<Vec<Projected>, Refused> {
        let store = self.store()?;
        let rejects = store.rejects(tenant, None, usize::MAX >> 1)?.into_iter().map(|it| Projected {
            position: it.position,
            row: ProjectionRow::Reject {
                agent: it.agent,
                received_us: it.received_us,
                topic: it.topic,
                payload: it.payload,
                entries: it.entries,
            },
        });
        let audit = store.audit(tenant, usize::MAX >> 1)?.into_iter().map(|it| Projected {
            position: it.position,
            row: ProjectionRow::Audit {
                at_us: it.at_us,
                actor: it.actor,
                action: it.action,
                subject: it.subject,
                detail: it.detail,
            },
        });
        let mut rows: Vec<_> = rejects.chain(audit).collect();
        rows.sort_by_key(|row| row.position);
        Ok(rows)
    }
}

impl From<StoreError> for Refused {
    fn from(cause: StoreError) -> Refused {
        Refused(cause.to_string())
    }
}
