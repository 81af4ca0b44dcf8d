//! Queries of a series, by example.

use std::ops::Range;

use ingest::Value;
use store::Order::{Ascending, Descending};
use store::{Aggregate, Order, Store, whole_buckets};
use tenant::{Sample, Unwritten};

use crate::bed::{Open, TENANT, checkpoint, chunk, sample, series, text};

fn read(store: &dyn Store, unwritten: &Unwritten, order: Order) -> Vec<(i64, String)> {
    let samples = store.samples(&series("speed", i64::MIN..i64::MAX), unwritten, 1000, order).unwrap();
    samples.into_iter().map(|sample| (sample.time_us, sample.value.to_string())).collect()
}

fn pairs(expected: &[(i64, &str)]) -> Vec<(i64, String)> {
    expected.iter().map(|(time, value)| (*time, (*value).to_owned())).collect()
}

pub(crate) fn the_head_goes_before_chunks_and_later_chunks_before_earlier_ones(open: &Open<'_>) {
    let store = open();
    let chunks = vec![
        chunk("speed", 0, vec![text(1, "c0"), text(2, "c0"), text(3, "c0"), text(4, "c0")]),
        chunk("speed", 1, vec![text(2, "c1"), text(3, "c1"), text(9, "c1")]),
        chunk("other", 0, vec![text(5, "another series")]),
    ];
    store.checkpoint(TENANT, &checkpoint(1, chunks.clone())).unwrap();
    let unwritten = Unwritten {
        head: vec![text(4, "head"), text(7, "head")],
        // One that is in the database by now, and one that is not.
        chunks: vec![chunks[1].clone(), chunk("speed", 2, vec![text(3, "c2"), text(4, "c2"), text(8, "c2")])],
    };
    let mut expected = pairs(&[(1, "c0"), (2, "c1"), (3, "c2"), (4, "head"), (7, "head"), (8, "c2"), (9, "c1")]);
    assert_eq!(read(&*store, &unwritten, Ascending), expected);
    expected.reverse();
    assert_eq!(read(&*store, &unwritten, Descending), expected);
}

pub(crate) fn a_range_has_its_start_and_not_its_end(open: &Open<'_>) {
    let store = open();
    let chunks = vec![chunk("speed", 0, (0..10).map(|time| sample(time, 0)).collect())];
    store.checkpoint(TENANT, &checkpoint(1, chunks)).unwrap();
    let times = |range, order| -> Vec<i64> {
        let samples = store.samples(&series("speed", range), &Unwritten::default(), 3, order).unwrap();
        samples.iter().map(|sample| sample.time_us).collect()
    };
    assert_eq!(times(2..4, Ascending), [2, 3]);
    assert_eq!(times(2..4, Descending), [3, 2]);
    assert_eq!(times(5..100, Ascending), [5, 6, 7]);
    assert_eq!(times(-7..6, Descending), [5, 4, 3]);
    assert_eq!(times(4..4, Ascending), [0; 0]);
    assert_eq!(times(Range { start: 7, end: 2 }, Descending), [0; 0]);
    assert_eq!(times(10..20, Ascending), [0; 0]);
}

pub(crate) fn the_ends_of_time_are_times(open: &Open<'_>) {
    let store = open();
    let chunks = vec![chunk("speed", 0, vec![sample(i64::MIN, 1), sample(0, 2), sample(i64::MAX - 1, 3)])];
    store.checkpoint(TENANT, &checkpoint(1, chunks)).unwrap();
    let none = Unwritten::default();
    let expected = [sample(i64::MIN, 1), sample(0, 2), sample(i64::MAX - 1, 3)];
    let query = series("speed", i64::MIN..i64::MAX);
    assert_eq!(store.samples(&query, &none, 9, Ascending).unwrap(), expected);
    let mut reversed = store.samples(&query, &none, 9, Descending).unwrap();
    reversed.reverse();
    assert_eq!(reversed, expected);
    let buckets = store.downsample(&query, &none, 1 << 62, Aggregate::Count, 9, Ascending).unwrap();
    assert_eq!(buckets, [sample(i64::MIN, 1), sample(0, 1), sample(1 << 62, 1)]);
    // A width that makes no sense is the smallest one.
    assert_eq!(store.downsample(&query, &none, 0, Aggregate::Last, 9, Ascending).unwrap(), expected);
}

