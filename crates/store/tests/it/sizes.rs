//! Bytes by kind.

use std::collections::BTreeSet;

use store::{Refusal, Store};
use tenant::Checkpoint;

use crate::bed::{AGENT, Open, TENANT, chunk, part, reject, sample};

fn sizes(store: &dyn Store) -> Vec<u64> {
    let sizes = store.sizes().unwrap();
    let kinds: Vec<_> = sizes.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, ["parts", "chunks", "rejects", "messages", "refusals", "file"]);
    sizes.into_iter().map(|(_, bytes)| bytes).collect()
}

pub(crate) fn sizes_follow_what_is_written_and_dropped(open: &Open<'_>) {
    let store = open();
    assert_eq!(sizes(&*store)[..5], [0; 5]);
    let parts = vec![part("a", Some(&[0; 100])), part("b", Some(&[0; 10]))];
    let chunks = vec![chunk("speed", 0, vec![sample(1, 1)])];
    store.checkpoint(TENANT, &Checkpoint { position: 1, parts: parts.clone(), chunks }).unwrap();
    store.checkpoint("other", &Checkpoint { position: 1, parts, chunks: Vec::new() }).unwrap();
    store.project(TENANT, &[reject(1, AGENT, 1)]).unwrap();
    store.put_messages(TENANT, &[(1, vec![0; 30]), (2, vec![0; 5])]).unwrap();
    store.record_refusals(&[Refusal { address: "192.0.2.1".to_owned(), ..Refusal::default() }]).unwrap();
    let before = sizes(&*store);
    assert_eq!((before[0], before[3]), (220, 35));
    assert!(before.iter().all(|bytes| *bytes > 0), "{before:?}");

    let parts = vec![part("a", Some(&[0; 1])), part("b", None)];
    store.checkpoint(TENANT, &Checkpoint { position: 2, parts, chunks: Vec::new() }).unwrap();
    store.retain_messages(TENANT, &BTreeSet::from([2])).unwrap();
    drop(store);
    let after = sizes(&*open());
    assert_eq!((after[0], after[3]), (111, 5));
    assert_eq!(after[1..3], before[1..3]);
}
