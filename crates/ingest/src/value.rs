//! One value of a time series, with the exact text its sender gave it.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A value as it is kept: numeric only if its exact text can be given back.
///
/// The serialised form is part of the log's record format (docs/disk-format.md).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value<'a> {
    /// A 64-bit integer in its canonical text: no sign but `-`, no leading zero.
    Integer(i64),
    /// `mantissa / 10^scale`, printed with exactly `scale` (at least 1) fraction digits.
    Decimal {
        /// The digits, with their sign.
        mantissa: i64,
        /// How many of the digits stand behind the point.
        scale: u8,
    },
    /// A float that arrived binary (OPC UA); never the reading of a text.
    Float(f64),
    /// Everything else, as it was sent.
    #[serde(borrow)]
    Text(Cow<'a, str>),
}

/// Characters of the longest text that is a number here: a sign, a point, 19 digits of a 64-bit integer, and as many
/// leading zeros of a fraction as `scale` can count.
const NUMBER_LENGTH_MAX: usize = 2 + 19 + u8::MAX as usize;

/// The largest integer up to which every one is a float.
const EXACT_INTEGER_MAX: u64 = 1 << 53;

/// The largest power of ten that is a float.
const EXACT_SCALE_MAX: u8 = 22;

impl<'a> Value<'a> {
    /// The value that a text is.
    ///
    /// `0`, `-17`: integers. `21.80`, `-0.5`, `0.00`: decimals. Text, because it would not come back: `+1`, `007`, `-0`,
    /// `-0.0`, `1.`, `.5`, `1e5`, `NaN`, and what is beyond 64 bits.
    pub fn of(text: impl Into<Cow<'a, str>>) -> Value<'a> {
        let text = text.into();
        number(&text).unwrap_or(Value::Text(text))
    }
}

impl Value<'_> {
    /// The number that is nearest to the value, for aggregates; `None` for a text.
    pub fn as_f64(&self) -> Option<f64> {
        match *self {
            Value::Integer(number) => Some(number as f64),
            // Both are exact, so the one division rounds once, and correctly.
            Value::Decimal { mantissa, scale }
                if mantissa.unsigned_abs() <= EXACT_INTEGER_MAX && scale <= EXACT_SCALE_MAX =>
            {
                Some(mantissa as f64 / 10_f64.powi(i32::from(scale)))
            }
            Value::Decimal { .. } => self.to_string().parse().ok(),
            Value::Float(number) => Some(number),
            Value::Text(_) => None,
        }
    }

    /// The same value without its borrow.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Integer(number) => Value::Integer(number),
            Value::Decimal { mantissa, scale } => Value::Decimal { mantissa, scale },
            Value::Float(number) => Value::Float(number),
            Value::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
        }
    }
}

/// Prints the exact text; a float as the shortest text that reads back as the same one (`0.1`, `1e300`, `NaN`, `-inf`).
impl fmt::Display for Value<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Integer(number) => write!(formatter, "{number}"),
            Value::Decimal { mantissa, scale: 0 } => write!(formatter, "{mantissa}"),
            Value::Decimal { mantissa, scale } => {
                let sign = if *mantissa < 0 { "-" } else { "" };
                let scale = usize::from(*scale);
                // At least one digit before the point.
                let digits = format!("{:0width$}", mantissa.unsigned_abs(), width = scale + 1);
                let (whole, fraction) = digits.split_at(digits.len() - scale);
                write!(formatter, "{sign}{whole}.{fraction}")
            }
            Value::Float(number) => write!(formatter, "{number:?}"),
            Value::Text(text) => formatter.write_str(text),
        }
    }
}

/// The number that a text is, if that number gives the same text back.
fn number(text: &str) -> Option<Value<'static>> {
    if text.len() > NUMBER_LENGTH_MAX {
        return None;
    }
    let (is_negative, digits) = match text.as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let point = digits.iter().position(|byte| *byte == b'.');
    let (whole, fraction) = point.map_or((digits, None), |at| (&digits[..at], Some(&digits[at + 1..])));
    if whole.is_empty() || (whole[0] == b'0' && whole.len() > 1) {
        return None;
    }
    let magnitude = append(0, whole).and_then(|magnitude| append(magnitude, fraction.unwrap_or_default()))?;
    let mantissa = match is_negative {
        true if magnitude == 0 => return None,
        true => 0_i64.checked_sub_unsigned(magnitude)?,
        false => i64::try_from(magnitude).ok()?,
    };
    match fraction.map(<[u8]>::len) {
        None => Some(Value::Integer(mantissa)),
        Some(0) => None,
        Some(length) => Some(Value::Decimal { mantissa, scale: u8::try_from(length).ok()? }),
    }
}

/// The number whose decimal digits are those of `number`, and then these.
fn append(number: u64, digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(number, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// One sampling of one data point, taken out of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row<'a> {
    /// The agent's own name of the series, 1 to 255 characters.
    #[serde(borrow)]
    pub data_point: Cow<'a, str>,
    /// Sample time, microseconds since the Unix epoch, UTC.
    pub time_us: i64,
    /// The value.
    #[serde(borrow)]
    pub value: Value<'a>,
    /// Quality code as sent; 0 when the sender gave none.
    pub quality: i64,
}
