//! The diagnostics message: what an agent is told about one of its own messages.

use serde::Serialize;

use crate::{Finding, format_time, format_ulid};

/// The payload of one diagnostics message: JSON with one entry per finding, ids as ULIDs.
///
/// `received_us` and `topic` are those of the message that is spoken about.
pub fn diagnostics(id: u128, correlation_id: u128, received_us: i64, topic: &str, findings: &[Finding]) -> String {
    let data = Data { timestamp: format_time(received_us), topic, entries: findings.iter().map(Entry::from).collect() };
    let message = Message { id: format_ulid(id), correlation_id: format_ulid(correlation_id), data };
    serde_json::to_string(&message).expect("texts in named fields always have a JSON form")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    id: String,
    correlation_id: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    timestamp: String,
    topic: &'a str,
    entries: Vec<Entry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    severity: &'static str,
    state: &'static str,
    code: &'static str,
    message: &'a str,
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_point_id: Option<&'a str>,
}

impl<'a> From<&'a Finding> for Entry<'a> {
    fn from(finding: &'a Finding) -> Entry<'a> {
        Entry {
            severity: finding.severity().as_str(),
            state: finding.state.as_str(),
            code: finding.code.as_str(),
            message: &finding.message,
            path: &finding.path,
            data_point_id: finding.data_point.as_deref(),
        }
    }
}
