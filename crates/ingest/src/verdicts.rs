//! Rows and findings of one message while it is walked: each value gets its verdict here.

use std::borrow::Cow;
use std::fmt;

use crate::fault::Fault;
use crate::field::Field;
use crate::{Code, DATA_POINT_LENGTH_MAX, Decoded, FINDINGS_MAX, FUTURE_US, Finding, Limits, Row, State, Value};

/// Bytes of a usual value in a message. Only a first guess at the number of rows: too few cost a copy or two.
const VALUE_LENGTH_TYPICAL: usize = 64;

/// Where something stands in a message; prints its JSON path.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    pub(crate) sampling: usize,
    pub(crate) value: Option<usize>,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "$.timeseries[{}]", self.sampling)?;
        self.value.map_or(Ok(()), |value| write!(formatter, ".values[{value}]"))
    }
}

/// The fields of one value as they were met.
#[derive(Default)]
pub(crate) struct Entry<'a> {
    pub(crate) data_point: Option<Field<'a>>,
    pub(crate) value: Option<Field<'a>>,
    pub(crate) quality: Option<Field<'a>>,
}

/// Gathers the verdicts of one message. Its rows and rejections together always count every value that was met.
pub(crate) struct Verdicts<'a> {
    limits: Limits,
    future_us: i64,
    rows: Vec<Row<'a>>,
    rejected: Vec<Finding>,
    tally: Tally,
}

/// What is only counted, because it shares one finding.
#[derive(Clone, Copy, Default)]
struct Tally {
    /// Rejected after [`FINDINGS_MAX`] others; the code is that of the first.
    rest: Option<(Code, Group)>,
    over_quota: Group,
    without_quality: Group,
    in_future: Group,
}

/// Values that share one finding.
#[derive(Clone, Copy, Default)]
struct Group {
    count: usize,
    first: Place,
}

/// The state before a sampling, to which a bad timestamp, met at any point of it, goes back.
pub(crate) struct Mark {
    rows: usize,
    rejected: usize,
    tally: Tally,
}

impl<'a> Verdicts<'a> {
    pub(crate) fn new(limits: Limits, received_us: i64, payload_length: usize) -> Verdicts<'a> {
        let rows = (payload_length / VALUE_LENGTH_TYPICAL).min(limits.values_per_message_max);
        Verdicts {
            limits,
            future_us: received_us.saturating_add(FUTURE_US),
            rows: Vec::with_capacity(rows),
            rejected: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// Whether another value at this place is beyond what a message may hold.
    pub(crate) fn is_over_quota(&self, place: Place) -> bool {
        place.sampling >= self.limits.samplings_per_message_max || self.rows.len() >= self.limits.values_per_message_max
    }

    /// Rejects a value that was not looked at.
    pub(crate) fn reject_over_quota(&mut self, place: Place) {
        self.tally.over_quota.add(1, place);
    }

    /// Takes or rejects one value. Its time is set when its sampling ends: the timestamp may stand behind the values.
    pub(crate) fn take(&mut self, entry: Entry<'a>, place: Place) {
        let data_point = match data_point(entry.data_point) {
            Ok(data_point) => data_point,
            Err(fault) => return self.reject(&fault, place, None, 1),
        };
        let is_without_quality = matches!(entry.quality, None | Some(Field::Null));
        match value(entry.value).and_then(|value| Ok((value, quality(entry.quality)?))) {
            Ok((value, quality)) => {
                if is_without_quality {
                    self.tally.without_quality.add(1, place);
                }
                self.rows.push(Row { data_point, time_us: 0, value, quality });
            }
            Err(fault) => self.reject(&fault, place, Some(&data_point), 1),
        }
    }

    pub(crate) fn reject(&mut self, fault: &Fault<'_>, place: Place, data_point: Option<&str>, count: usize) {
        if self.rejected.len() >= FINDINGS_MAX {
            self.tally.rest.get_or_insert((fault.code(), Group::default())).1.add(count, place);
            return;
        }
        self.rejected.push(Finding {
            state: State::Rejected,
            code: fault.code(),
            message: fault.to_string(),
            path: format!("{place}{}", fault.field()),
            data_point: data_point.map(str::to_owned),
            count: saturate(count),
        });
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark { rows: self.rows.len(), rejected: self.rejected.len(), tally: self.tally }
    }

    /// Ends a sampling of `count` values that began at `mark`: they get its time, or go with it.
    pub(crate) fn end_sampling(&mut self, mark: &Mark, timestamp: Option<Field<'a>>, place: Place, count: usize) {
        match time(timestamp) {
            Ok(time_us) => {
                let rows = &mut self.rows[mark.rows..];
                rows.iter_mut().for_each(|row| row.time_us = time_us);
                if time_us > self.future_us {
                    self.tally.in_future.add(rows.len(), place);
                }
            }
            Err(_) if count == 0 => {}
            Err(fault) => {
                self.rows.truncate(mark.rows);
                self.rejected.truncate(mark.rejected);
                self.tally = mark.tally;
                self.reject(&fault, place, None, count);
            }
        }
    }

    /// Everything about the message: the rows, then rejections before notes.
    pub(crate) fn finish(self) -> Decoded<'a> {
        let Tally { rest, over_quota, without_quality, in_future } = self.tally;
        let mut findings = self.rejected;
        if let Some((code, rest)) = rest {
            let message = format!("{} more values are rejected, for this or another reason.", rest.count);
            findings.push(rest.finding(State::Rejected, code, "", message));
        }
        if over_quota.count > 0 {
            let Limits { samplings_per_message_max: samplings, values_per_message_max: values } = self.limits;
            let message = format!("A message holds at most {samplings} samplings and {values} values.");
            findings.push(over_quota.finding(State::Rejected, Code::QuotaExceeded, "", message));
        }
        if without_quality.count > 0 {
            let message = format!("Values without qualityCode: {}; each is stored with 0.", without_quality.count);
            findings.push(without_quality.finding(State::Stored, Code::MissingQualityCode, ".qualityCode", message));
        }
        if in_future.count > 0 {
            let message = format!("Values more than 24 hours ahead of their arrival: {}.", in_future.count);
            findings.push(in_future.finding(State::Stored, Code::FutureTimestamp, ".timestamp", message));
        }
        Decoded { rows: self.rows, findings }
    }
}

