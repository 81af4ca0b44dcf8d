//! Checkpoints and restarts.

use store::TenantImage;
use tenant::{Checkpoint, Unwritten};

use crate::bed::{Open, TENANT, audit, checkpoint, chunk, part, sample, series};
use store::Order::Ascending;

pub(crate) fn a_new_database_has_no_tenants(open: &Open<'_>) {
    assert_eq!(open().restore().unwrap(), []);
}

pub(crate) fn a_restart_gives_back_the_last_checkpoint(open: &Open<'_>) {
    let store = open();
    let parts = vec![part("agent/b", Some(b"old")), part("agent/a", Some(b"a")), part("session/x", Some(b"x"))];
    store.checkpoint(TENANT, &Checkpoint { position: 7, parts, chunks: Vec::new() }).unwrap();
    let parts = vec![part("agent/b", Some(b"new")), part("session/x", None), part("never/there", None)];
    store.checkpoint(TENANT, &Checkpoint { position: 9, parts, chunks: Vec::new() }).unwrap();
    store.project(TENANT, &[audit(8, "ca")]).unwrap();
    drop(store);
    let parts = vec![("agent/a".to_owned(), b"a".to_vec()), ("agent/b".to_owned(), b"new".to_vec())];
    let image = TenantImage { tenant: TENANT.to_owned(), position: 9, projected: 8, parts };
    assert_eq!(open().restore().unwrap(), [image]);
}

pub(crate) fn a_tenant_is_known_by_its_projection_alone(open: &Open<'_>) {
    open().project(TENANT, &[audit(8, "ca")]).unwrap();
    let image = TenantImage { tenant: TENANT.to_owned(), position: 0, projected: 8, parts: Vec::new() };
    assert_eq!(open().restore().unwrap(), [image]);
}

pub(crate) fn a_checkpoint_written_again_changes_nothing(open: &Open<'_>) {
    let store = open();
    let first = chunk("speed", 0, vec![sample(1, 1), sample(2, 1)]);
    let second = chunk("speed", 1, vec![sample(2, 2), sample(3, 2)]);
    let checkpoint = checkpoint(5, vec![first.clone(), second]);
    store.checkpoint(TENANT, &checkpoint).unwrap();
    let before = store.sizes().unwrap();
    drop(store);
    let store = open();
    store.checkpoint(TENANT, &checkpoint).unwrap();
    assert_eq!(store.sizes().unwrap()[..5], before[..5]);
    let samples = store.samples(&series("speed", 0..10), &Unwritten::default(), 10, Ascending).unwrap();
    assert_eq!(samples, [sample(1, 1), sample(2, 2), sample(3, 2)]);
}

pub(crate) fn a_chunk_that_was_folded_is_not_written_again(open: &Open<'_>) {
    let store = open();
    let chunks: Vec<_> = (0..8).map(|sequence| chunk("speed", sequence, vec![sample(5, sequence as i64)])).collect();
    store.checkpoint(TENANT, &checkpoint(5, chunks.clone())).unwrap();
    assert_eq!(store.merge(TENANT, 1).unwrap(), 7);
    let before = store.sizes().unwrap();
    store.checkpoint(TENANT, &checkpoint(5, chunks)).unwrap();
    assert_eq!(store.sizes().unwrap()[..5], before[..5]);
    let samples = store.samples(&series("speed", 0..10), &Unwritten::default(), 10, Ascending).unwrap();
    assert_eq!(samples, [sample(5, 7)]);
}

pub(crate) fn an_empty_chunk_does_no_harm(open: &Open<'_>) {
    let store = open();
    store.checkpoint(TENANT, &checkpoint(5, vec![chunk("speed", 0, Vec::new())])).unwrap();
    assert_eq!(store.samples(&series("speed", 0..10), &Unwritten::default(), 10, Ascending).unwrap(), []);
}

pub(crate) fn the_floor_only_rises(open: &Open<'_>) {
    assert_eq!(open().floor().unwrap(), 0);
    open().set_floor(7).unwrap();
    open().set_floor(5).unwrap();
    assert_eq!(open().floor().unwrap(), 7);
}
