//! What a simulated agent has to say: mostly good values, some late, repeated or corrected, some rubbish.

use ingest::format_time;

use crate::book::{Book, Said, Value};
use crate::random::Random;

/// Data points of an agent.
pub(crate) const DATA_POINTS: [&str; 3] = ["temperature", "speed", "state"];

/// Values of a burst: a few of them fill a head.
const BURST: i64 = 90;

/// A second, microseconds.
const SECOND: i64 = 1_000_000;

/// What an agent said, and how far it has come.
#[derive(Debug)]
pub(crate) struct Speech {
    tenant: String,
    client_id: String,
    /// Makes every text of this agent another one.
    counter: u64,
    /// Its latest sample time.
    latest_us: i64,
    /// Some of its values, to say them again.
    memory: Vec<Value>,
}

#[derive(Clone, Copy)]
enum Manner {
    Good,
    Burst,
    Late,
    Repeated,
    Corrected,
    NoJson,
    HalfBad,
    BadTime,
    UnknownTopic,
    WithoutQuality,
}

const MANNERS: [(u64, Manner); 10] = [
    (20, Manner::Good),
    (6, Manner::Burst),
    (4, Manner::Late),
    (4, Manner::Repeated),
    (4, Manner::Corrected),
    (1, Manner::NoJson),
    (2, Manner::HalfBad),
    (1, Manner::BadTime),
    (1, Manner::UnknownTopic),
    (1, Manner::WithoutQuality),
];

impl Speech {
    pub(crate) fn new(tenant: &str, client_id: &str) -> Speech {
        Speech {
            tenant: tenant.to_owned(),
            client_id: client_id.to_owned(),
            counter: 0,
            latest_us: 0,
            memory: Vec::new(),
        }
    }

    /// Says something; gives its number in the book.
    pub(crate) fn say(&mut self, book: &mut Book, random: &mut Random, qos: u8, now_us: i64) -> usize {
        let manner = random.weighted(&MANNERS);
        let values = self.values(manner, random, now_us);
        let number = book.said.len();
        let (payload, rejects) = self.payload(manner, &values, number);
        let tail = if matches!(manner, Manner::UnknownTopic) { "mc_v9/ts" } else { "mc_v3/ts" };
        let topic = format!("tc/{}/{}/o/{tail}", self.tenant, self.client_id);
        let values =
            if matches!(manner, Manner::NoJson | Manner::BadTime | Manner::UnknownTopic) { Vec::new() } else { values };
        self.remember(&values, random);
        book.say(Said { client_id: self.client_id.clone(), qos, topic, payload, values, rejects })
    }

    fn values(&mut self, manner: Manner, random: &mut Random, now_us: i64) -> Vec<Value> {
        let count = 1 + random.below(4) as i64;
        match manner {
            Manner::Burst => (0..BURST).map(|_| self.fresh(DATA_POINTS[0], random, now_us)).collect(),
            Manner::Late => (0..count).map(|_| self.late(random)).collect(),
            Manner::Repeated if !self.memory.is_empty() => {
                (0..count).map(|_| self.memory[random.index(self.memory.len())].clone()).collect()
            }
            Manner::Corrected if !self.memory.is_empty() => {
                let old = self.memory[random.index(self.memory.len())].clone();
                vec![Value { text: self.text(random), ..old }]
            }
            _ => (0..count).map(|_| self.fresh(random.pick(&DATA_POINTS), random, now_us)).collect(),
        }
    }

    /// A value of now.
    fn fresh(&mut self, data_point: &'static str, random: &mut Random, now_us: i64) -> Value {
        let now_us = now_us / 1000 * 1000;
        self.latest_us = (self.latest_us + 1000 * (1 + random.below(50) as i64)).max(now_us - SECOND);
        self.value(data_point, self.latest_us, random)
    }

    /// A value of some time ago, at which there may be one already.
    fn late(&mut self, random: &mut Random) -> Value {
        let data_point = random.pick(&DATA_POINTS);
        let time_us = self.latest_us - 1000 * random.below(5_000_000) as i64;
        self.value(data_point, time_us.max(SECOND), random)
    }

    fn value(&mut self, data_point: &'static str, time_us: i64, random: &mut Random) -> Value {
        let quality = if random.one_in(10) { 7 } else { 0 };
        Value { data_point, time_us, text: self.text(random), quality }
    }

    /// A text that this agent has never used, an exact number or not.
    fn text(&mut self, random: &mut Random) -> String {
        self.counter += 1;
        let counter = self.counter;
        let forms = [
            format!("{counter}"),
            format!("-{counter}.50"),
            format!("{counter}.0"),
            format!("00{counter}"),
            format!("{counter}e3"),
            format!("{} is {counter}", self.client_id),
        ];
        forms[random.index(forms.len())].clone()
    }

    /// The message, and how many values of it cannot be taken. An unknown key makes every message another one.
    fn payload(&self, manner: Manner, values: &[Value], number: usize) -> (String, u64) {
        let entry = |value: &Value| {
            let Value { data_point, text, quality, .. } = value;
            format!(r#"{{"dataPointId":"{data_point}","value":"{text}","qualityCode":"{quality}"}}"#)
        };
        let sampling = |time: &str, entries: &str| format!(r#"{{"timestamp":"{time}","values":[{entries}]}}"#);
        let message = |samplings: &[String]| format!(r#"{{"n":{number},"timeseries":[{}]}}"#, samplings.join(","));
        let mut samplings: Vec<_> =
            values.iter().map(|value| sampling(&format_time(value.time_us), &entry(value))).collect();
        match manner {
            Manner::NoJson => (format!("message {number} is no JSON"), 1),
            Manner::UnknownTopic => (message(&samplings), 1),
            Manner::BadTime => {
                let entries: Vec<_> = values.iter().map(entry).collect();
                (message(&[sampling("yesterday", &entries.join(","))]), values.len() as u64)
            }
            Manner::HalfBad => {
                samplings
                    .push(sampling(&format_time(SECOND), r#"{"dataPointId":"state","value":null,"qualityCode":"0"}"#));
                (message(&samplings), 1)
            }
            Manner::WithoutQuality => {
                let message = message(&samplings).replace(r#","qualityCode":"0""#, "");
                (message, 0)
            }
            _ => (message(&samplings), 0),
        }
    }

    fn remember(&mut self, values: &[Value], random: &mut Random) {
        for value in values.iter().take(2) {
            if self.memory.len() < 30 {
                self.memory.push(value.clone());
            } else {
                let index = random.index(self.memory.len());
                self.memory[index] = value.clone();
            }
        }
    }
}
