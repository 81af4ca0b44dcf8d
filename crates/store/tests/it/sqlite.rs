//! The contract, kept by SQLite; and its files.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use store::Order::Ascending;
use store::{SqliteStore, Store, StoreError};
use tempfile::TempDir;
use tenant::Unwritten;

use crate::bed::{AGENT, Open, TENANT, audit, checkpoint, chunk, sample, series};

/// Gives a new database.
fn with_database(test: &mut dyn FnMut(&Open<'_>)) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dinrail.sqlite");
    test(&|| Box::new(SqliteStore::open(&path).unwrap()));
}

macro_rules! contract {
    ($($subject:ident: $($name:ident)*;)*) => {
        $(mod $subject {
            $(
                #[test]
                fn $name() {
                    super::with_database(&mut |open| crate::$subject::$name(open));
                }
            )*
        })*
    };
}

contract! {
    audit_and_rejects: rows_are_read_back_newest_first every_field_comes_back rows_that_are_there_are_skipped;
    folding: many_chunks_become_few_large_ones late_chunks_are_sorted_in each_call_has_a_budget_of_series
        long_texts_make_smaller_chunks;
    images: a_new_database_has_no_tenants a_restart_gives_back_the_last_checkpoint
        a_tenant_is_known_by_its_projection_alone a_checkpoint_written_again_changes_nothing
        a_chunk_that_was_folded_is_not_written_again an_empty_chunk_does_no_harm
        the_floor_only_rises;
    messages: messages_stay_while_someone_waits_for_them;
    pruning: nothing_within_the_limits_goes the_oldest_beyond_a_count_go the_oldest_beyond_their_bytes_go
        what_is_too_old_goes many_go_in_one_call the_audit_stays;
    refusals: refusals_come_back_newest_first text_is_searched_in_any_case_and_means_itself long_fields_are_cut;
    series: the_head_goes_before_chunks_and_later_chunks_before_earlier_ones a_range_has_its_start_and_not_its_end
        the_ends_of_time_are_times buckets_are_aligned_to_the_epoch each_function_takes_what_it_can_read
        more_overlapping_samples_than_memory_allows_are_read_in_parts;
    sizes: sizes_follow_what_is_written_and_dropped;
    tenants: tenants_with_the_same_names_never_meet;
    tokens: a_token_is_found_by_its_hash_alone a_tenant_deletes_only_its_own_tokens an_id_or_a_hash_is_taken_once
        tokens_of_one_tenant_are_bounded;
}

#[test]
fn small_series_read_as_a_map_does() {
    crate::model::small_series_read_as_a_map_does(&with_database);
}

#[test]
fn large_series_read_as_a_map_does() {
    crate::model::large_series_read_as_a_map_does(&with_database);
}

#[test]
fn heavy_series_read_as_a_map_does() {
    crate::model::heavy_series_read_as_a_map_does(&with_database);
}

fn database() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dinrail.sqlite");
    (folder, path)
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn only_the_owner_can_read_the_files() {
    let (_folder, path) = database();
    std::fs::write(&path, b"").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let store = SqliteStore::open(&path).unwrap();
    store.project(TENANT, &[audit(1, "one")]).unwrap();
    for name in ["dinrail.sqlite", "dinrail.sqlite-wal", "dinrail.sqlite-shm"] {
        assert_eq!(mode(&path.with_file_name(name)), 0o600, "{name}");
    }
}

#[test]
fn a_newer_schema_is_refused_in_words() {
    let (_folder, path) = database();
    drop(SqliteStore::open(&path).unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 1000).unwrap();
    let error = SqliteStore::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::NewerSchema { found: 1000, .. }), "{error}");
    assert!(error.to_string().contains("start the version that wrote it"), "{error}");
}

#[test]
fn what_is_no_database_of_ours_is_left_alone() {
    let (_folder, path) = database();
    std::fs::write(&path, "a text that is longer than the header of a database, which is a hundred bytes".repeat(9))
        .unwrap();
    let error = SqliteStore::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Damaged(_)), "{error}");

    let (_folder, path) = database();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = SqliteStore::open(&path).unwrap_err();
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert!(matches!(error, StoreError::Damaged(_)), "{error}");

    let error = SqliteStore::open(&path.join("nothing/here")).unwrap_err();
    assert!(matches!(error, StoreError::Files(_)), "{error}");
}

#[test]
fn a_damaged_chunk_is_told_and_left_as_it_is() {
    let (_folder, path) = database();
    let store = SqliteStore::open(&path).unwrap();
    let of = |data_point: &str| -> Vec<_> {
        (0..8).map(|sequence| chunk(data_point, sequence, vec![sample(sequence as i64, 1)])).collect()
    };
    store.checkpoint(TENANT, &checkpoint(1, [of("bad"), of("good")].concat())).unwrap();
    let damage = "UPDATE chunks SET bytes = substr(bytes, 1, 20) WHERE last_sequence = 3
        AND series = (SELECT series FROM series WHERE data_point = 'bad')";
    assert_eq!(Connection::open(&path).unwrap().execute(damage, []).unwrap(), 1);

    let read = |data_point, range| store.samples(&series(data_point, range), &Unwritten::default(), 9, Ascending);
    let error = read("bad", 0..9).unwrap_err();
    let named = (AGENT, "bad", 3);
    assert!(
        matches!(&error, StoreError::DamagedChunk { agent, data_point, sequence, .. }
            if (agent.as_str(), data_point.as_str(), *sequence) == named),
        "{error}"
    );
    assert_eq!(read("bad", 0..3).unwrap().len(), 3);
    let error = store.merge(TENANT, 9).unwrap_err();
    assert!(matches!(error, StoreError::DamagedChunk { sequence: 3, .. }), "{error}");
    let chunks = "SELECT count(*) FROM chunks GROUP BY series ORDER BY 1";
    let count = |connection: Connection| -> Vec<i64> {
        connection.prepare(chunks).unwrap().query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    assert_eq!(count(Connection::open(&path).unwrap()), [1, 8]);
    assert_eq!(read("good", 0..9).unwrap().len(), 8);
    assert_eq!(store.merge(TENANT, 9).unwrap(), 0);
}

#[test]
fn many_queries_at_once_wait_for_their_turn() {
    let (_folder, path) = database();
    let store = SqliteStore::open(&path).unwrap();
    store.checkpoint(TENANT, &checkpoint(1, vec![chunk("speed", 0, vec![sample(1, 1)])])).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let samples = store.samples(&series("speed", 0..9), &Unwritten::default(), 9, Ascending).unwrap();
                    assert_eq!(samples, [sample(1, 1)]);
                }
            });
        }
        for position in 1..20 {
            store.project(TENANT, &[audit(position, "beside")]).unwrap();
        }
    });
}
