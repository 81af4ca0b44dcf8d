//! Appending and committing, also when the disk is full or fails.

use std::sync::Arc;

use dinrail_log::{
    AppendError, Ballast, CommitError, CrashingStorage, Log, MemoryStorage, OpenError, Options, Position, RemoveError,
};

use crate::support::{commit, open, payloads, readable, small, synced_only};

#[test]
fn a_batch_is_one_sync_however_many_frames_it_has() {
    let storage = CrashingStorage::new();
    let (mut log, _) = open(&storage);
    let before = storage.syncs();
    for _ in 0..40 {
        log.append("acme", b"value").unwrap();
    }
    log.commit().unwrap();
    assert_eq!(storage.syncs(), before + 1);
    log.commit().unwrap();
    assert_eq!(storage.syncs(), before + 1, "an empty batch is none");
}

#[test]
fn what_is_not_committed_is_not_read() {
    let (mut log, _) = open(&MemoryStorage::new());
    let reader = log.reader();
    let position = log.append("acme", b"waits").unwrap();
    assert!(payloads(&reader).is_empty());
    assert!(reader.read(position).is_err());
    let end = log.commit().unwrap();
    assert_eq!(reader.end(), end);
    assert_eq!(reader.read(position).unwrap().payload(), b"waits");
}

#[test]
fn a_batch_may_span_segments() {
    let storage = MemoryStorage::new();
    let (mut log, _) = open(&storage);
    let batch: Vec<Vec<u8>> = (0..30).map(|at| vec![at; 700]).collect();
    let batch: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
    let positions = commit(&mut log, &batch);
    assert!(log.reader().segments().len() > 5);
    assert!(positions.is_sorted());
    assert_eq!(payloads(&log.reader()), batch);
    drop(log);
    assert_eq!(payloads(&open(&storage).0.reader()), batch);
}

#[test]
fn a_frame_of_the_largest_size_is_taken_and_one_byte_more_refused() {
    let (mut log, _) = open(&MemoryStorage::new());
    let largest = vec![1; 1500 - 22 - "acme".len()];
    log.append("acme", &largest).unwrap();
    let larger = vec![1; largest.len() + 1];
    assert!(matches!(log.append("acme", &larger), Err(AppendError::TooLarge { bytes: 1501, limit: 1500 })));
    assert!(matches!(log.append(&"a".repeat(256), b""), Err(AppendError::TooLarge { .. })));
    log.commit().unwrap();
    assert_eq!(payloads(&log.reader()), [largest]);
}

#[test]
fn segments_too_small_for_a_frame_are_refused() {
    let options = Options { segment_bytes: 2000, ..small() };
    assert!(matches!(Log::open(Arc::new(MemoryStorage::new()), options), Err(OpenError::Options)));
}

#[test]
fn a_commit_that_finds_the_disk_full_succeeds_when_there_is_room() {
    // At any point of a batch that needs five new segments.
    for frames_before in 0..5 {
        let storage = CrashingStorage::new();
        let (mut log, _) = open(&storage);
        let mut expected = Vec::new();
        for at in 0..frames_before {
            expected.push(vec![at; 1000]);
            commit(&mut log, &[&[at; 1000]]);
        }
        for at in 100..110 {
            expected.push(vec![at; 1000]);
            log.append("acme", &[at; 1000]).unwrap();
        }
        storage.set_full(true);
        for _ in 0..3 {
            assert!(matches!(log.commit(), Err(CommitError::Full)));
        }
        assert_eq!(payloads(&log.reader()).len(), usize::from(frames_before));
        storage.set_full(false);
        log.commit().unwrap();
        assert_eq!(payloads(&log.reader()), expected);
        assert_eq!(payloads(&open(&synced_only(&storage)).0.reader()), expected);
    }
}

#[test]
fn a_batch_goes_on_where_the_full_disk_stopped_it() {
    let storage = CrashingStorage::new();
    let (mut log, _) = open(&storage);
    log.preparer().prepare().unwrap();
    for at in 0..8 {
        log.append("acme", &[at; 1000]).unwrap();
    }
    // Two segments are there; a disk that is full afterwards refuses only the third.
    storage.fill_after_writes(2);
    assert!(matches!(log.commit(), Err(CommitError::Full)));
    let image = synced_only(&storage);
    assert_eq!(payloads(&open(&image).0.reader()).len(), 4, "two parts of the batch are durable, and not acknowledged");
    assert!(payloads(&log.reader()).is_empty());
    let syncs = storage.syncs();
    storage.set_full(false);
    log.commit().unwrap();
    assert_eq!(storage.syncs(), syncs + 2 * 4, "content, header and folder of two segments, and their parts");
    assert_eq!(payloads(&log.reader()), (0..8).map(|at| vec![at; 1000]).collect::<Vec<_>>());
    assert_eq!(payloads(&open(&synced_only(&storage)).0.reader()).len(), 8);
}