impl Group {
    fn add(&mut self, count: usize, place: Place) {
        if self.count == 0 {
            self.first = place;
        }
        self.count += count;
    }

    fn finding(self, state: State, code: Code, field: &str, message: String) -> Finding {
        let path = format!("{}{field}", self.first);
        Finding { state, code, message, path, data_point: None, count: saturate(self.count) }
    }
}

/// A count of things that take at least a byte each in a message, whose length always fits.
fn saturate(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn time<'a>(field: Option<Field<'a>>) -> Result<i64, Fault<'a>> {
    match field {
        Some(Field::Text(text)) => crate::parse_time(&text).map_err(|error| Fault::Timestamp(Field::Text(text), error)),
        Some(other) => Err(Fault::TimestampType(other)),
        None => Err(Fault::NoTimestamp),
    }
}

fn data_point<'a>(field: Option<Field<'a>>) -> Result<Cow<'a, str>, Fault<'a>> {
    let id = match field {
        Some(Field::Text(id)) => id,
        Some(other) => return Err(Fault::DataPointIdType(other)),
        None => return Err(Fault::NoDataPointId),
    };
    // A character has at least one byte, so most ids need no count.
    let is_short = id.len() <= DATA_POINT_LENGTH_MAX || id.chars().count() <= DATA_POINT_LENGTH_MAX;
    if id.is_empty() || !is_short { Err(Fault::DataPointIdLength(id.chars().count())) } else { Ok(id) }
}

fn value<'a>(field: Option<Field<'a>>) -> Result<Value<'a>, Fault<'a>> {
    match field {
        Some(Field::Text(text)) => Ok(Value::of(text)),
        Some(Field::Literal(literal)) => Ok(Value::of(literal)),
        Some(other) => Err(Fault::Value(other)),
        None => Err(Fault::NoValue),
    }
}

/// `null` is what senders write for a quality code that they do not have, so it counts as missing.
fn quality<'a>(field: Option<Field<'a>>) -> Result<i64, Fault<'a>> {
    let parsed = match &field {
        None | Some(Field::Null) => Some(0),
        Some(Field::Text(text)) => text.parse().ok(),
        Some(Field::Literal(literal)) => literal.parse().ok(),
        Some(Field::Composite | Field::Unpaired) => None,
    };
    parsed.ok_or_else(|| Fault::QualityCode(field.unwrap_or(Field::Null)))
}
