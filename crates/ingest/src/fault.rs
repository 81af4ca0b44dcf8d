//! Why a value, or all values of a sampling, cannot be taken.

use crate::field::Field;
use crate::{Code, DATA_POINT_LENGTH_MAX, TimeError};

/// What is wrong; prints the sentence for people. Each is a [`Code`] and a field of the element it stands in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault<'a> {
    #[error("A sampling is an object with timestamp and values.")]
    Sampling,
    #[error("The values of a sampling are an array.")]
    Values,
    #[error("A sampling has a timestamp.")]
    NoTimestamp,
    #[error("The timestamp is {0}, not a text.")]
    TimestampType(Field<'a>),
    #[error("The timestamp {0} is refused: {1}.")]
    Timestamp(Field<'a>, TimeError),
    #[error("A value is an object with dataPointId, value and qualityCode.")]
    Entry,
    #[error("A value has a dataPointId.")]
    NoDataPointId,
    #[error("The dataPointId is {0}, not a text.")]
    DataPointIdType(Field<'a>),
    #[error("A dataPointId has 1 to {DATA_POINT_LENGTH_MAX} characters; this one has {0}.")]
    DataPointIdLength(usize),
    #[error("There is no value.")]
    NoValue,
    #[error("The value is {0}; it can be a string, a number, true or false.")]
    Value(Field<'a>),
    #[error("The qualityCode is {0}, not a 64-bit integer.")]
    QualityCode(Field<'a>),
}

impl Fault<'_> {
    pub(crate) fn code(&self) -> Code {
        match self {
            Fault::Sampling | Fault::Values => Code::BadPayload,
            Fault::NoTimestamp | Fault::TimestampType(_) | Fault::Timestamp(..) => Code::BadTimestamp,
            Fault::Entry | Fault::NoValue | Fault::Value(_) => Code::BadValue,
            Fault::NoDataPointId | Fault::DataPointIdType(_) | Fault::DataPointIdLength(_) => Code::BadDataPointId,
            Fault::QualityCode(_) => Code::BadQualityCode,
        }
    }

    /// What to append to the path of the sampling or value.
    pub(crate) fn field(&self) -> &'static str {
        match self {
            Fault::Sampling | Fault::Entry => "",
            Fault::Values => ".values",
            Fault::NoTimestamp | Fault::TimestampType(_) | Fault::Timestamp(..) => ".timestamp",
            Fault::NoDataPointId | Fault::DataPointIdType(_) | Fault::DataPointIdLength(_) => ".dataPointId",
            Fault::NoValue | Fault::Value(_) => ".value",
            Fault::QualityCode(_) => ".qualityCode",
        }
    }
}
