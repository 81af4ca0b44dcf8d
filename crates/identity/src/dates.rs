//! Times in the words of hints.

/// Microseconds in a second.
pub(crate) const SECOND_US: i64 = 1_000_000;
/// Microseconds in a day.
pub(crate) const DAY_US: i64 = 86_400 * SECOND_US;

/// A point in time, as `2026-03-01 12:00:00 UTC`.
pub(crate) fn date(at_us: i64) -> String {
    match jiff::Timestamp::from_microsecond(at_us) {
        Ok(at) => at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        Err(_) => format!("{at_us} microseconds after 1970"),
    }
}

/// A length of time in its largest whole unit, as `3 days`.
pub(crate) fn span(span_us: i64) -> String {
    let units = [("day", DAY_US), ("hour", 3600 * SECOND_US), ("minute", 60 * SECOND_US)];
    let (unit, unit_us) = units.into_iter().find(|(_, unit_us)| span_us >= *unit_us).unwrap_or(("second", SECOND_US));
    let count = span_us / unit_us;
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}
