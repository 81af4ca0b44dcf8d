//! Whole lives of a server in one thread, from a seed.
//!
//! Several tenants, each with agents that are real MQTT clients in all but their bytes: they keep sessions or do not,
//! publish at every QoS, send again with DUP what was not acknowledged, subscribe, acknowledge, are cut off and come
//! back. Operators send messages, revoke and restore. Beneath them are the real log on a disk that crashes, the real
//! tenants, and a store; the steps between are those of the server's engine and connections. The power goes at any
//! operation of any disk, also while the server starts; syncs fail; disks are full for a while; the clock is set back.
//!
//! What holds then, and is checked after every recovery and at the end of each life:
//!
//! 1. what was acknowledged can be queried: each value once, with its exact text and quality;
//! 2. nothing can be queried that nobody has said, and no tenant is shown anything of another;
//! 3. the ledger of each agent has every value once, as what it was;
//! 4. the state is that of a tenant which applied the same log and never crashed: its image, byte for byte;
//! 5. a QoS 2 message counts once within its session;
//! 6. a message that a persistent session waits for is delivered, with DUP and its first packet id when it comes again,
//!    and never more at a time than the client takes;
//! 7. an agent has one live connection, and a revoked one has none;
//! 8. rejects and audit have a row for each record, once, in log order; a change that was answered is among them;
//! 9. no record that was durable is lost or changed, and a crash leaves no damage.
//!
//! [`run`] lives one life; a [`Failure`] names the seed that lives it again. A [`Sabotage`] breaks the engine on
//! purpose, to see that all this would be noticed.

mod book;
mod client;
mod engine;
mod faults;
mod keeping;
mod operator;
mod oracle;
mod packet;
mod pki;
mod power;
mod random;
mod rest;
mod serving;
mod speech;
mod violation;
mod world;

pub use keeping::{Image, Keeping, ModelStore, RealStore, Refused};

use world::World;

/// Steps of one life.
const STEPS: usize = 3000;

/// Steps between two looks at a server that is running.
const CHECK_EVERY: usize = 200;

/// Lives one life.
///
/// # Errors
/// The first promise that was not kept.
pub fn run(seed: u64, store: Box<dyn Keeping>, sabotage: Option<Sabotage>) -> Result<Report, Failure> {
    let mut world = World::new(seed, store, sabotage);
    let mut step = 0;
    live(&mut world, &mut step).map_err(|violation| Failure { seed, step, what: violation.0 })?;
    Ok(world.account())
}

fn live(world: &mut World, step: &mut usize) -> Result<(), violation::Violation> {
    while *step < STEPS {
        *step += 1;
        world.step()?;
        world.tempt_fate()?;
        if step.is_multiple_of(CHECK_EVERY) {
            world.check_running()?;
        }
    }
    world.finish()
}

/// A way to break the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// Records are applied and answered before they are durable.
    AcknowledgeBeforeCommit,
    /// The floor is raised to the end of the log, not to where the round of checkpoints began.
    FloorAtEnd,
    /// Segments are removed without the messages in them that sessions wait for.
    ForgetQueued,
    /// A checkpoint is written without the rows that waited for the projection.
    ForgetRows,
}

/// What happened in one life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Durable records.
    pub records: usize,
    /// Publishes that were acknowledged.
    pub acknowledged: usize,
    /// Power cuts.
    pub power_cuts: usize,
    /// Processes that died.
    pub deaths: usize,
    /// Times that the server was started.
    pub recoveries: usize,
    /// QoS 2 messages that came again, and were not taken again.
    pub repeated: usize,
    /// Deliveries at QoS 1 that clients received.
    pub delivered: usize,
    /// Those of them that had come before.
    pub redelivered: usize,
    /// Samples that left the heads.
    pub sealed: usize,
    /// Bytes of the log that were removed.
    pub removed: u64,
}

impl Report {
    /// Adds what happened in another life.
    pub fn add(&mut self, other: &Report) {
        self.records += other.records;
        self.acknowledged += other.acknowledged;
        self.power_cuts += other.power_cuts;
        self.deaths += other.deaths;
        self.recoveries += other.recoveries;
        self.repeated += other.repeated;
        self.delivered += other.delivered;
        self.redelivered += other.redelivered;
        self.sealed += other.sealed;
        self.removed += other.removed;
    }
}

/// A promise that was not kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("seed {seed}, step {step}: {what}")]
pub struct Failure {
    /// Lives the same life again.
    pub seed: u64,
    /// How far it came.
    pub step: usize,
    /// Which promise.
    pub what: String,
}
