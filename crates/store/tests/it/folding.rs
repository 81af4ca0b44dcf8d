//! Folding of chunks; that no answer changes is the subject of `model`.

use store::Order::Ascending;
use store::Store;
use tenant::Unwritten;

use crate::bed::{Open, TENANT, checkpoint, chunk, sample, series, text};

fn count(store: &dyn Store, data_point: &str) -> usize {
    let query = series(data_point, i64::MIN..i64::MAX);
    store.samples(&query, &Unwritten::default(), usize::MAX, Ascending).unwrap().len()
}

pub(crate) fn many_chunks_become_few_large_ones(open: &Open<'_>) {
    let store = open();
    let of = |sequence: i64| chunk("speed", sequence as u64, (0..512).map(|n| sample(sequence * 512 + n, n)).collect());
    store.checkpoint(TENANT, &checkpoint(1, (0..7).map(of).collect())).unwrap();
    assert_eq!(store.merge(TENANT, 10).unwrap(), 0);
    store.checkpoint(TENANT, &checkpoint(2, (7..40).map(of).collect())).unwrap();
    // 20,480 samples are five chunks of 4,096.
    assert_eq!(store.merge(TENANT, 10).unwrap(), 35);
    assert_eq!(store.merge(TENANT, 10).unwrap(), 0);
    assert_eq!(count(&*store, "speed"), 20_480);
    // Full ones stay; eight more become one.
    store.checkpoint(TENANT, &checkpoint(3, (40..48).map(of).collect())).unwrap();
    assert_eq!(store.merge(TENANT, 10).unwrap(), 7);
    assert_eq!(count(&*store, "speed"), 24_576);
}

pub(crate) fn late_chunks_are_sorted_in(open: &Open<'_>) {
    let store = open();
    // Each of sixteen chunks reaches over all the time that there is.
    let of = |sequence: i64| chunk("speed", sequence as u64, (0..4096).map(|n| sample(n * 16 + sequence, n)).collect());
    store.checkpoint(TENANT, &checkpoint(1, (0..16).map(of).collect())).unwrap();
    assert_eq!(store.merge(TENANT, 10).unwrap(), 0);
    assert_eq!(count(&*store, "speed"), 16 * 4096);
    // The same once more: what is folded is folded into as many chunks, which hold all of it once.
    let again = |sequence: i64| chunk("speed", sequence as u64 + 16, of(sequence).samples.clone());
    store.checkpoint(TENANT, &checkpoint(2, (0..16).map(again).collect())).unwrap();
    assert_eq!(store.merge(TENANT, 10).unwrap(), 16);
    assert_eq!(count(&*store, "speed"), 16 * 4096);
}

pub(crate) fn each_call_has_a_budget_of_series(open: &Open<'_>) {
    let store = open();
    let of = |data_point: &str, count| -> Vec<_> {
        (0..count).map(|sequence| chunk(data_point, sequence, vec![sample(sequence as i64, 1)])).collect()
    };
    store.checkpoint(TENANT, &checkpoint(1, [of("few", 8), of("many", 20), of("none", 3)].concat())).unwrap();
    assert_eq!(store.merge(TENANT, 0).unwrap(), 0);
    // The one with the most goes first.
    assert_eq!(store.merge(TENANT, 1).unwrap(), 19);
    assert_eq!(store.merge(TENANT, 1).unwrap(), 7);
    assert_eq!(store.merge(TENANT, 1).unwrap(), 0);
    assert_eq!((count(&*store, "few"), count(&*store, "many"), count(&*store, "none")), (8, 20, 3));
}

pub(crate) fn long_texts_make_smaller_chunks(open: &Open<'_>) {
    let store = open();
    let long = "x".repeat(100 << 10);
    let of =
        |sequence: i64| chunk("log", sequence as u64, vec![text(2 * sequence, &long), text(2 * sequence + 1, "short")]);
    store.checkpoint(TENANT, &checkpoint(1, (0..30).map(of).collect())).unwrap();
    // Ten of the long ones are a megabyte.
    assert_eq!(store.merge(TENANT, 10).unwrap(), 27);
    let samples = store.samples(&series("log", 0..100), &Unwritten::default(), 100, Ascending).unwrap();
    let expected: Vec<_> = (0..30).flat_map(|sequence| of(sequence).samples.clone()).collect();
    assert!(samples == expected);
}
