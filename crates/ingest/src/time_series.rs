//! `mc_v3/ts`: samplings of data points as JSON. Each value has its own verdict.
//!
//! ```json
//! {"timeseries": [{"timestamp": "2026-05-04T19:00:00.000Z",
//!                  "values": [{"dataPointId": "temperature", "value": "21.75", "qualityCode": "0"}]}]}
//! ```
//!
//! What is no JSON, has one of these keys twice, or has no `timeseries` array, is refused as a whole and counts as one
//! value. A sampling that is no object, or whose `values` are no array, counts as one value too. Other keys mean
//! nothing.

use serde::Deserialize;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess};
use serde_json::value::RawValue;

use crate::fault::Fault;
use crate::field::Field;
use crate::verdicts::{Entry, Place, Verdicts};
use crate::walk::{Walk, Walker};
use crate::{Code, Finding, Limits, Row};

/// What a message came to.
///
/// The rows and the counts of the rejected and parked findings add up to the number of values in the message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decoded<'a> {
    /// The values that are taken, in the order of the message.
    pub rows: Vec<Row<'a>>,
    /// What there is to say: first the rejections in the order of the message, then the notes.
    pub findings: Vec<Finding>,
}

/// Takes a time series message apart. The rows borrow from the payload wherever a text has no escapes.
///
/// Time and memory grow linearly with the payload, whatever is in it.
pub fn decode<'a>(payload: &'a [u8], limits: &Limits, received_us: i64) -> Decoded<'a> {
    walk(payload, limits, received_us).unwrap_or_else(|unusable| Decoded {
        rows: Vec::new(),
        findings: vec![Finding::of_message(Code::BadPayload, unusable.to_string())],
    })
}

fn walk<'a>(payload: &'a [u8], limits: &Limits, received_us: i64) -> Result<Decoded<'a>, Unusable> {
    if payload.is_empty() {
        return Err(Unusable::Empty);
    }
    // One check of the whole payload is cheaper than one for each text.
    let text = str::from_utf8(payload).map_err(|error| Unusable::NotUtf8(error.valid_up_to()))?;
    if text.starts_with('\u{feff}') {
        return Err(Unusable::ByteOrderMark);
    }
    let mut verdicts = Verdicts::new(*limits, received_us, payload.len());
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Walker(Message(&mut verdicts)).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(verdicts.finish())
}

/// The keys that mean something, at any level.
#[derive(Deserialize)]
#[serde(field_identifier)]
enum Key {
    #[serde(rename = "timeseries")]
    TimeSeries,
    #[serde(rename = "timestamp")]
    Timestamp,
    #[serde(rename = "values")]
    Values,
    #[serde(rename = "dataPointId")]
    DataPointId,
    #[serde(rename = "value")]
    Value,
    #[serde(rename = "qualityCode")]
    QualityCode,
    #[serde(other)]
    Other,
}

/// The whole message.
struct Message<'v, 'a>(&'v mut Verdicts<'a>);

impl<'a> Walk<'a> for Message<'_, 'a> {
    fn object<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        let mut is_met = false;
        while let Some(key) = map.next_key()? {
            match key {
                Key::TimeSeries if is_met => return Err(Error::duplicate_field("timeseries")),
                Key::TimeSeries => {
                    is_met = true;
                    map.next_value_seed(Walker(Samplings(self.0)))?;
                }
                _ => pass(&mut map)?,
            }
        }
        if is_met { Ok(()) } else { Err(Error::missing_field("timeseries")) }
    }

    fn other<E: Error>(self) -> Result<(), E> {
        Err(E::custom("a time series message is an object with timeseries"))
    }
}

/// The array of samplings.
struct Samplings<'v, 'a>(&'v mut Verdicts<'a>);

impl<'a> Walk<'a> for Samplings<'_, 'a> {
    fn array<A: SeqAccess<'a>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut place = Place::default();
        while seq.next_element_seed(Walker(Sampling { verdicts: self.0, place }))?.is_some() {
            place.sampling += 1;
        }
        Ok(())
    }

    fn other<E: Error>(self) -> Result<(), E> {
        Err(E::custom("timeseries is an array of samplings"))
    }
}

