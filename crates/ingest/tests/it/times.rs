//! Times: what is read, what is refused, and that the calendar is everybody's.

use ingest::{TimeError, format_time, parse_time};
use proptest::prelude::*;

/// 0001-01-02 to 9999-12-30, microseconds: times that every calendar library can say, at any offset.
const TIMES_US: std::ops::Range<i64> = -62_135_510_400_000_000..253_402_100_000_000_000;

#[test]
fn a_time_is_read_to_the_microsecond() {
    let cases = [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:01z", 1_000_000),
        ("1970-01-01T00:00:00.1Z", 100_000),
        ("1970-01-01T00:00:00.000001Z", 1),
        ("1970-01-01T00:00:00.0000019999999999999999999999Z", 1),
        ("1969-12-31T23:59:59.9999999Z", -1),
        ("1970-01-01T02:00:00+02:00", 0),
        ("1970-01-01T02:00:00.5+0200", 500_000),
        ("1970-01-01T02:00:00+02", 0),
        ("1969-12-31T19:30:00-04:30", 0),
        ("1970-01-01T00:00:00-00:00", 0),
        ("2000-02-29T12:00:00Z", 951_825_600_000_000),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000_000),
        ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
    ];
    for (text, time_us) in cases {
        assert_eq!(parse_time(text), Ok(time_us), "{text}");
    }
}

#[test]
fn a_time_that_would_have_to_be_guessed_is_refused() {
    let cases = [
        ("", TimeError::Form),
        ("now", TimeError::Form),
        ("1777921200", TimeError::Form),
        ("2026-05-04", TimeError::Form),
        ("2026-05-04T19:00Z", TimeError::Form),
        ("2026-05-04 19:00:00Z", TimeError::Form),
        ("20260504T190000Z", TimeError::Form),
        ("2026-05-04T19:00:00.Z", TimeError::Form),
        ("2026-05-04T19:00:00,5Z", TimeError::Form),
        ("2026-05-04T19:00:00Z ", TimeError::Form),
        (" 2026-05-04T19:00:00Z", TimeError::Form),
        ("2026-05-04T19:00:00 02:00", TimeError::Form),
        ("2026-05-04T19:00:00+2:00", TimeError::Form),
        ("2026-05-04T19:00:00Z[Europe/Berlin]", TimeError::Form),
        ("+002026-05-04T19:00:00Z", TimeError::Form),
        ("２026-05-04T19:00:00Z", TimeError::Form),
        ("2026-05-04T19:00:00", TimeError::NoZone),
        ("2026-05-04T19:00:00.123", TimeError::NoZone),
        ("2026-13-04T19:00:00Z", TimeError::Impossible),
        ("2026-00-04T19:00:00Z", TimeError::Impossible),
        ("2026-02-29T19:00:00Z", TimeError::Impossible),
        ("2100-02-29T19:00:00Z", TimeError::Impossible),
        ("2026-05-04T24:00:00Z", TimeError::Impossible),
        ("2026-05-04T19:60:00Z", TimeError::Impossible),
        ("2026-05-04T19:00:61Z", TimeError::Impossible),
        ("2026-05-04T19:00:00+24:00", TimeError::Impossible),
        ("2026-05-04T19:00:00+00:60", TimeError::Impossible),
        ("2016-12-31T23:59:60Z", TimeError::LeapSecond),
        ("2016-12-31T23:59:60.5+01:00", TimeError::LeapSecond),
        ("0000-12-31T23:59:59Z", TimeError::OutOfRange),
        ("0001-01-01T00:00:00+00:01", TimeError::OutOfRange),
        ("9999-12-31T23:59:59-00:01", TimeError::OutOfRange),
    ];
    for (text, error) in cases {
        assert_eq!(parse_time(text), Err(error), "{text}");
    }
}

#[test]
fn every_count_of_microseconds_has_a_text() {
    assert_eq!(format_time(0), "1970-01-01T00:00:00.000000Z");
    assert_eq!(format_time(-1), "1969-12-31T23:59:59.999999Z");
    assert_eq!(format_time(253_402_300_799_999_999), "9999-12-31T23:59:59.999999Z");
    assert_eq!(format_time(i64::MAX), "9223372036854775807 us from 1970-01-01T00:00:00Z");
    assert_eq!(format_time(i64::MIN), "-9223372036854775808 us from 1970-01-01T00:00:00Z");
}

proptest! {
    #[test]
    fn a_time_comes_back_from_its_text(time_us in TIMES_US) {
        prop_assert_eq!(parse_time(&format_time(time_us)), Ok(time_us));
    }

    #[test]
    fn the_calendar_is_that_of_jiff(time_us in TIMES_US, minutes in -1_439_i32..1_440) {
        let timestamp = jiff::Timestamp::from_microsecond(time_us).unwrap();
        prop_assert_eq!(format_time(time_us), format!("{timestamp:.6}"));
        prop_assert_eq!(parse_time(&timestamp.to_string()), Ok(time_us));
        let offset = jiff::tz::Offset::from_seconds(minutes * 60).unwrap();
        let elsewhere = timestamp.display_with_offset(offset).to_string();
        prop_assert_eq!(parse_time(&elsewhere), Ok(time_us), "{}", elsewhere);
    }

    #[test]
    fn a_text_that_looks_like_a_time_is_read_as_by_jiff(
        date in "[0-9]{4}-[01][0-9]-[0-3][0-9]",
        time in "[Tt][0-2][0-9]:[0-6][0-9]:[0-5][0-9](\\.[0-9]{1,9})?",
        offset in "[Zz]|[-+]([01][0-9]|2[0-3]):?[0-5][0-9]",
    ) {
        let text = format!("{date}{time}{offset}");
        match (text.parse::<jiff::Timestamp>(), parse_time(&text)) {
            // Jiff's own conversion to microseconds cuts towards the epoch.
            (Ok(theirs), Ok(ours)) => prop_assert_eq!(theirs.as_nanosecond().div_euclid(1_000), i128::from(ours)),
            (Ok(_), Err(error)) => prop_assert_eq!(error, TimeError::OutOfRange),
            // Jiff has no times in the last two days of the year 9999.
            (Err(_), Ok(_)) => prop_assert!(text.starts_with("9999-12-3")),
            (Err(_), Err(_)) => {}
        }
    }

    #[test]
    fn any_text_has_an_answer(text in any::<String>(), time_us: i64) {
        let _ = parse_time(&text);
        prop_assert!(!format_time(time_us).is_empty());
    }
}
