//! One stored sample of a series.

use ingest::Value;
use serde::{Deserialize, Deserializer, Serialize};

/// A sample as heads, chunks and queries hold it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Sample time, microseconds since the Unix epoch, UTC.
    pub time_us: i64,
    /// The value in its exact text.
    #[serde(deserialize_with = "owned")]
    pub value: Value<'static>,
    /// Quality code.
    pub quality: i64,
}

fn owned<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value<'static>, D::Error> {
    Value::deserialize(deserializer).map(Value::into_owned)
}
