//! A message in, a line of text per row and finding out.

use ingest::{Decoded, Limits, State, decode, format_time, parse_time};

/// When the messages of the tests arrive.
pub(crate) fn received_us() -> i64 {
    parse_time("2026-05-04T19:00:10Z").unwrap()
}

pub(crate) fn decoded(payload: &[u8]) -> Decoded<'_> {
    decode(payload, &Limits::default(), received_us())
}

/// Rows as `<data point> <time> <value> q<quality>`, findings as `<state> <code> <path> x<count>`.
pub(crate) fn lines(decoded: &Decoded<'_>) -> Vec<String> {
    let rows = decoded
        .rows
        .iter()
        .map(|row| format!("{} {} {} q{}", row.data_point, format_time(row.time_us), row.value, row.quality));
    let findings = decoded.findings.iter().map(|finding| {
        format!("{} {} {} x{}", finding.state.as_str(), finding.code.as_str(), finding.path, finding.count)
    });
    rows.chain(findings).collect()
}

/// Values that have a verdict.
pub(crate) fn accounted(decoded: &Decoded<'_>) -> usize {
    let lost = decoded.findings.iter().filter(|finding| finding.state != State::Stored);
    decoded.rows.len() + lost.map(|finding| finding.count as usize).sum::<usize>()
}

#[track_caller]
pub(crate) fn check(name: &str, payload: &str, expected: &[&str]) {
    assert_eq!(lines(&decoded(payload.as_bytes())), expected, "{name}");
}

/// The message for a single value whose fields are given as JSON.
pub(crate) fn one_value(fields: &str) -> String {
    format!(r#"{{"timeseries":[{{"timestamp":"2026-05-04T19:00:00Z","values":[{{{fields}}}]}}]}}"#)
}
