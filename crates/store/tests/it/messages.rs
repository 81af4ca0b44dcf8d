//! Messages that outlive their log segment.

use std::collections::BTreeSet;

use crate::bed::{Open, TENANT};

pub(crate) fn messages_stay_while_someone_waits_for_them(open: &Open<'_>) {
    let store = open();
    store.put_messages(TENANT, &[]).unwrap();
    store.put_messages(TENANT, &[(1, b"one".to_vec()), (2, b"two".to_vec()), (3, Vec::new())]).unwrap();
    store.put_messages(TENANT, &[(2, b"two".to_vec())]).unwrap();
    drop(store);
    let store = open();
    store.retain_messages(TENANT, &BTreeSet::from([2, 3, 9])).unwrap();
    assert_eq!(store.message(TENANT, 1).unwrap(), None);
    assert_eq!(store.message(TENANT, 2).unwrap(), Some(b"two".to_vec()));
    assert_eq!(store.message(TENANT, 3).unwrap(), Some(Vec::new()));
    store.retain_messages(TENANT, &BTreeSet::new()).unwrap();
    assert_eq!(store.message(TENANT, 2).unwrap(), None);
}
