//! Scanning and random access.

use dinrail_log::{MemoryStorage, Position, ReadError};

use crate::support::{commit, open, payloads, small};

#[test]
fn a_scan_begins_at_any_position() {
    let (mut log, _) = open(&MemoryStorage::new());
    let batch: Vec<Vec<u8>> = (0..12).map(|at| vec![at; 500]).collect();
    let batch: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
    let positions = commit(&mut log, &batch);
    let reader = log.reader();
    for from in 0..reader.end().0 + 10 {
        let found: Vec<_> = reader.scan(Position(from)).map(|frame| frame.unwrap().position()).collect();
        let expected: Vec<_> = positions.iter().copied().filter(|position| position.0 >= from).collect();
        assert_eq!(found, expected, "from {from}");
    }
}

#[test]
fn a_frame_is_read_at_its_position_and_nowhere_else() {
    let (mut log, _) = open(&MemoryStorage::new());
    let positions = commit(&mut log, &[b"one", &[2; 1400], &[3; 1400], b"four"]);
    let reader = log.reader();
    for position in 0..reader.end().0 {
        let found = reader.read(Position(position));
        assert_eq!(found.is_ok(), positions.contains(&Position(position)));
    }
    let frame = reader.read(positions[1]).unwrap();
    assert_eq!((frame.position(), frame.tenant(), frame.payload()), (positions[1], "acme", &[2; 1400][..]));
    assert!(matches!(reader.read(reader.end()), Err(ReadError::NotCommitted)));
    assert!(matches!(reader.read(Position(u64::MAX)), Err(ReadError::NotCommitted)));
}

#[test]
fn frames_larger_than_one_read_are_read() {
    let options = dinrail_log::Options { segment_bytes: 8 << 20, frame_bytes_max: 4 << 20, ..small() };
    let storage = MemoryStorage::new();
    let (mut log, _) = dinrail_log::Log::open(std::sync::Arc::new(storage.clone()), options.clone()).unwrap();
    let batch: [&[u8]; 4] = [&[1; 3 << 20], b"small", &[2; 1 << 20], &[3; 3 << 20]];
    let positions = commit(&mut log, &batch);
    assert_eq!(payloads(&log.reader()), batch);
    for (position, payload) in positions.iter().zip(batch) {
        assert_eq!(log.reader().read(*position).unwrap().payload(), payload);
    }
    drop(log);
    let (log, _) = dinrail_log::Log::open(std::sync::Arc::new(storage), options).unwrap();
    assert_eq!(payloads(&log.reader()), batch);
}

#[test]
fn a_scan_ends_at_what_was_committed_when_it_began() {
    let (mut log, _) = open(&MemoryStorage::new());
    commit(&mut log, &[b"one"]);
    let scan = log.reader().scan(Position(0));
    commit(&mut log, &[b"two"]);
    assert_eq!(scan.count(), 1);
}

#[test]
fn what_is_shown_for_debugging_is_no_payload_and_no_salt() {
    let (mut log, _) = open(&MemoryStorage::new());
    let positions = commit(&mut log, &[b"secret"]);
    let mut scan = log.reader().scan(Position(0));
    scan.next().unwrap().unwrap();
    let frame = log.reader().read(positions[0]).unwrap();
    let shown = format!("{frame:?} {log:?} {scan:?} {:?} {:?} {:?}", log.reader(), log.preparer(), small());
    let salt = small().salt;
    for secret in ["115, 101", "secret", &salt.to_string(), &(salt as u32).to_string()] {
        assert!(!shown.contains(secret), "{secret}");
    }
}
