//! Random series against a plain map: late, overlapping and repeated samples, in the head, in sealed chunks and in the
//! database, before and after folding.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use ingest::Value;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use store::Order::{Ascending, Descending};
use store::{Aggregate, Order, Store, whole_buckets};
use tenant::{Sample, SealedChunk, Unwritten};

use crate::bed::{Open, TENANT, checkpoint, chunk, series};

type Values = BoxedStrategy<Value<'static>>;

/// What happens to the series.
#[derive(Clone, Debug)]
enum Step {
    /// A chunk is sealed.
    Seal(Vec<Sample>),
    /// Sealed chunks are written, and some that were written before once more.
    Write { again: usize },
    /// The database folds chunks.
    Merge,
    /// The server starts again.
    Restart,
    /// A query.
    Ask(Question),
}

#[derive(Clone, Debug)]
struct Question {
    head: Vec<Sample>,
    range: Range<i64>,
    limit: usize,
    every_us: i64,
    /// Chunks that were written since the head was read.
    overtaken: usize,
}

/// The series as it should be.
#[derive(Default)]
struct Model {
    chunks: Vec<Arc<SealedChunk>>,
    written: usize,
}

impl Model {
    fn truth(&self, head: &[Sample]) -> BTreeMap<i64, Sample> {
        let sealed = self.chunks.iter().flat_map(|chunk| &chunk.samples);
        sealed.chain(head).map(|sample| (sample.time_us, sample.clone())).collect()
    }

    fn unwritten(&self, question: &Question) -> Unwritten {
        let from = self.written.saturating_sub(question.overtaken);
        Unwritten { head: question.head.clone(), chunks: self.chunks[from..].to_vec() }
    }

    fn take(&mut self, step: &Step, store: &mut Box<dyn Store>, open: &Open<'_>) {
        match step {
            Step::Seal(samples) => self.chunks.push(chunk("speed", self.chunks.len() as u64, samples.clone())),
            Step::Write { again } => {
                let from = self.written.saturating_sub(*again);
                store.checkpoint(TENANT, &checkpoint(self.chunks.len() as u64, self.chunks[from..].to_vec())).unwrap();
                self.written = self.chunks.len();
            }
            Step::Merge => drop(store.merge(TENANT, 1).unwrap()),
            Step::Restart => *store = open(),
            Step::Ask(question) => self.check(question, &**store),
        }
    }

    fn check(&self, question: &Question, store: &dyn Store) {
        let truth = self.truth(&question.head);
        let unwritten = self.unwritten(question);
        let range = question.range.clone();
        for order in [Ascending, Descending] {
            let mut expected: Vec<_> = truth.range(range.clone()).map(|(_, sample)| sample.clone()).collect();
            if order == Descending {
                expected.reverse();
            }
            let samples = store.samples(&series("speed", range.clone()), &unwritten, question.limit, order).unwrap();
            check_same(&samples, &expected[..question.limit.min(expected.len())]);
            check_same(&pages(store, &unwritten, range.clone(), question.limit, order), &expected);
            for aggregate in [Aggregate::Min, Aggregate::Max, Aggregate::Mean, Aggregate::Last, Aggregate::Count] {
                let every_us = question.every_us;
                let range = whole_buckets(&range, every_us);
                let mut expected = buckets(&truth, range.clone(), every_us, aggregate);
                if order == Descending {
                    expected.reverse();
                }
                let query = series("speed", range);
                let samples = store.downsample(&query, &unwritten, every_us, aggregate, question.limit, order).unwrap();
                check_same(&samples, &expected[..question.limit.min(expected.len())]);
            }
        }
    }
}

/// Names the first difference; long texts are not for reading.
fn check_same(samples: &[Sample], expected: &[Sample]) {
    let short = |sample: Option<&Sample>| {
        sample.map(|s| (s.time_us, s.value.to_string().chars().take(9).collect::<String>(), s.quality))
    };
    let length = samples.len().max(expected.len());
    if let Some(place) = (0..length).find(|place| samples.get(*place) != expected.get(*place)) {
        panic!("sample {place} is {:?} instead of {:?}", short(samples.get(place)), short(expected.get(place)));
    }
}

/// All of a range, page by page, as the server does it.
fn pages(store: &dyn Store, unwritten: &Unwritten, mut range: Range<i64>, limit: usize, order: Order) -> Vec<Sample> {
    let mut all = Vec::new();
    loop {
        let mut page = store.samples(&series("speed", range.clone()), unwritten, limit + 1, order).unwrap();
        let next = page.get(limit).map(|sample| sample.time_us);
        page.truncate(limit);
        all.append(&mut page);
        match (next, order) {
            (None, _) => return all,
            (Some(next), Ascending) => range.start = next,
            (Some(next), Descending) => range.end = next + 1,
        }
    }
}

