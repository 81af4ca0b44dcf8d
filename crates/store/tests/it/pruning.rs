//! Bounds of rejects and refusals.

use std::time::Duration;

use store::{PruneLimits, Refusal, RefusalFilter, Store};

use crate::bed::{AGENT, Open, TENANT, audit, reject};

const NO_LIMITS: PruneLimits = PruneLimits {
    rejects_max: u64::MAX,
    rejects_bytes_max: u64::MAX,
    rejects_age_max: Duration::MAX,
    refusals_max: u64::MAX,
    refusals_bytes_max: u64::MAX,
    refusals_age_max: Duration::MAX,
};

fn rejects(store: &dyn Store, tenant: &str) -> Vec<u64> {
    store.rejects(tenant, None, 100_000).unwrap().into_iter().map(|reject| reject.position).collect()
}

fn refusals(store: &dyn Store) -> Vec<i64> {
    let filter = RefusalFilter { limit: 100_000, ..RefusalFilter::default() };
    store.refusals(&filter).unwrap().into_iter().map(|refusal| refusal.at_us).collect()
}

fn bytes(store: &dyn Store, kind: &str) -> u64 {
    store.sizes().unwrap().into_iter().find(|(name, _)| *name == kind).unwrap().1
}

fn filled(open: &Open<'_>) -> Box<dyn Store> {
    let store = open();
    let rows: Vec<_> = (1..=4).map(|position| reject(position, AGENT, position as i64 * 10)).collect();
    store.project(TENANT, &rows).unwrap();
    store.project("other", &rows[..2]).unwrap();
    let refusal = |at_us| Refusal { at_us, tenant: (at_us % 20 == 0).then(|| TENANT.to_owned()), ..Refusal::default() };
    store.record_refusals(&[refusal(10), refusal(20), refusal(30), refusal(40)]).unwrap();
    store
}

pub(crate) fn nothing_within_the_limits_goes(open: &Open<'_>) {
    let store = filled(open);
    store.prune(1_000, &NO_LIMITS).unwrap();
    store.prune(1_000, &PruneLimits::default()).unwrap();
    assert_eq!(rejects(&*store, TENANT), [4, 3, 2, 1]);
    assert_eq!(refusals(&*store), [40, 30, 20, 10]);
}

pub(crate) fn the_oldest_beyond_a_count_go(open: &Open<'_>) {
    let store = filled(open);
    store.prune(1_000, &PruneLimits { rejects_max: 3, refusals_max: 1, ..NO_LIMITS }).unwrap();
    assert_eq!(rejects(&*store, TENANT), [4, 3, 2]);
    assert_eq!(rejects(&*store, "other"), [2, 1]);
    assert_eq!(refusals(&*store), [40]);
    store.prune(1_000, &PruneLimits { rejects_max: 0, refusals_max: 0, ..NO_LIMITS }).unwrap();
    assert_eq!(rejects(&*store, TENANT), [0; 0]);
    assert_eq!(refusals(&*store), [0; 0]);
    assert_eq!((bytes(&*store, "rejects"), bytes(&*store, "refusals")), (0, 0));
}

pub(crate) fn the_oldest_beyond_their_bytes_go(open: &Open<'_>) {
    let store = filled(open);
    let one = bytes(&*store, "rejects") / 6;
    store.prune(1_000, &PruneLimits { rejects_bytes_max: 2 * one, ..NO_LIMITS }).unwrap();
    assert_eq!(rejects(&*store, TENANT), [4, 3]);
    assert_eq!(rejects(&*store, "other"), [2, 1]);
    store.prune(1_000, &PruneLimits { rejects_bytes_max: 2 * one - 1, refusals_bytes_max: 0, ..NO_LIMITS }).unwrap();
    assert_eq!(rejects(&*store, TENANT), [4]);
    assert_eq!(refusals(&*store), [0; 0]);
}

pub(crate) fn what_is_too_old_goes(open: &Open<'_>) {
    let store = filled(open);
    let age = Duration::from_micros(30);
    store.prune(50, &PruneLimits { rejects_age_max: age, refusals_age_max: age, ..NO_LIMITS }).unwrap();
    assert_eq!(rejects(&*store, TENANT), [4, 3, 2]);
    assert_eq!(rejects(&*store, "other"), [2]);
    assert_eq!(refusals(&*store), [40, 30, 20]);
}

pub(crate) fn many_go_in_one_call(open: &Open<'_>) {
    let store = open();
    let rows: Vec<_> = (1..=11_000).map(|position| reject(position, AGENT, 0)).collect();
    store.project(TENANT, &rows).unwrap();
    store.prune(0, &PruneLimits { rejects_max: 5, ..NO_LIMITS }).unwrap();
    assert_eq!(rejects(&*store, TENANT), [11_000, 10_999, 10_998, 10_997, 10_996]);
}

pub(crate) fn the_audit_stays(open: &Open<'_>) {
    let store = open();
    store.project(TENANT, &[audit(1, "one"), audit(2, "two")]).unwrap();
    let nothing = PruneLimits {
        rejects_max: 0,
        rejects_bytes_max: 0,
        rejects_age_max: Duration::ZERO,
        refusals_max: 0,
        refusals_bytes_max: 0,
        refusals_age_max: Duration::ZERO,
    };
    store.prune(i64::MAX, &nothing).unwrap();
    assert_eq!(store.audit(TENANT, 10).unwrap().len(), 2);
}
