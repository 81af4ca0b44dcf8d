//! Removing old segments.

use dinrail_log::{CrashingStorage, MemoryStorage, Position, ReadError, RemoveError, Storage};

use crate::support::{commit, open, payloads};

fn five_segments(log: &mut dinrail_log::Log) -> Vec<Position> {
    (0..10).flat_map(|at| commit(log, &[&[at; 1400]])).collect()
}

#[test]
fn only_segments_entirely_below_the_limit_are_removed() {
    for limit in 0..5 * 4096 + 2000 {
        let storage = MemoryStorage::new();
        let (mut log, _) = open(&storage);
        if limit % 97 != 0 && limit % 4096 > 2 {
            continue;
        }
        let positions = five_segments(&mut log);
        log.remove_before(Position(limit)).unwrap();
        let start = (limit / 4096 * 4096).min(4 * 4096);
        assert_eq!(log.reader().start(), Position(start));
        assert_eq!(storage.list().unwrap()[0], start);
        let found: Vec<_> = log.reader().scan(Position(0)).map(|frame| frame.unwrap().position()).collect();
        let expected: Vec<_> = positions.into_iter().filter(|position| position.0 >= start).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn the_last_segment_is_never_removed() {
    let storage = MemoryStorage::new();
    let (mut log, _) = open(&storage);
    let positions = five_segments(&mut log);
    log.remove_before(Position(u64::MAX)).unwrap();
    assert_eq!(storage.list().unwrap(), [4 * 4096]);
    assert!(matches!(log.reader().read(positions[0]), Err(ReadError::Removed)));
    let next = commit(&mut log, &[b"next"]);
    assert!(next[0] > positions[9]);
}

#[test]
fn a_segment_that_is_full_and_not_yet_followed_stays() {
    let (mut log, _) = open(&MemoryStorage::new());
    commit(&mut log, &[&[1; 1400], &[2; 1400]]);
    log.append("acme", &[3; 1400]).unwrap();
    log.remove_before(Position(4096)).unwrap();
    log.commit().unwrap();
    assert_eq!(payloads(&log.reader()).len(), 3);
}

#[test]
fn a_scan_leaves_out_what_is_removed_meanwhile() {
    let (mut log, _) = open(&MemoryStorage::new());
    five_segments(&mut log);
    let mut scan = log.reader().scan(Position(0));
    scan.next().unwrap().unwrap();
    log.remove_before(Position(3 * 4096)).unwrap();
    let rest: Vec<_> = scan.map(|frame| frame.unwrap().position().0).collect();
    // The segment that was being read is read to its end.
    assert!(rest[0] < 4096 && rest[1] > 3 * 4096);
}

#[test]
fn a_removal_that_cannot_be_made_durable_stops_the_log() {
    let storage = CrashingStorage::new();
    let (mut log, _) = open(&storage);
    five_segments(&mut log);
    storage.fail_sync(1);
    assert!(matches!(log.remove_before(Position(u64::MAX)), Err(RemoveError::Failed(_))));
    assert!(log.append("acme", b"").is_err());
}
