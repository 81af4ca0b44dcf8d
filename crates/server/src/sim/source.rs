//! What agents send.

use std::io::Write;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// Where an agent's messages come from.
pub(crate) trait Source: Send {
    /// Writes the next message into `out`, which is empty. Gives the message's time, which may be later than now.
    fn write(&mut self, now_us: i64, out: &mut Vec<u8>) -> i64;
}

/// Where a walk begins, in hundredths.
const START: i32 = 2_000;

/// The largest step of a walk, in hundredths.
const STEP_MAX: i32 = 50;

/// A walk turns back here, in hundredths, as gauges do at the end of their scale.
const SCALE: i32 = 1_000_000;

/// Values of one data point: a random walk with two decimals. The same agent and data point walk the same way again.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    random: SmallRng,
    hundredths: i32,
}

impl Walk {
    pub(super) fn new(agent: u32, data_point: u32) -> Walk {
        let seed = u64::from(agent) << 32 | u64::from(data_point);
        Walk { random: SmallRng::seed_from_u64(seed), hundredths: START }
    }

    /// Goes a step.
    pub(super) fn step(&mut self) {
        let step = self.random.random_range(-STEP_MAX..=STEP_MAX);
        self.hundredths = (self.hundredths + step).clamp(-SCALE, SCALE);
    }

    /// Appends the value, as `-0.05`.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        if self.hundredths < 0 {
            out.push(b'-');
        }
        let size = self.hundredths.unsigned_abs();
        // A Vec takes everything.
        let _ = write!(out, "{}.{:02}", size / 100, size % 100);
    }
}

/// The name of a data point.
pub(super) fn data_point(index: u32) -> String {
    format!("sim-{}", index + 1)
}

/// Messages of time series: one time, and a value of each data point.
pub(super) struct TimeSeries {
    points: Vec<(Vec<u8>, Walk)>,
    stamp: Stamp,
    last_us: i64,
}

impl TimeSeries {
    pub(super) fn new(agent: u32, values: u32) -> TimeSeries {
        let points = (0..values).map(|index| {
            let separator = if index == 0 { "" } else { "," };
            let name = data_point(index);
            let head = format!(r#"{separator}{{"dataPointId":"{name}","qualityCode":"0","value":""#);
            (head.into_bytes(), Walk::new(agent, index))
        });
        TimeSeries { points: points.collect(), stamp: Stamp::default(), last_us: i64::MIN }
    }
}

impl Source for TimeSeries {
    /// No two messages of an agent have the same time: the later would be the same sample again.
    fn write(&mut self, now_us: i64, out: &mut Vec<u8>) -> i64 {
        self.last_us = now_us.max(self.last_us.saturating_add(1));
        out.extend_from_slice(br#"{"timeseries":[{"timestamp":""#);
        self.stamp.write(self.last_us, out);
        out.extend_from_slice(br#"","values":["#);
        for (head, walk) in &mut self.points {
            walk.step();
            out.extend_from_slice(head);
            walk.write(out);
            out.extend_from_slice(br#""}"#);
        }
        out.extend_from_slice(b"]}]}");
        self.last_us
    }
}

/// Writes times, and remembers the text of the last second.
#[derive(Debug, Default)]
struct Stamp {
    second: i64,
    text: String,
}

impl Stamp {
    /// Bytes of `2026-05-04T19:00:00.`.
    const HEAD: usize = 20;

    fn write(&mut self, time_us: i64, out: &mut Vec<u8>) {
        let second = time_us.div_euclid(1_000_000);
        if self.second != second || self.text.is_empty() {
            self.text = ingest::format_time(time_us);
            self.text.truncate(Stamp::HEAD);
            self.second = second;
        }
        out.extend_from_slice(self.text.as_bytes());
        let mut rest = time_us.rem_euclid(1_000_000);
        let mut fraction = *b"000000Z";
        for digit in fraction[..6].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        out.extend_from_slice(&fraction);
    }
}

/// Messages of a size, with nothing to read in them.
pub(super) struct Raw(pub(super) usize);

impl Source for Raw {
    fn write(&mut self, now_us: i64, out: &mut Vec<u8>) -> i64 {
        out.resize(self.0, b'x');
        now_us
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_what_the_server_reads_and_no_two_have_the_same_time() {
        let mut source = TimeSeries::new(7, 3);
        let mut walks: Vec<_> = (0..3).map(|index| Walk::new(7, index)).collect();
        for expected_us in [1_999_999, 2_000_000, 2_000_001] {
            let mut message = Vec::new();
            assert_eq!(source.write(1_999_999, &mut message), expected_us);
            let decoded = ingest::decode(&message, &ingest::Limits::default(), 0);
            assert!(decoded.findings.is_empty(), "{:?}", decoded.findings);
            for (index, row) in decoded.rows.iter().enumerate() {
                let mut value = Vec::new();
                walks[index].step();
                walks[index].write(&mut value);
                assert_eq!(row.data_point, data_point(index as u32));
                assert_eq!((row.time_us, row.value.to_string().into_bytes()), (expected_us, value));
            }
            assert_eq!(decoded.rows.len(), 3);
        }
    }

    #[test]
    fn a_value_has_two_decimals_and_its_sign() {
        let text = |hundredths| {
            let mut out = Vec::new();
            Walk { hundredths, ..Walk::new(0, 0) }.write(&mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!((text(5), text(-5), text(1_234)), ("0.05".into(), "-0.05".into(), "12.34".into()));
    }

    #[test]
    fn raw_messages_have_their_size() {
        let mut message = Vec::new();
        Raw(256).write(0, &mut message);
        assert_eq!(message.len(), 256);
    }
}