pub(crate) fn buckets_are_aligned_to_the_epoch(open: &Open<'_>) {
    let store = open();
    let samples = vec![sample(-11, 1), sample(-1, 2), sample(0, 3), sample(9, 4), sample(25, 5)];
    let unwritten = Unwritten { head: samples, chunks: Vec::new() };
    let count = |limit, order| {
        store.downsample(&series("speed", -100..100), &unwritten, 10, Aggregate::Count, limit, order).unwrap()
    };
    assert_eq!(count(9, Ascending), [sample(-20, 1), sample(-10, 1), sample(0, 2), sample(20, 1)]);
    assert_eq!(count(2, Descending), [sample(20, 1), sample(0, 2)]);
    assert_eq!(count(0, Descending), []);
}

pub(crate) fn each_function_takes_what_it_can_read(open: &Open<'_>) {
    let store = open();
    let decimal = |mantissa, scale| Value::Decimal { mantissa, scale };
    let at = |time_us, value, quality| Sample { time_us, value, quality };
    let head = vec![
        at(0, decimal(250, 2), 0),
        at(1, Value::Integer(-3), 5),
        at(2, Value::Float(f64::NAN), 9),
        at(3, Value::Text("stopped".into()), -70),
        at(4, decimal(25, 1), 0),
        at(5, decimal(-30, 1), -6),
        at(6, Value::Text("running".into()), 2),
        at(10, Value::Text("no number".into()), 1),
        at(20, Value::Float(0.5), 0),
    ];
    let unwritten = Unwritten { head, chunks: Vec::new() };
    for order in [Ascending, Descending] {
        let of = |aggregate| {
            let range = whole_buckets(&(0..21), 10);
            let mut buckets = store.downsample(&series("speed", range), &unwritten, 10, aggregate, 9, order).unwrap();
            buckets.sort_by_key(|bucket| bucket.time_us);
            buckets
        };
        // Of equal numbers the earliest, in its own digits; the quality is the worst of the numbers.
        assert_eq!(of(Aggregate::Min), [at(0, Value::Integer(-3), -6), at(20, Value::Float(0.5), 0)]);
        assert_eq!(of(Aggregate::Max), [at(0, decimal(250, 2), -6), at(20, Value::Float(0.5), 0)]);
        assert_eq!(of(Aggregate::Mean), [at(0, Value::Float(-0.25), -6), at(20, Value::Float(0.5), 0)]);
        let last = [
            at(0, Value::Text("running".into()), 2),
            at(10, Value::Text("no number".into()), 1),
            at(20, Value::Float(0.5), 0),
        ];
        assert_eq!(of(Aggregate::Last), last);
        let count = [at(0, Value::Integer(7), -70), at(10, Value::Integer(1), 1), at(20, Value::Integer(1), 0)];
        assert_eq!(of(Aggregate::Count), count);
    }
}

pub(crate) fn more_overlapping_samples_than_memory_allows_are_read_in_parts(open: &Open<'_>) {
    let store = open();
    // 60 chunks of 8 samples of 128 kB, all over the same time: 60 MB.
    let long = "x".repeat(128 << 10);
    let of = |sequence: u64| (0..8).map(|step| text(step * 100 + sequence as i64, &long)).collect();
    let chunks = (0..60).map(|sequence| chunk("speed", sequence, of(sequence))).collect();
    store.checkpoint(TENANT, &checkpoint(1, chunks)).unwrap();
    let unwritten = Unwritten { head: vec![sample(0, 1), sample(310, 1)], chunks: Vec::new() };
    for order in [Ascending, Descending] {
        let of = |every_us, aggregate| {
            store.downsample(&series("speed", 0..1000), &unwritten, every_us, aggregate, 999, order).unwrap()
        };
        let counts: Vec<_> = of(100, Aggregate::Count).into_iter().map(|bucket| bucket.value).collect();
        assert_eq!(counts, vec![Value::Integer(60); 8]);
        let all = of(1, Aggregate::Last);
        assert_eq!(all.len(), 480);
        let forward = order == Ascending;
        assert!(all.is_sorted_by(|a, b| if forward { a.time_us < b.time_us } else { a.time_us > b.time_us }));
        let mut of_head: Vec<_> = all.iter().filter(|sample| sample.value == Value::Integer(1)).collect();
        of_head.sort_by_key(|sample| sample.time_us);
        assert_eq!(of_head, [&sample(0, 1), &sample(310, 1)]);
    }
}
