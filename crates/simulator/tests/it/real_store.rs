//! The same lives over the real store, in fewer numbers: each write of it is a write to a real disk.

use simulator::{RealStore, run};

/// Lives by default.
const SEEDS: u64 = 40;

#[test]
fn every_promise_is_kept_over_the_real_store() {
    for seed in 0..SEEDS {
        let folder = tempfile::tempdir().unwrap();
        let store = RealStore::open(&folder.path().join("dinrail.db")).unwrap();
        if let Err(failure) = run(1_000_000 + seed, Box::new(store), None) {
            panic!("{failure}");
        }
    }
}
