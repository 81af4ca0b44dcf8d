//! Opening after a crash, at every byte.

use std::sync::Arc;

use dinrail_log::{CrashingStorage, DamageReason, Log, MemoryStorage, OpenError, Options, Position, Storage};

use crate::support::{SplitMix, changed, commit, copy, open, payloads, readable, small};

/// A log whose last batch begins where the returned position says.
fn two_batches() -> (MemoryStorage, u64, u64) {
    let storage = MemoryStorage::new();
    let (mut log, _) = open(&storage);
    commit(&mut log, &[b"one", b"two"]);
    let durable = log.reader().end().0;
    commit(&mut log, &[b"three", &[4; 300], b"", b"six"]);
    (storage, durable, log.reader().end().0)
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_and_the_log_goes_on() {
    let (storage, durable, end) = two_batches();
    for torn in durable..end {
        let storage = changed(&storage, 0, |content| content[torn as usize..].fill(0));
        let (mut log, recovered) = open(&storage);
        assert_eq!(recovered.damaged, []);
        let found = payloads(&log.reader());
        let all: [&[u8]; 6] = [b"one", b"two", b"three", &[4; 300], b"", b"six"];
        assert!(found.len() >= 2 && found == all[..found.len()]);
        commit(&mut log, &[b"after"]);
        drop(log);
        let (log, again) = open(&storage);
        assert_eq!((again.damaged.len(), again.cut), (0, None));
        let mut expected = found;
        expected.push(b"after".to_vec());
        assert_eq!(payloads(&log.reader()), expected);
    }
}

#[test]
fn a_tail_with_a_wrong_byte_anywhere_is_cut_there_and_no_stale_frame_comes_alive() {
    let (storage, durable, end) = two_batches();
    for wrong in durable..end {
        let storage = changed(&storage, 0, |content| content[wrong as usize] ^= 0x40);
        let (log, recovered) = open(&storage);
        let cut = recovered.cut.unwrap();
        assert!(cut.position.0 >= durable && cut.position.0 <= wrong && cut.position.0 + cut.bytes <= end);
        let found = payloads(&log.reader());
        assert!(found.len() >= 2 && found.len() < 6);
        drop(log);
        assert!(storage.content(0).unwrap()[cut.position.0 as usize + 22..].iter().all(|byte| *byte == 0));
        let (log, again) = open(&storage);
        assert_eq!((again.damaged.len(), again.cut, again.end), (0, None, recovered.end));
        assert_eq!(payloads(&log.reader()), found);
    }
}

#[test]
fn a_cut_does_not_forget_that_what_is_before_it_was_durable() {
    // Batch two is damaged in its middle, batch three is torn: that batch two was whole is known from batch three alone.
    let storage = MemoryStorage::new();
    let (mut log, _) = open(&storage);
    let second = commit(&mut log, &[b"a", b"b", b"c"]);
    let third = commit(&mut log, &[b"torn", b"left"]);
    drop(log);
    let storage = changed(&storage, 0, |content| {
        content[second[1].0 as usize + 5] ^= 1;
        content[third[0].0 as usize + 5] ^= 1;
    });
    for _ in 0..3 {
        let (log, recovered) = open(&storage);
        assert_eq!(recovered.damaged.len(), 1);
        assert_eq!(recovered.damaged[0].from, second[1]);
        assert_eq!(readable(&log.reader()), (vec![b"a".to_vec(), b"c".to_vec()], 1));
    }
}

#[test]
fn a_recovery_that_is_cut_short_anywhere_is_done_again() {
    let (storage, durable, _) = two_batches();
    let torn = changed(&storage, 0, |content| content[durable as usize + 31 + 30] ^= 1);
    for seed in 0..500 {
        let mut random = SplitMix(seed);
        let mut storage = CrashingStorage::from_image(&torn);
        for _ in 0..3 {
            if random.once_in(2) {
                storage.fail_write(random.below(4) + 1);
            } else {
                storage.fail_sync(random.below(4) + 1);
            }
            drop(Log::open(Arc::new(storage.clone()), small()));
            storage = CrashingStorage::from_image(&storage.crash(&mut || random.next()));
        }
        let (log, recovered) = open(&storage);
        assert_eq!(recovered.damaged, []);
        assert_eq!(payloads(&log.reader()), [b"one".to_vec(), b"two".to_vec(), b"three".to_vec()]);
    }
}

#[test]
fn a_first_segment_whose_making_was_cut_short_is_made_again() {
    let contents = [vec![], vec![0; 100], vec![0; 4096], vec![7; 1000]];
    for content in contents {
        let storage = MemoryStorage::new();
        storage.put(0, content);
        let (mut log, recovered) = open(&storage);
        assert_eq!((recovered.damaged.len(), recovered.cut), (0, None));
        commit(&mut log, &[b"first"]);
        assert_eq!(payloads(&open(&storage).0.reader()), [b"first"]);
    }
}

#[test]
fn a_first_segment_that_is_made_again_keeps_its_start() {
    let storage = MemoryStorage::new();
    storage.put(8192, vec![0; 100]);
    storage.put(12288, Vec::new());
    assert_eq!(open(&storage).1.end, Position(8192 + 1024));
    assert_eq!(storage.list().unwrap(), [8192]);
}

#[test]
fn a_next_segment_whose_making_was_cut_short_is_removed() {
    let (storage, ..) = two_batches();
    for content in [vec![], vec![0; 4096], vec![0xFF; 600]] {
        let storage = copy(&storage);
        storage.put(4096, content);
        let (log, recovered) = open(&storage);
        assert_eq!((recovered.damaged.len(), recovered.cut), (0, None));
        assert_eq!(storage.list().unwrap(), [0]);
        assert_eq!(payloads(&log.reader()).len(), 6);
    }
}

#[test]
fn a_torn_first_write_in_a_segment_proves_the_segment_before() {
    let storage = MemoryStorage::new();
    let (mut log, _) = open(&storage);
    let positions = commit(&mut log, &[&[1; 1000], &[2; 1000]]);
    commit(&mut log, &[&[3; 1200]]);
    drop(log);
    let storage = changed(&storage, 0, |content| content[positions[1].0 as usize + 100] ^= 1);
    let storage = changed(&storage, 4096, |content| content[1100..].fill(0));
    let (log, recovered) = open(&storage);
    assert_eq!(recovered.cut.unwrap().position, Position(4096 + 1024));
    assert_eq!(readable(&log.reader()), (vec![vec![1; 1000]], 1), "the first segment is damaged, not torn");
    drop(log);
    let (log, recovered) = open(&storage);
    assert_eq!(recovered.cut, None);
    assert_eq!(readable(&log.reader()), (vec![vec![1; 1000]], 1));
}

#[test]
fn a_newer_format_is_refused_in_words() {
    let (storage, ..) = two_batches();
    let storage = changed(&storage, 0, |content| {
        for copy in [0, 512] {
            content[copy + 8] = 9;
            let checksum = crc32c::crc32c(&content[copy..copy + 60]);
            content[copy + 60..copy + 64].copy_from_slice(&checksum.to_le_bytes());
        }
    });
    let error = Log::open(Arc::new(storage.clone()), small()).unwrap_err();
    assert!(matches!(error, OpenError::Newer { version: 9, .. }));
    assert!(error.to_string().contains("newer"));
}

#[test]
fn a_file_of_another_log_is_refused() {
    let (storage, ..) = two_batches();
    for start in [100, u64::MAX] {
        let storage = copy(&storage);
        storage.put(start, vec![1; 4096]);
        assert!(matches!(Log::open(Arc::new(storage), small()), Err(OpenError::Foreign { .. })));
    }
}

#[test]
fn a_payload_cannot_imitate_a_frame_behind_damage() {
    // The same log without a salt, as somebody would compute it who knows the position and all of the format.
    let forge = MemoryStorage::new();
    let (mut log, _) = Log::open(Arc::new(forge.clone()), Options { salt: 0, ..small() }).unwrap();
    commit(&mut log, &[b"padding"]);
    let position = log.append("victim", b"forged").unwrap();
    log.commit().unwrap();
    drop(log);
    let forged = forge.content(0).unwrap()[position.0 as usize..][..22 + 12].to_vec();
    for is_salted in [true, false] {
        let options = if is_salted { small() } else { Options { salt: 0, ..small() } };
        let storage = MemoryStorage::new();
        let (mut log, _) = Log::open(Arc::new(storage.clone()), options.clone()).unwrap();
        // Header 22, no tenant, and the forged frame at its position.
        let padding = position.0 - 1024 - 22;
        let payload = [vec![0; padding as usize], forged.clone()].concat();
        log.append("", &payload).unwrap();
        log.commit().unwrap();
        drop(log);
        let storage = changed(&storage, 0, |content| content[1024 + 3] ^= 1);
        let (log, _) = Log::open(Arc::new(storage), options).unwrap();
        let tenants: Vec<_> = log.reader().scan(Position(0)).flatten().map(|frame| frame.tenant().to_owned()).collect();
        // Without a salt it works: that is what this test would see.
        assert_eq!(tenants.is_empty(), is_salted);
    }
}

#[test]
fn a_truncated_last_segment_is_told_and_the_log_goes_on_in_a_new_one() {
    let (storage, durable, end) = two_batches();
    for length in [1024, durable as usize, durable as usize + 10, end as usize] {
        let storage = changed(&storage, 0, |content| content.truncate(length));
        let (mut log, recovered) = open(&storage);
        if length == 1024 {
            // Nothing is left of it.
            assert_eq!(recovered.end, Position(1024));
            continue;
        }
        assert_eq!(recovered.damaged[0].reason, DamageReason::Short);
        commit(&mut log, &[b"after"]);
        drop(log);
        let (log, _) = open(&storage);
        let (found, damage) = readable(&log.reader());
        assert!(damage >= 1);
        assert_eq!(found[..2], [b"one".to_vec(), b"two".to_vec()]);
        assert_eq!(found.last().unwrap(), b"after");
    }
}
