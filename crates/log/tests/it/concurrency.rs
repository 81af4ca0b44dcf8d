//! Readers and the preparer on other threads, while the writer goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use dinrail_log::{FileStorage, Log, LogReader, MemoryStorage, Position, ReadError, Storage};

use crate::support::small;

/// Batches that the writer makes; some hundred segments.
const BATCHES: u64 = 1500;

/// What a number's payload is.
fn payload(number: u64) -> Vec<u8> {
    [number.to_le_bytes().to_vec(), vec![number as u8; (number % 300) as usize]].concat()
}

fn scan(reader: &LogReader, done: &AtomicBool) {
    let mut rounds = 0;
    while !done.load(Ordering::Acquire) || rounds < 2 {
        let mut last = None;
        for frame in reader.scan(reader.start()) {
            let frame = frame.unwrap();
            let number = u64::from_le_bytes(frame.payload()[..8].try_into().unwrap());
            assert_eq!(frame.payload(), payload(number));
            assert!(last.is_none_or(|last| number > last));
            last = Some(number);
            match reader.read(frame.position()) {
                Ok(again) => assert_eq!(again, frame),
                Err(error) => assert!(matches!(error, ReadError::Removed)),
            }
        }
        rounds += 1;
    }
}

fn race(storage: Arc<dyn Storage>) {
    let (mut log, _) = Log::open(storage, small()).unwrap();
    let done = AtomicBool::new(false);
    let (reader, preparer) = (log.reader(), log.preparer());
    thread::scope(|scope| {
        scope.spawn(|| scan(&reader, &done));
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                preparer.prepare().unwrap();
                thread::yield_now();
            }
        });
        for number in 0..BATCHES {
            log.append("acme", &payload(number)).unwrap();
            let end = log.commit().unwrap();
            if number % 50 == 0 {
                log.remove_before(Position(end.0.saturating_sub(40_000))).unwrap();
            }
        }
        done.store(true, Ordering::Release);
    });
    assert!(reader.start() > Position(0));
}

#[test]
fn a_reader_sees_only_whole_frames_in_order_in_memory() {
    race(Arc::new(MemoryStorage::new()));
}

#[test]
fn a_reader_sees_only_whole_frames_in_order_in_files() {
    let folder = tempfile::tempdir().unwrap();
    race(Arc::new(FileStorage::open(folder.path()).unwrap()));
}
