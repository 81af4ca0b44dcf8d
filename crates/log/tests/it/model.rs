//! The log against a plain list, on every backend.

use std::sync::Arc;

use dinrail_log::{CrashingStorage, FileStorage, Log, MemoryStorage, Options, Position, Storage};
use proptest::prelude::*;

use crate::support::{frames, small};

#[derive(Clone, Debug)]
enum Operation {
    Append(String, Vec<u8>),
    Commit,
    RemoveBefore(prop::sample::Index),
    Reopen,
    Prepare,
    /// Segments and frames of another size from now on.
    Resize(u64),
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        10 => ("[a-z]{0,40}", prop::collection::vec(any::<u8>(), 0..400)).prop_map(|(tenant, payload)| Operation::Append(tenant, payload)),
        1 => prop::collection::vec(any::<u8>(), 400..1400).prop_map(|payload| Operation::Append("big".to_owned(), payload)),
        4 => Just(Operation::Commit),
        1 => any::<prop::sample::Index>().prop_map(Operation::RemoveBefore),
        1 => Just(Operation::Reopen),
        1 => Just(Operation::Prepare),
        1 => (2600_u64..9000).prop_map(Operation::Resize),
    ]
}

type Entry = (Position, String, Vec<u8>);

fn run(storage: &Arc<dyn Storage>, operations: Vec<Operation>) {
    let mut options = small();
    let mut log = Log::open(storage.clone(), options.clone()).unwrap().0;
    let (mut committed, mut waiting) = (Vec::<Entry>::new(), Vec::<Entry>::new());
    for operation in operations {
        match operation {
            Operation::Append(tenant, payload) => {
                let position = log.append(&tenant, &payload).unwrap();
                waiting.push((position, tenant, payload));
            }
            Operation::Commit => {
                log.commit().unwrap();
                committed.append(&mut waiting);
            }
            Operation::RemoveBefore(index) => {
                if !committed.is_empty() {
                    let limit = committed[index.index(committed.len())].0;
                    log.remove_before(limit).unwrap();
                    let start = log.reader().start();
                    assert!(start <= limit);
                    committed.retain(|(position, ..)| *position >= start);
                }
            }
            Operation::Reopen => {
                drop(log);
                log = reopen(storage, &options);
                waiting.clear();
            }
            Operation::Prepare => drop(log.preparer().prepare().unwrap()),
            Operation::Resize(segment_bytes) => options = Options { segment_bytes, ..options },
        }
        compare(&log, &committed);
    }
}

fn reopen(storage: &Arc<dyn Storage>, options: &Options) -> Log {
    let (log, recovered) = Log::open(storage.clone(), options.clone()).unwrap();
    assert_eq!((recovered.damaged.len(), recovered.cut), (0, None));
    log
}

fn compare(log: &Log, committed: &[Entry]) {
    let found = frames(&log.reader());
    let found = found.iter().map(|frame| (frame.position(), frame.tenant().to_owned(), frame.payload().to_vec()));
    assert!(found.eq(committed.iter().cloned()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_log_in_memory_is_a_list(operations in prop::collection::vec(operation(), 0..60)) {
        run(&(Arc::new(MemoryStorage::new()) as Arc<dyn Storage>), operations);
    }

    #[test]
    fn a_log_on_a_disk_that_could_crash_is_a_list(operations in prop::collection::vec(operation(), 0..60)) {
        run(&(Arc::new(CrashingStorage::new()) as Arc<dyn Storage>), operations);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn a_log_in_files_is_a_list(operations in prop::collection::vec(operation(), 0..40)) {
        let folder = tempfile::tempdir().unwrap();
        run(&(Arc::new(FileStorage::open(folder.path()).unwrap()) as Arc<dyn Storage>), operations);
    }
}
