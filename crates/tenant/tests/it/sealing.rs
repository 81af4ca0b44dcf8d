//! Heads become chunks, by count and by age.

use tenant::{RECENT_COUNT, Record, SEAL_AGE_US, SEAL_COUNT, Tenant};

use crate::bed::{ALWAYS, Bed, NOW, SECOND, message, text};

fn fill(bed: &mut Bed, from: usize, count: usize) {
    let press = bed.connect("press", crate::bed::PERSISTENT);
    let texts: Vec<_> = (from..from + count).map(|n| n.to_string()).collect();
    let values: Vec<_> = (from..).zip(&texts).map(|(n, text)| ("temp", NOW + n as i64 * SECOND, &**text)).collect();
    bed.publish(&press, &message(&values));
}

#[test]
fn a_head_is_sealed_when_it_is_full() {
    let mut bed = Bed::new();
    bed.onboard("press");
    fill(&mut bed, 0, SEAL_COUNT - 1);
    assert_eq!(bed.tenant.sealed_samples(), 0);
    fill(&mut bed, SEAL_COUNT - 1, 3);
    assert_eq!(bed.tenant.sealed_samples(), SEAL_COUNT);
    let unwritten = bed.tenant.unwritten("acme_press", "temp", &ALWAYS);
    assert_eq!((unwritten.chunks.len(), unwritten.head.len()), (1, 2));
    assert_eq!((unwritten.chunks[0].sequence, unwritten.chunks[0].samples.len()), (0, SEAL_COUNT));
    assert!(unwritten.chunks[0].samples.is_sorted_by_key(|sample| sample.time_us));
    assert_eq!(bed.samples("press", "temp").len(), SEAL_COUNT + 2);
}

#[test]
fn the_last_sealed_values_are_still_told_as_duplicates() {
    let mut bed = Bed::new();
    bed.onboard("press");
    fill(&mut bed, 0, SEAL_COUNT);
    fill(&mut bed, SEAL_COUNT - RECENT_COUNT - 1, RECENT_COUNT + 1);
    let ledger = bed.ledger("press");
    assert_eq!((ledger.stored, ledger.duplicate), (SEAL_COUNT as u64 + 1, RECENT_COUNT as u64));
}

#[test]
fn a_head_is_sealed_when_it_is_old() {
    let mut bed = Bed::new();
    let press = bed.agent("press");
    bed.publish(&press, &message(&[("temp", NOW, "1"), ("speed", NOW, "2")]));
    bed.now_us += SECOND;
    bed.publish(&press, &message(&[("power", NOW, "3")]));
    assert_eq!(bed.tenant.poll_timeout(), Some(NOW + SEAL_AGE_US));
    bed.apply(&Record::Timeout { now_us: NOW + SEAL_AGE_US - 1 });
    assert_eq!(bed.tenant.sealed_samples(), 0);
    bed.apply(&Record::Timeout { now_us: NOW + SEAL_AGE_US });
    let chunks = bed.tenant.checkpoint().chunks;
    let names: Vec<_> = chunks.iter().map(|chunk| &*chunk.data_point).collect();
    assert_eq!(names, ["speed", "temp"], "in the order of their names");
    assert_eq!(bed.tenant.poll_timeout(), Some(NOW + SECOND + SEAL_AGE_US));
    assert_eq!(bed.samples("press", "temp"), [(NOW, "1".to_owned())]);
}

#[test]
fn a_clock_that_was_set_back_seals_at_the_same_moment_before_and_after_a_recovery() {
    let mut bed = Bed::new();
    let press = bed.agent("press");
    bed.publish(&press, &message(&[("temp", NOW, "1")]));
    bed.now_us -= 1000 * SECOND;
    bed.publish(&press, &message(&[("speed", NOW, "1")]));
    assert_eq!(bed.tenant.poll_timeout(), Some(bed.now_us + SEAL_AGE_US));
    let parts: Vec<_> = bed.tenant.image().into_iter().filter_map(|part| Some((part.key, part.value?))).collect();
    let limits = tenant::Limits::default();
    let mut restored = Tenant::restore(bed.tenant.id().clone(), limits, bed.tenant.applied(), 0, parts).unwrap();
    let timeout = Record::Timeout { now_us: bed.now_us + SEAL_AGE_US };
    restored.apply(bed.position, &timeout, &mut Vec::new());
    bed.apply(&timeout);
    assert_eq!(bed.tenant.sealed_samples(), 1);
    assert_eq!(restored.image(), bed.tenant.image());
}

#[test]
fn a_range_is_asked_of_the_head_and_chunks_come_whole() {
    let mut bed = Bed::new();
    bed.onboard("press");
    fill(&mut bed, 0, SEAL_COUNT);
    fill(&mut bed, SEAL_COUNT, 10);
    let at = |n: usize| NOW + n as i64 * SECOND;
    let unwritten = bed.tenant.unwritten("acme_press", "temp", &(at(SEAL_COUNT + 2)..at(SEAL_COUNT + 4)));
    let head: Vec<_> = unwritten.head.iter().map(text).collect();
    assert_eq!(
        head,
        [(at(SEAL_COUNT + 2), (SEAL_COUNT + 2).to_string()), (at(SEAL_COUNT + 3), (SEAL_COUNT + 3).to_string())]
    );
    assert_eq!(unwritten.chunks.len(), 1);
    let backwards = std::ops::Range { start: at(SEAL_COUNT + 4), end: at(SEAL_COUNT + 2) };
    assert_eq!(bed.tenant.unwritten("acme_press", "temp", &backwards).head, []);
    assert_eq!(bed.tenant.unwritten("acme_press", "other", &ALWAYS), tenant::Unwritten::default());
    assert_eq!(bed.tenant.unwritten("acme_nobody", "temp", &ALWAYS), tenant::Unwritten::default());
}