#[test]
fn more_can_be_appended_while_the_disk_is_full() {
    let storage = CrashingStorage::new();
    let (mut log, _) = open(&storage);
    log.append("acme", b"first").unwrap();
    storage.set_full(true);
    assert!(matches!(log.commit(), Err(CommitError::Full)));
    log.append("acme", b"second").unwrap();
    storage.set_full(false);
    log.commit().unwrap();
    assert_eq!(payloads(&log.reader()), [b"first".to_vec(), b"second".to_vec()]);
}

#[test]
fn a_failed_sync_is_never_tried_again() {
    let storage = CrashingStorage::new();
    let (mut log, _) = open(&storage);
    commit(&mut log, &[b"durable"]);
    log.append("acme", b"lost").unwrap();
    storage.fail_sync(1);
    assert!(matches!(log.commit(), Err(CommitError::Failed(_))));
    let syncs = storage.syncs();
    assert!(matches!(log.commit(), Err(CommitError::Failed(_))));
    assert!(matches!(log.append("acme", b"more"), Err(AppendError::Failed)));
    assert!(matches!(log.remove_before(Position(u64::MAX)), Err(RemoveError::Failed(_))));
    assert_eq!(storage.syncs(), syncs);
    assert_eq!(payloads(&log.reader()), [b"durable"], "readers go on with what is committed");
}

#[test]
fn a_failed_write_latches_too() {
    let storage = CrashingStorage::new();
    let (mut log, _) = open(&storage);
    log.append("acme", b"lost").unwrap();
    storage.fail_write(1);
    let Err(CommitError::Failed(cause)) = log.commit() else { panic!("the write was told to fail") };
    assert!(cause.to_string().contains("write"));
    assert!(matches!(log.append("acme", b"more"), Err(AppendError::Failed)));
}

#[test]
fn a_batch_whose_sync_failed_does_not_vanish_after_it_was_read_again() {
    let storage = CrashingStorage::new();
    let (mut log, _) = open(&storage);
    commit(&mut log, &[b"durable"]);
    log.append("acme", b"doubtful").unwrap();
    storage.fail_sync(1);
    assert!(log.commit().is_err());
    drop(log);
    // The process starts again, the machine does not: the system's memory still shows the write.
    let (log, _) = open(&storage);
    assert_eq!(payloads(&log.reader()), [b"durable".to_vec(), b"doubtful".to_vec()]);
    let (log, _) = open(&synced_only(&storage));
    assert_eq!(payloads(&log.reader()), [b"durable".to_vec(), b"doubtful".to_vec()]);
}

#[test]
fn a_full_disk_sets_the_ballast_free_and_the_next_commit_takes_it_again() {
    let storage = CrashingStorage::new();
    let options = Options { ballast_bytes: 4096, ..small() };
    let (mut log, _) = Log::open(Arc::new(storage.clone()), options).unwrap();
    assert_eq!(log.ballast(), Ballast::Held);
    log.append("acme", b"waits").unwrap();
    storage.set_full(true);
    assert!(log.commit().is_err());
    assert_eq!(log.ballast(), Ballast::Released);
    storage.set_full(false);
    log.commit().unwrap();
    assert_eq!(log.ballast(), Ballast::Held);
    assert_eq!(open(&storage).0.ballast(), Ballast::None);
}

#[test]
fn a_log_opens_without_room_for_its_ballast() {
    let storage = CrashingStorage::new();
    commit(&mut open(&storage).0, &[b"one"]);
    // Room to write the last batch again, as there is for bytes that are preallocated.
    storage.fill_after_writes(1);
    let options = Options { ballast_bytes: 4096, ..small() };
    let opened = Log::open(Arc::new(storage.clone()), options);
    assert_eq!(opened.unwrap().0.ballast(), Ballast::Released);
    assert!(matches!(Log::open(Arc::new(full()), small()), Err(OpenError::Full)));
}

fn full() -> CrashingStorage {
    let storage = CrashingStorage::new();
    storage.set_full(true);
    storage
}

#[test]
fn a_frame_that_fits_only_into_newer_segments_goes_to_one() {
    let storage = MemoryStorage::new();
    commit(&mut open(&storage).0, &[&[0; 10]]);
    let options = Options { frame_bytes_max: 3000, ..small() };
    let (mut log, _) = Log::open(Arc::new(storage.clone()), options).unwrap();
    let batch: [&[u8]; 2] = [&[1; 10], &[2; 2000]];
    commit(&mut log, &batch);
    drop(log);
    // What was written stays readable when the bound is smaller again.
    assert_eq!(readable(&open(&storage).0.reader()), (vec![vec![0; 10], vec![1; 10], vec![2; 2000]], 0));
}
