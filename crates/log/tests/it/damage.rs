//! Damage in the middle: told, skipped, kept.

use std::sync::Arc;

use dinrail_log::{DamageReason, Log, MemoryStorage, Options, Position, ReadError, Storage};

use crate::support::{changed, commit, copy, open, payloads, readable, small};

/// Three segments of batches of three frames, and the payloads.
fn three_segments() -> (MemoryStorage, Vec<(Position, Vec<u8>)>) {
    let storage = MemoryStorage::new();
    let (mut log, _) = open(&storage);
    let mut frames = Vec::new();
    for batch in 0_u8..10 {
        let batch: Vec<Vec<u8>> = (0..3).map(|at| vec![batch * 3 + at; 240]).collect();
        let slices: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
        frames.extend(commit(&mut log, &slices).into_iter().zip(batch));
    }
    assert_eq!(log.reader().segments().len(), 3);
    (storage, frames)
}

#[test]
fn a_wrong_byte_anywhere_before_the_last_batch_loses_that_frame_and_is_told() {
    let (storage, frames) = three_segments();
    for (at, (position, payload)) in frames[..27].iter().enumerate() {
        let segment = position.0 / 4096 * 4096;
        for byte in 0..(22 + 4 + payload.len() as u64) {
            let storage = changed(&storage, segment, |content| content[(position.0 - segment + byte) as usize] ^= 0x10);
            let (log, recovered) = open(&storage);
            let reader = log.reader();
            let (mut good, mut bad) = (Vec::new(), Vec::new());
            for item in reader.scan(Position(0)) {
                match item {
                    Ok(frame) => good.push((frame.position(), frame.into_payload())),
                    Err(damage) => bad.push(damage),
                }
            }
            let mut expected = frames.clone();
            expected.remove(at);
            assert_eq!(good, expected, "byte {byte} of the frame at {position}");
            assert_eq!(bad.len(), 1);
            assert_eq!((bad[0].segment, bad[0].from), (Position(segment), *position));
            assert_eq!(bad[0].to.0, position.0 + 22 + 4 + payload.len() as u64);
            assert!(matches!(reader.read(*position), Err(ReadError::Unreadable(_))));
            // The last segment is read at open, and tells at once.
            assert_eq!(recovered.damaged.len(), usize::from(segment == 8192));
            assert_eq!(recovered.cut, None);
        }
    }
}

#[test]
fn damage_stays_on_the_disk_as_it_is() {
    let (storage, frames) = three_segments();
    let at = frames[25].0.0 as usize - 8192 + 40;
    let storage = changed(&storage, 8192, |content| content[at] ^= 1);
    let before = storage.content(8192).unwrap();
    drop(open(&storage));
    assert_eq!(storage.content(8192).unwrap(), before);
}

#[test]
fn a_lost_write_in_the_middle_is_told() {
    let (storage, frames) = three_segments();
    let (first, behind) = (frames[23].0.0 as usize - 8192, frames[26].0.0 as usize - 8192);
    let storage = changed(&storage, 8192, |content| content[first..behind].fill(0));
    let (log, recovered) = open(&storage);
    assert_eq!(recovered.damaged.len(), 1);
    assert_eq!(readable(&log.reader()).0.len(), 27);
}

#[test]
fn a_frame_is_good_only_where_it_was_written() {
    let (storage, frames) = three_segments();
    let (first, second) = (frames[0].0.0 as usize, frames[1].0.0 as usize);
    let bytes = second - first;
    let storage = changed(&storage, 0, |content| {
        let (left, right) = content.split_at_mut(second);
        left[first..].swap_with_slice(&mut right[..bytes]);
    });
    let (found, damage) = readable(&open(&storage).0.reader());
    assert_eq!((found.len(), damage), (frames.len() - 2, 1));
    assert_eq!(found[0], frames[2].1);
}

#[test]
fn one_good_copy_of_a_segments_header_is_enough() {
    let (storage, frames) = three_segments();
    for (segment, copy) in [(0, 0), (0, 512), (4096, 0), (4096, 512), (8192, 0), (8192, 512)] {
        let storage = changed(&storage, segment, |content| content[copy..copy + 512].fill(0xEE));
        let (log, recovered) = open(&storage);
        assert_eq!(recovered.damaged, []);
        assert_eq!(payloads(&log.reader()).len(), frames.len());
    }
}

