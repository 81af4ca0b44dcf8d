//! What the tests of all subjects share.

use std::ops::Range;
use std::sync::Arc;

use ingest::Value;
use store::{SeriesQuery, Store};
use tenant::{Checkpoint, Part, Projected, ProjectionRow, RejectEntry, Sample, SealedChunk};

/// Opens the database of one test; a second call opens the same one again, after a restart.
pub(crate) type Open<'a> = dyn Fn() -> Box<dyn Store> + 'a;

pub(crate) const TENANT: &str = "acme";
pub(crate) const AGENT: &str = "acme_press";

pub(crate) fn sample(time_us: i64, value: i64) -> Sample {
    Sample { time_us, value: Value::Integer(value), quality: 0 }
}

pub(crate) fn text(time_us: i64, text: &str) -> Sample {
    Sample { time_us, value: Value::Text(text.to_owned().into()), quality: 0 }
}

pub(crate) fn chunk(data_point: &str, sequence: u64, samples: Vec<Sample>) -> Arc<SealedChunk> {
    Arc::new(SealedChunk { agent: AGENT.to_owned(), data_point: data_point.to_owned(), sequence, samples })
}

pub(crate) fn checkpoint(position: u64, chunks: Vec<Arc<SealedChunk>>) -> Checkpoint {
    Checkpoint { position, parts: Vec::new(), chunks }
}

pub(crate) fn part(key: &str, value: Option<&[u8]>) -> Part {
    Part { key: key.to_owned(), value: value.map(<[u8]>::to_vec) }
}

pub(crate) fn series(data_point: &str, range: Range<i64>) -> SeriesQuery<'_> {
    SeriesQuery { tenant: TENANT, agent: AGENT, data_point, range }
}

pub(crate) fn reject(position: u64, agent: &str, received_us: i64) -> Projected {
    let entry = RejectEntry {
        state: "REJECTED".to_owned(),
        code: "BAD_TIMESTAMP".to_owned(),
        message: "This is no \"time\".".to_owned(),
        path: "/data/0/timestamp".to_owned(),
        data_point: Some("température".to_owned()),
    };
    let parked = RejectEntry { state: "PARKED".to_owned(), data_point: None, ..entry.clone() };
    let row = ProjectionRow::Reject {
        agent: agent.to_owned(),
        received_us,
        topic: "cloud/u/c/acme_press/ts".to_owned(),
        payload: vec![0, 0xff, b'x'],
        entries: vec![entry, parked],
    };
    Projected { position, row }
}

pub(crate) fn audit(position: u64, subject: &str) -> Projected {
    let row = ProjectionRow::Audit {
        at_us: 1_000 + position as i64,
        actor: "operator".to_owned(),
        action: "ca.verify".to_owned(),
        subject: subject.to_owned(),
        detail: "done".to_owned(),
    };
    Projected { position, row }
}
