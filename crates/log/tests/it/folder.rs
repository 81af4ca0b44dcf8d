//! The folder of the files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use dinrail_log::{FileStorage, FileStorageError, Log, Options, Storage};

use crate::support::{commit, payloads, small};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn two_cannot_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data").join("log");
    let first = FileStorage::open(&path).unwrap();
    let error = FileStorage::open(&path).unwrap_err();
    assert!(matches!(&error, FileStorageError::InUse { folder } if *folder == path));
    assert!(error.to_string().contains(path.to_str().unwrap()));
    drop(first);
    FileStorage::open(&path).unwrap();
}

#[test]
fn files_and_folder_are_for_their_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let storage = Arc::new(FileStorage::open(&path).unwrap());
    let (log, _) = Log::open(storage, Options { ballast_bytes: 5000, ..small() }).unwrap();
    log.preparer().prepare().unwrap();
    assert_eq!(mode(&path), 0o700);
    let files: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 4, "lock, ballast and two segments");
    assert!(files.iter().all(|file| mode(file) == 0o600));
}

#[test]
fn a_path_that_is_no_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "x").unwrap();
    assert!(matches!(FileStorage::open(&path), Err(FileStorageError::Folder { .. })));
}

#[test]
fn a_log_in_files_is_there_again() {
    let folder = tempfile::tempdir().unwrap();
    let batch: [&[u8]; 4] = [b"one", &[2; 1400], &[3; 1400], b"four"];
    let open = || Log::open(Arc::new(FileStorage::open(folder.path()).unwrap()), small()).unwrap();
    commit(&mut open().0, &batch);
    let (log, recovered) = open();
    assert_eq!((recovered.damaged.len(), recovered.cut), (0, None));
    assert_eq!(payloads(&log.reader()), batch);
}

#[test]
fn files_of_others_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["notes.txt", "5.segment", "0000000000000000000x.segment", "00000000000000000000.segment.old"] {
        fs::write(folder.path().join(name), "x").unwrap();
    }
    let storage = FileStorage::open(folder.path()).unwrap();
    assert_eq!(storage.list().unwrap(), []);
    Log::open(Arc::new(storage), small()).unwrap();
    assert_eq!(fs::read(folder.path().join("5.segment")).unwrap(), b"x");
}

#[test]
fn ballast_takes_room_and_gives_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let ballast = folder.path().join("ballast");
    let storage = FileStorage::open(folder.path()).unwrap();
    storage.hold_ballast(10_000).unwrap();
    assert_eq!(fs::metadata(&ballast).unwrap().len(), 10_000);
    // One whose making was cut short is made again.
    fs::write(&ballast, "short").unwrap();
    storage.hold_ballast(10_000).unwrap();
    assert_eq!(fs::metadata(&ballast).unwrap().len(), 10_000);
    storage.release_ballast().unwrap();
    assert!(!ballast.exists());
}