#[test]
fn a_segment_without_header_is_told_and_its_frames_are_read() {
    let (storage, frames) = three_segments();
    for segment in [0, 4096, 8192] {
        let storage = changed(&storage, segment, |content| content[..1024].fill(0xEE));
        let (mut log, recovered) = open(&storage);
        assert_eq!(recovered.damaged.len(), 1);
        assert_eq!(
            (recovered.damaged[0].reason.clone(), recovered.damaged[0].segment),
            (DamageReason::Header, Position(segment))
        );
        commit(&mut log, &[b"after"]);
        drop(log);
        // The salt of the log counts, whatever a new one would have.
        let options = Options { salt: 99, ..small() };
        let (log, _) = Log::open(Arc::new(storage.clone()), options).unwrap();
        let (found, damage) = readable(&log.reader());
        assert_eq!((found.len(), damage), (frames.len() + 1, 1));
        assert_eq!(found.last().unwrap(), b"after");
    }
}

#[test]
fn the_one_segment_without_header_is_kept_and_not_written_on() {
    let storage = MemoryStorage::new();
    let (mut log, _) = open(&storage);
    commit(&mut log, &[b"unreadable without the salt"]);
    drop(log);
    let storage = changed(&storage, 0, |content| content[..1024].fill(0));
    let before = storage.content(0);
    let options = Options { salt: 1, ..small() };
    let (log, recovered) = Log::open(Arc::new(storage.clone()), options).unwrap();
    assert_eq!(
        recovered.damaged.iter().map(|damage| damage.reason.clone()).collect::<Vec<_>>(),
        [DamageReason::Header, DamageReason::Frame]
    );
    assert_eq!(recovered.end, Position(4096 + 1024));
    assert_eq!(log.reader().segments().len(), 2);
    assert_eq!(storage.content(0), before);
}

#[test]
fn a_missing_segment_is_told() {
    let (storage, frames) = three_segments();
    let storage = copy(&storage);
    storage.remove(4096).unwrap();
    let (log, recovered) = open(&storage);
    let expected = (Position(4096), Position(8192), DamageReason::Missing);
    let told: Vec<_> = recovered.damaged.into_iter().map(|damage| (damage.from, damage.to, damage.reason)).collect();
    assert_eq!(told, std::slice::from_ref(&expected));
    let scanned: Vec<_> = log.reader().scan(Position(0)).filter_map(Result::err).collect();
    assert_eq!(scanned.len(), 1);
    assert_eq!((scanned[0].from, scanned[0].to, scanned[0].reason.clone()), expected);
    let gone = frames.iter().find(|(position, _)| position.0 > 4096).unwrap().0;
    assert!(matches!(log.reader().read(gone), Err(ReadError::Unreadable(_))));
}

#[test]
fn a_file_that_disappears_while_the_log_is_open_is_told() {
    let (storage, frames) = three_segments();
    let (log, _) = open(&storage);
    storage.remove(4096).unwrap();
    let (found, damage) = readable(&log.reader());
    assert_eq!(damage, 1);
    assert!(found.len() < frames.len() && found.len() > 10);
}

#[test]
fn truncated_segments_in_the_middle_keep_what_is_left() {
    let (storage, frames) = three_segments();
    for length in [0, 500, 1024, 1300, 3000] {
        let storage = changed(&storage, 4096, |content| content.truncate(length));
        let (log, recovered) = open(&storage);
        assert_eq!(recovered.damaged.len(), 1);
        let (found, damage) = readable(&log.reader());
        assert!(damage >= 1);
        let others = frames.iter().filter(|(position, _)| !(4096..8192).contains(&position.0)).count();
        assert!(found.len() >= others);
    }
}

#[test]
fn a_header_that_claims_a_huge_length_is_no_frame() {
    let (storage, frames) = three_segments();
    let at = frames[24].0.0 as usize - 8192;
    let storage = changed(&storage, 8192, |content| content[at + 8..at + 12].fill(0xFF));
    let (log, _) = open(&storage);
    assert_eq!(
        readable(&log.reader()),
        (
            frames
                .iter()
                .filter(|(position, _)| *position != frames[24].0)
                .map(|(_, payload)| payload.clone())
                .collect(),
            1
        )
    );
}

#[test]
fn random_bytes_for_a_log_open_and_read_in_bounded_time() {
    let mut random = crate::support::SplitMix(3);
    let (storage, _) = three_segments();
    for _ in 0..300 {
        let storage = copy(&storage);
        for segment in [0, 4096, 8192] {
            let mut content = storage.content(segment).unwrap();
            for _ in 0..random.below(4) {
                let from = random.below(4096) as usize;
                let to = (from + random.below(600) as usize).min(4096);
                content[from..to].fill_with(|| random.next() as u8);
            }
            storage.put(segment, content);
        }
        let Ok((mut log, _)) = Log::open(Arc::new(storage.clone()), small()) else {
            panic!("damage never stops the start")
        };
        commit(&mut log, &[b"after"]);
        drop(log);
        let (log, _) = open(&storage);
        assert_eq!(readable(&log.reader()).0.last().unwrap(), b"after");
    }
}
