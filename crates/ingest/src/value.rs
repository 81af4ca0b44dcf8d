//! One value of a time series, with the exact text its sender gave it.

use std::borrow::Cow;

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

impl Value<'_> {
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
