//! What is said about a value: where it is, what became of it, and why.

use serde::{Deserialize, Serialize};

/// What became of values.
///
/// Written with postcard into log records: variants are only ever appended, never moved or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum State {
    /// Readable as the agent's data point; a finding with this state is a note.
    Stored,
    /// Kept, but not yet interpretable.
    Parked,
    /// Refused; the bytes and the reason are kept.
    Rejected,
}

impl State {
    /// The state as the diagnostics print it.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Stored => "STORED",
            State::Parked => "PARKED",
            State::Rejected => "REJECTED",
        }
    }

    /// How grave the state is.
    pub fn severity(self) -> Severity {
        match self {
            State::Stored => Severity::Info,
            State::Parked => Severity::Warning,
            State::Rejected => Severity::Error,
        }
    }
}

/// How grave a finding is; it follows from its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing is lost.
    Info,
    /// Something has to be done before the value can be read.
    Warning,
    /// The value will not be readable.
    Error,
}

impl Severity {
    /// The severity as the diagnostics print it.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "INFO",
            Severity::Warning => "WARN",
            Severity::Error => "ERROR",
        }
    }
}

/// Why: a stable code that programs may compare.
///
/// Written with postcard into log records: variants are only ever appended, never moved or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Code {
    /// The message, or a part of it, cannot be taken apart.
    BadPayload,
    /// A sampling has no usable time.
    BadTimestamp,
    /// A value is missing, `null`, an object, an array, or no Unicode text.
    BadValue,
    /// A quality code is no 64-bit integer.
    BadQualityCode,
    /// A data point id is missing, no text, empty or too long.
    BadDataPointId,
    /// A value came without quality code; 0 was taken.
    MissingQualityCode,
    /// A sample time is more than 24 hours ahead of its arrival.
    FutureTimestamp,
    /// The topic is the agent's own and means nothing.
    UnknownTopic,
    /// The topic is known, and this version does not serve it yet.
    NotServed,
    /// A limit is exceeded.
    QuotaExceeded,
}

impl Code {
    /// The code as the diagnostics print it.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::BadPayload => "BAD_PAYLOAD",
            Code::BadTimestamp => "BAD_TIMESTAMP",
            Code::BadValue => "BAD_VALUE",
            Code::BadQualityCode => "BAD_QUALITY_CODE",
            Code::BadDataPointId => "BAD_DATA_POINT_ID",
            Code::MissingQualityCode => "MISSING_QUALITY_CODE",
            Code::FutureTimestamp => "FUTURE_TIMESTAMP",
            Code::UnknownTopic => "UNKNOWN_TOPIC",
            Code::NotServed => "NOT_SERVED",
            Code::QuotaExceeded => "QUOTA_EXCEEDED",
        }
    }
}

/// One thing to say about one or more values of a message.
///
/// Written with postcard into log records (docs/disk-format.md): the fields and their order are part of that format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What became of the values.
    pub state: State,
    /// Why.
    pub code: Code,
    /// One sentence for people.
    pub message: String,
    /// JSON path into the message, as `$.timeseries[3].values[0].value`; the first place where there are several.
    pub path: String,
    /// The data point, where it could be read and there is only one.
    pub data_point: Option<String>,
    /// How many values it stands for. Those of a note ([`State::Stored`]) are counted among the rows too.
    pub count: u32,
}

impl Finding {
    /// A message that counts as one rejected value, because nothing in it could be counted.
    pub(crate) fn of_message(code: Code, message: String) -> Finding {
        Finding { state: State::Rejected, code, message, path: "$".to_owned(), data_point: None, count: 1 }
    }

    /// How grave it is.
    pub fn severity(&self) -> Severity {
        self.state.severity()
    }
}
