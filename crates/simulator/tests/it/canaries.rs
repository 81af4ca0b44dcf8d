//! A harness that never fails shows nothing: an engine that is broken on purpose has to be found out, soon, and for the
//! right reason.

use simulator::{ModelStore, Sabotage, run};

/// Lives within which each sabotage is found.
const SEEDS: u64 = 40;

/// Some life ends with a promise that was not kept, in these words.
#[track_caller]
fn assert_found(sabotage: Sabotage, words: &str) {
    let lives = (0..SEEDS).map(|seed| run(seed, Box::new(ModelStore::new()), Some(sabotage)));
    let mut failures = lives.filter_map(Result::err);
    let found = failures.find(|failure| failure.what.contains(words));
    assert!(found.is_some(), "{sabotage:?} was not found in {SEEDS} lives");
}

#[test]
fn an_answer_before_the_commit_is_found() {
    assert_found(Sabotage::AcknowledgeBeforeCommit, "were acknowledged, and the log does not have them");
}

#[test]
fn a_floor_above_what_the_checkpoints_hold_is_found() {
    assert_found(Sabotage::FloorAtEnd, "differs in");
}

#[test]
fn a_segment_removed_under_a_queued_message_is_found() {
    assert_found(Sabotage::ForgetQueued, "cannot be read");
}

#[test]
fn a_checkpoint_that_leaves_rows_behind_is_found() {
    assert_found(Sabotage::ForgetRows, "the rows of");
}
