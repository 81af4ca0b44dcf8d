//! The store as the server sees it.

use std::collections::BTreeSet;
use std::fmt::Debug;

use tenant::{Checkpoint, Projected, Sample, Unwritten};

use crate::{Aggregate, Audit, Order, PruneLimits, Refusal, RefusalFilter, Reject, SeriesQuery, StoreError, Token};

/// A tenant as its last checkpoint left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantImage {
    /// Tenant id.
    pub tenant: String,
    /// Every record below this log position is contained; 0 when there was no checkpoint yet.
    pub position: u64,
    /// Position of the last record whose rows are in the projection; 0 when there is none.
    pub projected: u64,
    /// Parts of the image with their keys, in the keys' order.
    pub parts: Vec<(String, Vec<u8>)>,
}

/// Everything that is kept in SQL.
///
/// Each call is one transaction, or several that are each complete: after an error, or a crash, what it did is there
/// as a whole or not at all. A tenant that is not known has nothing; writing makes it known.
pub trait Store: Debug + Send + Sync {
    /// All tenants, by id, to begin a restart with.
    ///
    /// # Errors
    /// The database cannot be read.
    fn restore(&self) -> Result<Vec<TenantImage>, StoreError>;

    /// The log position from which a restart has to read the log; 0 before it was first raised.
    ///
    /// # Errors
    /// The database cannot be read.
    fn floor(&self) -> Result<u64, StoreError>;

    /// Raises the floor: every record below is in its tenant's checkpoint. A lower one than before is left out.
    ///
    /// # Errors
    /// Nothing was written.
    fn set_floor(&self, position: u64) -> Result<(), StoreError>;

    /// Writes the parts, chunks and position of a checkpoint. A chunk that is there already is left as it is.
    ///
    /// # Errors
    /// Nothing was written.
    fn checkpoint(&self, tenant: &str, checkpoint: &Checkpoint) -> Result<(), StoreError>;

    /// Adds rows, in log order, to the projection; those at or below its position are there already and are skipped.
    ///
    /// # Errors
    /// Nothing was written.
    fn project(&self, tenant: &str, rows: &[Projected]) -> Result<(), StoreError>;

    /// Keeps the bytes of records that sessions of the tenant wait for, by log position.
    ///
    /// # Errors
    /// Nothing was written.
    fn put_messages(&self, tenant: &str, messages: &[(u64, Vec<u8>)]) -> Result<(), StoreError>;

    /// Drops all messages of the tenant but those at these positions.
    ///
    /// # Errors
    /// Nothing was dropped.
    fn retain_messages(&self, tenant: &str, positions: &BTreeSet<u64>) -> Result<(), StoreError>;

    /// One kept message.
    ///
    /// # Errors
    /// The database cannot be read.
    fn message(&self, tenant: &str, position: u64) -> Result<Option<Vec<u8>>, StoreError>;

    /// Samples of a series, one a time, as of one instant: what the head holds goes before what a chunk holds, and a
    /// later chunk before an earlier one.
    ///
    /// # Errors
    /// The database cannot be read, or a chunk within the range is damaged; nothing is left out silently.
    fn samples(
        &self,
        series: &SeriesQuery<'_>,
        unwritten: &Unwritten,
        limit: usize,
        order: Order,
    ) -> Result<Vec<Sample>, StoreError>;

    /// One sample for each bucket of `every_us` microseconds (at least 1), at the bucket's begin. Buckets are aligned
    /// to the Unix epoch; those in which no sample takes part are left out. `limit` counts buckets.
    ///
    /// Only samples within the range take part: widen it with [`whole_buckets`](crate::whole_buckets), also for
    /// `unwritten`, where a bucket is not to be cut.
    ///
    /// # Errors
    /// As [`samples`](Store::samples).
    fn downsample(
        &self,
        series: &SeriesQuery<'_>,
        unwritten: &Unwritten,
        every_us: i64,
        aggregate: Aggregate,
        limit: usize,
        order: Order,
    ) -> Result<Vec<Sample>, StoreError>;

    /// Folds small, late and repeated chunks of up to `budget` series into larger ones, a transaction a fold. No
    /// answer of any query changes. Gives the number of chunks that there are less.
    ///
    /// # Errors
    /// The first series that could not be folded; the others were, and what was done stays.
    fn merge(&self, tenant: &str, budget: usize) -> Result<usize, StoreError>;

    /// Messages with refused or parked values, newest first; of one agent, or of all.
    ///
    /// # Errors
    /// The database cannot be read.
    fn rejects(&self, tenant: &str, agent: Option<&str>, limit: usize) -> Result<Vec<Reject>, StoreError>;

    /// Changes of the tenant's control plane, newest first.
    ///
    /// # Errors
    /// The database cannot be read.
    fn audit(&self, tenant: &str, limit: usize) -> Result<Vec<Audit>, StoreError>;

    /// Drops the oldest rejects and refusals that are beyond the limits. The audit is never pruned.
    ///
    /// # Errors
    /// What was dropped before the error stays dropped.
    fn prune(&self, now_us: i64, limits: &PruneLimits) -> Result<(), StoreError>;

    /// Keeps refused handshakes and CONNECTs.
    ///
    /// # Errors
    /// Nothing was written.
    fn record_refusals(&self, refusals: &[Refusal]) -> Result<(), StoreError>;

    /// Refusals that pass the filter, newest first.
    ///
    /// # Errors
    /// The database cannot be read.
    fn refusals(&self, filter: &RefusalFilter) -> Result<Vec<Refusal>, StoreError>;

    /// Keeps a new token.
    ///
    /// # Errors
    /// Its tenant has as many as it may have, or its id or hash is taken.
    fn create_token(&self, token: &Token) -> Result<(), StoreError>;

    /// The token with this hash, expired or not.
    ///
    /// # Errors
    /// The database cannot be read.
    fn find_token(&self, hash: &[u8; 32]) -> Result<Option<Token>, StoreError>;

    /// The tokens of a tenant, or all tokens there are, oldest first.
    ///
    /// # Errors
    /// The database cannot be read.
    fn tokens(&self, tenant: Option<&str>) -> Result<Vec<Token>, StoreError>;

    /// Deletes a token, of this tenant if one is named; tells whether there was one.
    ///
    /// # Errors
    /// Nothing was deleted.
    fn delete_token(&self, tenant: Option<&str>, id: &str) -> Result<bool, StoreError>;

    /// Bytes by kind: `parts`, `chunks`, `rejects`, `messages`, `refusals` (content alone) and `file` (the database's
    /// files). Sums are kept as rows come and go, so this is cheap.
    ///
    /// # Errors
    /// The database cannot be read.
    fn sizes(&self) -> Result<Vec<(&'static str, u64)>, StoreError>;
}
