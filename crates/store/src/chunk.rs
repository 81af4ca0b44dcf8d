//! The bytes of a chunk: the samples of a part of a series, stream by stream, behind a version and in front of a
//! checksum. docs/disk-format.md has the layout.

mod column;
mod numbers;
mod texts;

use std::borrow::Cow;

use ingest::Value;
use tenant::Sample;

use column::{Cell, Input, put_column};
use numbers::Number;

/// Samples in a chunk, at most. What claims more is not read, so that a damaged count takes no memory.
pub const SAMPLES_MAX: usize = 65_536;

/// First byte of the chunks that this version writes.
const VERSION: u8 = 1;

/// Bytes of the checksum at the end.
const CHECKSUM_LENGTH: usize = 4;

/// Forms of a value, one a sample; a decimal's is its scale more than the last.
const FORM_INTEGER: u16 = 0;
const FORM_FLOAT: u16 = 1;
const FORM_TEXT: u16 = 2;
const FORM_DECIMAL: u16 = 3;

/// The bytes of a chunk. Of 512 samples that walk once a second, each takes 1.4 bytes with two decimals and times in
/// milliseconds, 4.4 with six decimals and times in microseconds; a float without any pattern takes 9.
///
/// # Panics
/// More than [`SAMPLES_MAX`] samples, or texts of more than 512 MiB, which a message cannot bring.
pub fn encode(samples: &[Sample]) -> Vec<u8> {
    assert!(samples.len() <= SAMPLES_MAX, "the caller cuts longer series into chunks");
    let mut output = vec![VERSION];
    (samples.len() as u32).put(&mut output);
    put_column(&mut output, samples.iter().map(|sample| sample.time_us));
    put_column(&mut output, samples.iter().map(form));
    put_column(&mut output, samples.iter().map(|sample| sample.quality));
    numbers::put(&mut output, &samples.iter().filter_map(number).collect::<Vec<_>>());
    put_column(&mut output, samples.iter().filter_map(float));
    texts::put(&mut output, &samples.iter().filter_map(text).collect::<Vec<_>>());
    let checksum = crc32c::crc32c(&output);
    checksum.put(&mut output);
    output
}

/// The samples that these bytes are, in the order in which they were encoded.
///
/// # Errors
/// A newer version's bytes, or damage. The memory it takes is bounded by what the bytes stand for.
pub fn decode(bytes: &[u8]) -> Result<Vec<Sample>, ChunkError> {
    let (content, checksum) =
        bytes.split_last_chunk::<CHECKSUM_LENGTH>().ok_or(ChunkError::Damaged("it is cut off"))?;
    if crc32c::crc32c(content) != u32::from_le_bytes(*checksum) {
        return Err(ChunkError::Damaged("its checksum is wrong"));
    }
    let mut input = Input(content);
    let version = input.take(1)?[0];
    if version != VERSION {
        return Err(ChunkError::Version(version));
    }
    let count = input.value::<u32>()? as usize;
    if count > SAMPLES_MAX {
        return Err(ChunkError::Damaged("it claims too many samples"));
    }
    let times = input.column::<i64>(count)?;
    let forms = input.column::<u16>(count)?;
    let qualities = input.column::<i64>(count)?;
    let mut values = Values::take(&mut input, &forms)?;
    if !input.0.is_empty() {
        return Err(ChunkError::Damaged("it is longer than its content"));
    }
    let times = times.into_iter().zip(qualities);
    let sample = |(form, (time_us, quality))| Some(Sample { time_us, value: values.next(form)?, quality });
    let samples: Option<Vec<_>> = forms.into_iter().zip(times).map(sample).collect();
    samples.ok_or(ChunkError::Damaged("its streams do not agree"))
}

/// The streams of values, of which each sample takes the next one of its form.
struct Values {
    numbers: std::vec::IntoIter<i64>,
    floats: std::vec::IntoIter<f64>,
    texts: std::vec::IntoIter<String>,
}

impl Values {
    fn take(input: &mut Input<'_>, forms: &[u16]) -> Result<Values, ChunkError> {
        let count = |wanted: u16| forms.iter().filter(|form| **form == wanted).count();
        let (floats, texts) = (count(FORM_FLOAT), count(FORM_TEXT));
        let scales: Vec<_> = forms.iter().filter_map(|form| scale(*form)).collect();
        Ok(Values {
            numbers: numbers::take(input, &scales)?.into_iter(),
            floats: input.column(floats)?.into_iter(),
            texts: texts::take(input, texts)?.into_iter(),
        })
    }

    fn next(&mut self, form: u16) -> Option<Value<'static>> {
        match form {
            FORM_INTEGER => self.numbers.next().map(Value::Integer),
            FORM_FLOAT => self.floats.next().map(Value::Float),
            FORM_TEXT => self.texts.next().map(|text| Value::Text(Cow::Owned(text))),
            _ => {
                let scale = u8::try_from(form - FORM_DECIMAL).ok()?;
                self.numbers.next().map(|mantissa| Value::Decimal { mantissa, scale })
            }
        }
    }
}

fn form(sample: &Sample) -> u16 {
    match sample.value {
        Value::Integer(_) => FORM_INTEGER,
        Value::Float(_) => FORM_FLOAT,
        Value::Text(_) => FORM_TEXT,
        Value::Decimal { scale, .. } => FORM_DECIMAL + u16::from(scale),
    }
}

/// The scale of a number's form; integers have 0.
fn scale(form: u16) -> Option<u8> {
    match form {
        FORM_INTEGER => Some(0),
        FORM_FLOAT | FORM_TEXT => None,
        _ => Some(u8::try_from(form - FORM_DECIMAL).unwrap_or(u8::MAX)),
    }
}

fn number(sample: &Sample) -> Option<Number> {
    match sample.value {
        Value::Integer(mantissa) => Some(Number { mantissa, scale: 0 }),
        Value::Decimal { mantissa, scale } => Some(Number { mantissa, scale }),
        _ => None,
    }
}

fn float(sample: &Sample) -> Option<f64> {
    match sample.value {
        Value::Float(number) => Some(number),
        _ => None,
    }
}

fn text(sample: &Sample) -> Option<&str> {
    match &sample.value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// Why the bytes of a chunk cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// A newer version of dinrail can read it.
    #[error("it has the version {0}, which this version of dinrail does not know")]
    Version(u8),
    /// It is not what was written.
    #[error("{0}")]
    Damaged(&'static str),
}
