//! What every backend does alike.

use std::io::ErrorKind;

use dinrail_log::{CrashingStorage, FileStorage, MemoryStorage, Storage};

fn check(storage: &dyn Storage) {
    assert_eq!(storage.list().unwrap(), []);
    assert_eq!(storage.open(0).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(storage.remove(0).unwrap_err().kind(), ErrorKind::NotFound);

    let file = storage.create(0, 2000).unwrap();
    storage.create(u64::MAX, 10).unwrap();
    storage.sync_folder().unwrap();
    assert_eq!(file.bytes().unwrap(), 2000);
    let mut starts = storage.list().unwrap();
    starts.sort_unstable();
    assert_eq!(starts, [0, u64::MAX]);

    let mut read = [9; 2000];
    assert_eq!(file.read_at(0, &mut read).unwrap(), 2000);
    assert_eq!(read, [0; 2000]);
    file.write_at(1990, b"0123456789").unwrap();
    file.sync().unwrap();
    assert_eq!(file.bytes().unwrap(), 2000);

    let again = storage.open(0).unwrap();
    let mut read = [9; 20];
    assert_eq!(again.read_at(1995, &mut read).unwrap(), 5, "fewer bytes at the end");
    assert_eq!(read[..5], *b"56789");
    assert_eq!(again.read_at(2000, &mut read).unwrap(), 0);
    assert_eq!(again.read_at(9000, &mut read).unwrap(), 0);

    storage.remove(0).unwrap();
    storage.sync_folder().unwrap();
    assert_eq!(storage.list().unwrap(), [u64::MAX]);
    assert_eq!(again.read_at(1995, &mut read).unwrap(), 5, "who has it open reads on");

    let anew = storage.create(u64::MAX, 30).unwrap();
    anew.write_at(0, b"x").unwrap();
    assert_eq!(storage.create(u64::MAX, 20).unwrap().bytes().unwrap(), 20, "in place of the one before");
    assert_eq!(storage.open(u64::MAX).unwrap().read_at(0, &mut read).unwrap(), 20);
    assert_eq!(read, [0; 20]);

    storage.hold_ballast(100).unwrap();
    storage.hold_ballast(100).unwrap();
    storage.release_ballast().unwrap();
    storage.release_ballast().unwrap();
    storage.hold_ballast(0).unwrap();
    assert_eq!(storage.list().unwrap(), [u64::MAX]);
}

#[test]
fn memory_keeps_the_contract() {
    check(&MemoryStorage::new());
}

#[test]
fn a_disk_that_could_crash_keeps_the_contract() {
    check(&CrashingStorage::new());
}

#[test]
fn files_keep_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    check(&FileStorage::open(folder.path()).unwrap());
}

#[test]
fn a_crash_keeps_what_was_synced_and_tears_the_rest_at_sectors() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..500 {
        let mut random = crate::support::SplitMix(seed);
        let storage = CrashingStorage::new();
        let file = storage.create(0, 2048).unwrap();
        storage.sync_folder().unwrap();
        file.write_at(0, &[1; 100]).unwrap();
        file.sync().unwrap();
        file.write_at(600, &[2; 1000]).unwrap();
        let content = storage.crash(&mut || random.next()).content(0).unwrap();
        assert_eq!(content[..100], [1; 100]);
        let sectors = [content[600], content[1024], content[1536]];
        assert!(content[600..1024].iter().all(|byte| *byte == sectors[0]));
        assert!(content[1024..1536].iter().all(|byte| *byte == sectors[1]));
        assert!(content[1536..1600].iter().all(|byte| *byte == sectors[2]));
        seen.insert(sectors);
    }
    assert_eq!(seen.len(), 8, "each of the three sectors is there or not");
}

#[test]
fn a_crash_keeps_or_loses_changes_of_a_folder_that_was_not_synced() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..100 {
        let mut random = crate::support::SplitMix(seed);
        let storage = CrashingStorage::new();
        storage.create(0, 10).unwrap();
        storage.sync_folder().unwrap();
        storage.remove(0).unwrap();
        storage.create(1, 10).unwrap();
        seen.insert(storage.crash(&mut || random.next()).list().unwrap());
    }
    assert_eq!(seen.len(), 4);
}