/// One sampling: a time and values.
struct Sampling<'v, 'a> {
    verdicts: &'v mut Verdicts<'a>,
    place: Place,
}

impl<'a> Walk<'a> for Sampling<'_, 'a> {
    fn object<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        let Sampling { verdicts, place } = self;
        let mark = verdicts.mark();
        let mut timestamp = None;
        let mut count = None;
        while let Some(key) = map.next_key()? {
            match key {
                Key::Timestamp => fill(&mut timestamp, &mut map, "timestamp")?,
                Key::Values => {
                    if count.is_some() {
                        return Err(Error::duplicate_field("values"));
                    }
                    let count = count.insert(0);
                    map.next_value_seed(Walker(Values { verdicts, place, count }))?;
                }
                _ => pass(&mut map)?,
            }
        }
        let count = count.unwrap_or_else(|| {
            verdicts.reject(&Fault::Values, place, None, 1);
            1
        });
        verdicts.end_sampling(&mark, timestamp, place, count);
        Ok(())
    }

    fn other<E: Error>(self) -> Result<(), E> {
        self.verdicts.reject(&Fault::Sampling, self.place, None, 1);
        Ok(())
    }
}

/// The array of the values of one sampling.
struct Values<'v, 'a> {
    verdicts: &'v mut Verdicts<'a>,
    place: Place,
    /// How many there were.
    count: &'v mut usize,
}

impl<'a> Walk<'a> for Values<'_, 'a> {
    fn array<A: SeqAccess<'a>>(self, mut seq: A) -> Result<(), A::Error> {
        let Values { verdicts, place, count } = self;
        loop {
            let place = Place { value: Some(*count), ..place };
            if verdicts.is_over_quota(place) {
                if seq.next_element::<IgnoredAny>()?.is_none() {
                    return Ok(());
                }
                verdicts.reject_over_quota(place);
            } else if seq.next_element_seed(Walker(OneValue { verdicts, place }))?.is_none() {
                return Ok(());
            }
            *count += 1;
        }
    }

    fn other<E: Error>(self) -> Result<(), E> {
        *self.count = 1;
        self.verdicts.reject(&Fault::Values, self.place, None, 1);
        Ok(())
    }
}

/// One value of one data point.
struct OneValue<'v, 'a> {
    verdicts: &'v mut Verdicts<'a>,
    place: Place,
}

impl<'a> Walk<'a> for OneValue<'_, 'a> {
    fn object<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        let mut entry = Entry::default();
        while let Some(key) = map.next_key()? {
            match key {
                Key::DataPointId => fill(&mut entry.data_point, &mut map, "dataPointId")?,
                Key::Value => fill(&mut entry.value, &mut map, "value")?,
                Key::QualityCode => fill(&mut entry.quality, &mut map, "qualityCode")?,
                _ => pass(&mut map)?,
            }
        }
        self.verdicts.take(entry, self.place);
        Ok(())
    }

    fn other<E: Error>(self) -> Result<(), E> {
        self.verdicts.reject(&Fault::Entry, self.place, None, 1);
        Ok(())
    }
}

fn pass<'a, A: MapAccess<'a>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(|_| ())
}

/// Puts a field where it belongs. A second one of the same name makes the message ambiguous, so it is refused.
fn fill<'a, A: MapAccess<'a>>(slot: &mut Option<Field<'a>>, map: &mut A, name: &'static str) -> Result<(), A::Error> {
    match slot.replace(map.next_value::<&'a RawValue>()?.into()) {
        None => Ok(()),
        Some(_) => Err(Error::duplicate_field(name)),
    }
}

/// Why a message is refused as a whole.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("The payload is empty.")]
    Empty,
    #[error("The payload begins with a byte order mark; JSON has none.")]
    ByteOrderMark,
    #[error("The payload is no UTF-8 text from byte {0} on.")]
    NotUtf8(usize),
    #[error("The payload is no time series message: {0}.")]
    Json(#[from] serde_json::Error),
}
