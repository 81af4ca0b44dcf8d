//! Times in messages and answers: RFC 3339 text outside, microseconds since the Unix epoch inside.

use std::ops::RangeInclusive;

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Time};

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// The years 0001 to 9999 in UTC: what four digits of a year can say, without the year 0 that some calendars lack.
const TIMES_US: RangeInclusive<i64> = -62_135_596_800_000_000..=253_402_300_799_999_999;

/// Bytes of `2026-05-04T19:00:00`.
const CIVIL_LENGTH: usize = 19;

/// Fraction digits of a second that are kept.
const FRACTION_DIGITS: usize = 6;

/// Reads a time. An offset is converted to UTC; what is finer than a microsecond is cut off. Nothing is guessed.
///
/// `2026-05-04T19:00:05Z`, `2026-05-04t19:00:05.204817999z`, `2026-05-04T21:00:05+02:00`, and the offsets `+0200` and
/// `+02` of ISO 8601: yes. Without offset, with a space for the `T`, without seconds, second 60, hour 24: no.
///
/// # Errors
/// The text is no time, or its time is not known without guessing.
pub fn parse_time(text: &str) -> Result<i64, TimeError> {
    let (civil, rest) = text.as_bytes().split_first_chunk::<CIVIL_LENGTH>().ok_or(TimeError::Form)?;
    let (fraction_us, zone) = fraction(rest)?;
    let seconds = seconds(civil)? - offset_seconds(zone)?;
    // Four digits of a year are far from the end of i64. The fraction counts onwards, so cutting it rounds down.
    let time_us = seconds * 1_000_000 + fraction_us;
    if TIMES_US.contains(&time_us) { Ok(time_us) } else { Err(TimeError::OutOfRange) }
}

/// RFC 3339 text in UTC with six fraction digits, as `2026-05-04T19:00:00.120000Z`.
///
/// Total: a time outside of the years 0000 to 9999, which no message can bring, is printed as a count of microseconds.
pub fn format_time(time_us: i64) -> String {
    match EPOCH.checked_add(SignedDuration::from_micros(time_us)) {
        Ok(civil) if civil.year() >= 0 => format!("{civil:.6}Z"),
        _ => format!("{time_us} us from 1970-01-01T00:00:00Z"),
    }
}

/// Seconds from the epoch of `YYYY-MM-DDTHH:MM:SS`, read as UTC.
fn seconds(text: &[u8; CIVIL_LENGTH]) -> Result<i64, TimeError> {
    let [y1, y2, y3, y4, b'-', mo1, mo2, b'-', d1, d2, b'T' | b't', h1, h2, b':', mi1, mi2, b':', s1, s2] = *text
    else {
        return Err(TimeError::Form);
    };
    let year = i16::from(two_digits(y1, y2)?) * 100 + i16::from(two_digits(y3, y4)?);
    let date = Date::new(year, two_digits(mo1, mo2)?, two_digits(d1, d2)?);
    let (hour, minute, second) = (two_digits(h1, h2)?, two_digits(mi1, mi2)?, two_digits(s1, s2)?);
    if second == 60 {
        return Err(TimeError::LeapSecond);
    }
    match (date, Time::new(hour, minute, second, 0)) {
        (Ok(date), Ok(time)) => Ok(DateTime::from_parts(date, time).duration_since(EPOCH).as_secs()),
        _ => Err(TimeError::Impossible),
    }
}

/// Microseconds of `.204817`, and what follows it; 0 if there is no fraction.
fn fraction(text: &[u8]) -> Result<(i64, &[u8]), TimeError> {
    let Some(digits_and_rest) = text.strip_prefix(b".") else { return Ok((0, text)) };
    let length = digits_and_rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if length == 0 {
        return Err(TimeError::Form);
    }
    let (digits, rest) = digits_and_rest.split_at(length);
    let padded = digits.iter().chain(std::iter::repeat(&b'0')).take(FRACTION_DIGITS);
    Ok((padded.fold(0, |micros, digit| micros * 10 + i64::from(digit - b'0')), rest))
}

/// Seconds that `Z`, `+02:00`, `+0200` or `+02` is ahead of UTC.
fn offset_seconds(text: &[u8]) -> Result<i64, TimeError> {
    let (sign, hours, minutes) = match *text {
        [b'Z' | b'z'] => return Ok(0),
        [] => return Err(TimeError::NoZone),
        [sign, h1, h2, b':', m1, m2] | [sign, h1, h2, m1, m2] => (sign, two_digits(h1, h2)?, two_digits(m1, m2)?),
        [sign, h1, h2] => (sign, two_digits(h1, h2)?, 0),
        _ => return Err(TimeError::Form),
    };
    let seconds = i64::from(hours) * 3_600 + i64::from(minutes) * 60;
    match sign {
        _ if hours > 23 || minutes > 59 => Err(TimeError::Impossible),
        b'+' => Ok(seconds),
        b'-' => Ok(-seconds),
        _ => Err(TimeError::Form),
    }
}

fn two_digits(tens: u8, ones: u8) -> Result<i8, TimeError> {
    if tens.is_ascii_digit() && ones.is_ascii_digit() {
        Ok(((tens - b'0') * 10 + (ones - b'0')).cast_signed())
    } else {
        Err(TimeError::Form)
    }
}

/// Why a text is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not of the form.
    #[error("it does not read YYYY-MM-DDThh:mm:ss, a fraction if any, and Z or an offset")]
    Form,
    /// No offset: which time it is, only its sender knows.
    #[error("it has neither Z nor an offset")]
    NoZone,
    /// A field that no calendar or clock shows.
    #[error("there is no such date or time of day")]
    Impossible,
    /// Second 60: the microseconds that are kept have no place for it.
    #[error("leap seconds have no place on the time scale used here")]
    LeapSecond,
    /// Before the year 1 or after the year 9999 in UTC.
    #[error("it is outside of the years 0001 to 9999")]
    OutOfRange,
}