/// The values of the test have few digits, so that every sum is exact.
fn buckets(truth: &BTreeMap<i64, Sample>, range: Range<i64>, every_us: i64, aggregate: Aggregate) -> Vec<Sample> {
    let mut buckets = BTreeMap::<i64, Vec<&Sample>>::new();
    for (time, sample) in truth.range(range) {
        buckets.entry(time.div_euclid(every_us)).or_default().push(sample);
    }
    let reduce = |(index, all): (i64, Vec<&Sample>)| {
        let number = |sample: &&&Sample| sample.value.as_f64().is_some();
        let numbers: Vec<_> = all.iter().filter(number).copied().collect();
        let float = |sample: &Sample| sample.value.as_f64().unwrap();
        // Of equal numbers an exact one goes before a float; `min_by` takes the first of what is still equal.
        let rank = |sample: &Sample| matches!(sample.value, Value::Float(_));
        let part = match aggregate {
            Aggregate::Last => vec![*all.last()?],
            Aggregate::Count => all.clone(),
            _ => numbers.clone(),
        };
        let value = match aggregate {
            Aggregate::Last => all.last()?.value.clone(),
            Aggregate::Count => Value::Integer(all.len() as i64),
            Aggregate::Mean if numbers.is_empty() => return None,
            Aggregate::Mean => Value::Float(numbers.iter().map(|s| float(s)).sum::<f64>() / numbers.len() as f64),
            Aggregate::Min => {
                let order = |a: &&&Sample, b: &&&Sample| float(a).total_cmp(&float(b)).then(rank(a).cmp(&rank(b)));
                numbers.iter().min_by(order)?.value.clone()
            }
            Aggregate::Max => {
                let order = |a: &&&Sample, b: &&&Sample| float(b).total_cmp(&float(a)).then(rank(b).cmp(&rank(a)));
                numbers.iter().min_by(order)?.value.clone()
            }
        };
        let quality = part.iter().map(|s| s.quality).max_by_key(|quality| (quality.unsigned_abs(), *quality))?;
        Some(Sample { time_us: index * every_us, value, quality })
    };
    buckets.into_iter().filter_map(reduce).collect()
}

fn value() -> impl Strategy<Value = Value<'static>> {
    prop_oneof![
        4 => (-5..5_i64).prop_map(Value::Integer),
        4 => (-8..8_i64).prop_map(|halves| Value::Decimal { mantissa: halves * 5, scale: 1 }),
        1 => (-8..8_i32).prop_map(|halves| Value::Float(f64::from(halves) / 2.0)),
        1 => "[a-z]{0,3}".prop_map(|text| Value::Text(text.into())),
    ]
}

/// A text of which a few are a chunk, and sixty are all that one fold takes.
fn long_text() -> impl Strategy<Value = Value<'static>> {
    (0..9_u8).prop_map(|digit| Value::Text(format!("{digit}{}", "x".repeat(200 << 10)).into()))
}

/// Samples of one chunk or head: in the order of time, one a time.
fn samples(times: Range<i64>, count: Range<usize>, value: Values) -> impl Strategy<Value = Vec<Sample>> {
    let quality = prop_oneof![3 => Just(0), 1 => -2..3_i64];
    prop::collection::btree_map(times, (value, quality), count).prop_map(|samples| {
        let sample = |(time_us, (value, quality))| Sample { time_us, value, quality };
        samples.into_iter().map(sample).collect()
    })
}

fn question(times: Range<i64>, value: Values) -> impl Strategy<Value = Step> {
    let length = times.end - times.start;
    let limit = 1..length as usize / 4;
    (samples(times.clone(), 0..6, value), times, 0..length, limit, 1..length, 0..4_usize).prop_map(
        move |(head, start, span, limit, every_us, overtaken)| {
            Step::Ask(Question { head, range: start..start + span, limit, every_us, overtaken })
        },
    )
}

fn steps(times: Range<i64>, count: Range<usize>, steps_max: usize, value: Values) -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => samples(times.clone(), count, value.clone()).prop_map(Step::Seal),
        3 => (0..3_usize).prop_map(|again| Step::Write { again }),
        2 => Just(Step::Merge),
        1 => Just(Step::Restart),
        2 => question(times.clone(), value.clone()),
    ];
    let end = [Step::Write { again: 0 }, Step::Merge];
    (prop::collection::vec(step, 1..steps_max), question(times, value)).prop_map(move |(mut steps, question)| {
        steps.extend([question.clone()].into_iter().chain(end.clone()).chain([question]));
        steps
    })
}

fn check(opens: Opens<'_>, cases: u32, steps: impl Strategy<Value = Vec<Step>>) {
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&steps, |steps| {
        opens(&mut |open| {
            let mut model = Model::default();
            let mut store = open();
            steps.iter().for_each(|step| model.take(step, &mut store, open));
        });
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

/// Gives a new database for each case.
type Opens<'a> = &'a dyn Fn(&mut dyn FnMut(&Open<'_>));

pub(crate) fn small_series_read_as_a_map_does(opens: Opens<'_>) {
    check(opens, 100, steps(-40..80, 1..8, 60, value().boxed()));
}

/// Chunks that fill several folded ones.
pub(crate) fn large_series_read_as_a_map_does(opens: Opens<'_>) {
    check(opens, 8, steps(0..20_000, 100..1000, 50, value().boxed()));
}

/// More than one fold, and more than the open chunks of a query, may take.
pub(crate) fn heavy_series_read_as_a_map_does(opens: Opens<'_>) {
    check(opens, 12, steps(0..150, 1..8, 60, long_text().boxed()));
}
