//! Lives in which nothing is broken.
//!
//! `DINRAIL_SEED=N` lives the one life of that seed, `DINRAIL_SEEDS=N` so many.

use std::env;

use simulator::{ModelStore, Report, run};

/// Lives by default: what a debug build lives in about 20 seconds.
const SEEDS: u64 = 320;

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap())
}

fn live(seed: u64) -> Report {
    let _seed = Seed(seed);
    run(seed, Box::new(ModelStore::new()), None).unwrap_or_else(|failure| panic!("{failure}"))
}

/// Names the seed of a life in which something panicked.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("to live it again: DINRAIL_SEED={}", self.0);
        }
    }
}

#[test]
fn every_promise_is_kept_in_every_life() {
    let seeds = match number("DINRAIL_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("DINRAIL_SEEDS").unwrap_or(SEEDS),
    };
    let mut sum = Report::default();
    for seed in seeds.clone() {
        sum.add(&live(seed));
    }
    println!("{} lives: {sum:?}", seeds.end - seeds.start);
    if seeds.end - seeds.start >= SEEDS {
        assert_full(&sum);
    }
}

/// Enough of everything has happened that its checks mean something.
fn assert_full(sum: &Report) {
    let Report {
        records,
        acknowledged,
        power_cuts,
        deaths,
        recoveries,
        repeated,
        delivered,
        redelivered,
        sealed,
        removed,
    } = *sum;
    assert!(records > 10_000 && acknowledged > 3_000 && sealed > 10_000, "{sum:?}");
    assert!(power_cuts > 500 && deaths > 50 && recoveries > 500, "{sum:?}");
    assert!(repeated > 20 && delivered > 200 && redelivered > 20 && removed > 1_000_000, "{sum:?}");
}

#[test]
fn a_seed_lives_the_same_life_again() {
    assert_eq!(live(7), live(7));
}
