//! The segment that is made ahead of time.

use dinrail_log::{CommitError, CrashingStorage, MemoryStorage, PrepareError, Storage};

use crate::support::{commit, open, payloads, synced_only};

#[test]
fn a_roll_over_with_a_spare_makes_no_file() {
    let storage = CrashingStorage::new();
    let (mut log, _) = open(&storage);
    let preparer = log.preparer();
    commit(&mut log, &[&[1; 1400], &[2; 1400]]);
    assert!(preparer.prepare().unwrap());
    assert!(!preparer.prepare().unwrap(), "one is enough");
    let before = storage.syncs();
    commit(&mut log, &[&[3; 1400]]);
    assert_eq!(storage.syncs(), before + 1);
    assert_eq!(storage.list().unwrap(), [0, 4096]);
    assert!(preparer.prepare().unwrap(), "the next one can be made at once");
    assert_eq!(payloads(&open(&synced_only(&storage)).0.reader()).len(), 3);
}

#[test]
fn an_unused_spare_is_no_part_of_the_log_when_it_is_opened_again() {
    let storage = MemoryStorage::new();
    let (mut log, _) = open(&storage);
    commit(&mut log, &[b"one"]);
    log.preparer().prepare().unwrap();
    assert_eq!(storage.list().unwrap(), [0, 4096]);
    assert_eq!(log.reader().segments().len(), 1);
    drop(log);
    let (mut log, recovered) = open(&storage);
    assert_eq!((recovered.damaged.len(), recovered.cut), (0, None));
    assert_eq!(storage.list().unwrap(), [0]);
    commit(&mut log, &[&[1; 1400], &[2; 1400], &[3; 1400]]);
    assert_eq!(payloads(&open(&storage).0.reader()).len(), 4);
}

#[test]
fn no_room_for_a_spare_harms_nobody() {
    let storage = CrashingStorage::new();
    let (mut log, _) = open(&storage);
    storage.set_full(true);
    assert!(matches!(log.preparer().prepare(), Err(PrepareError::Full)));
    storage.set_full(false);
    assert!(log.preparer().prepare().unwrap());
    commit(&mut log, &[&[1; 1400], &[2; 1400], &[3; 1400]]);
    assert_eq!(payloads(&log.reader()).len(), 3);
}

#[test]
fn a_spare_that_failed_stops_the_log_where_it_would_have_been_used() {
    let storage = CrashingStorage::new();
    let (mut log, _) = open(&storage);
    // Content, header, folder: whichever sync it is.
    storage.fail_sync(3);
    assert!(matches!(log.preparer().prepare(), Err(PrepareError::Failed(_))));
    assert!(matches!(log.preparer().prepare(), Err(PrepareError::Failed(_))));
    commit(&mut log, &[&[1; 1400], &[2; 1400]]);
    log.append("acme", &[3; 1400]).unwrap();
    assert!(matches!(log.commit(), Err(CommitError::Failed(_))));
}
