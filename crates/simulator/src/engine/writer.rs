//! The steps of the writer: append, commit, apply and answer one tenant's turn after the other.

use std::collections::VecDeque;

use identity::TenantId;
use log::{AppendError, CommitError};
use tenant::{Outcome, Record};

use super::{Committed, Disk, Engine, Entry, Mail, Reply, Tag};
use crate::Sabotage;
use crate::random::Random;

/// Records of one tenant in one batch, at most.
const TURN_MAX: u64 = 12;

/// What the writer is at.
#[derive(Debug)]
pub(super) enum Writer {
    Idle,
    /// The batch has its positions, and waits for its commit.
    Appended(VecDeque<Turn>),
    /// The batch is durable, and some of its turns wait to be applied.
    Committed {
        turns: VecDeque<Turn>,
        end: u64,
    },
    Failed,
}

/// One tenant's records of a batch.
#[derive(Debug)]
pub(super) struct Turn {
    tenant: TenantId,
    entries: Vec<(u64, Entry)>,
}

impl Engine {
    pub(crate) fn step_writer(&mut self, random: &mut Random) {
        match std::mem::replace(&mut self.writer, Writer::Idle) {
            Writer::Idle => self.append(random),
            Writer::Appended(turns) => self.commit(turns),
            Writer::Committed { turns, end } => self.apply_next(turns, end),
            Writer::Failed => self.writer = Writer::Failed,
        }
    }

    fn append(&mut self, random: &mut Random) {
        if let Some(limit) = self.retire_below.take() {
            // Where that fails the log says so at the next append.
            drop(self.log.remove_before(limit));
        }
        let mut turns = VecDeque::new();
        for (tenant, slot) in &mut self.slots {
            let count = slot.lane.len().min(1 + random.below(TURN_MAX) as usize);
            let append = |entry: Entry| Ok((self.log.append(tenant.as_str(), &entry.bytes)?.0, entry));
            let entries: Result<Vec<_>, AppendError> = slot.lane.drain(..count).map(append).collect();
            let Ok(entries) = entries else { return self.fail() };
            if !entries.is_empty() {
                turns.push_back(Turn { tenant: tenant.clone(), entries });
            }
        }
        if turns.is_empty() {
            return;
        }
        if self.sabotages(Sabotage::AcknowledgeBeforeCommit) {
            let silent = turns.iter().map(Turn::without_replies).collect();
            turns.into_iter().for_each(|turn| self.apply(turn));
            turns = silent;
        }
        self.writer = Writer::Appended(turns);
    }

    fn commit(&mut self, turns: VecDeque<Turn>) {
        match self.log.commit() {
            Ok(end) => {
                self.disk = Disk::Writable;
                for turn in &turns {
                    self.committed.extend(turn.entries.iter().map(|(position, entry)| Committed {
                        position: *position,
                        tenant: turn.tenant.clone(),
                        bytes: entry.bytes.clone(),
                    }));
                }
                let turns = if self.sabotages(Sabotage::AcknowledgeBeforeCommit) { VecDeque::new() } else { turns };
                self.writer = Writer::Committed { turns, end: end.0 };
            }
            Err(CommitError::Full) => {
                self.disk = Disk::Full;
                self.writer = Writer::Appended(turns);
            }
            Err(CommitError::Failed(_)) => self.fail(),
        }
    }

    fn apply_next(&mut self, mut turns: VecDeque<Turn>, end: u64) {
        if let Some(turn) = turns.pop_front() {
            self.apply(turn);
            self.writer = Writer::Committed { turns, end };
            return;
        }
        self.applied_through = end;
    }

    fn apply(&mut self, turn: Turn) {
        let Some(slot) = self.slots.get_mut(&turn.tenant) else { return };
        let mut applied = Vec::with_capacity(turn.entries.len());
        for (position, entry) in turn.entries {
            let record = Record::decode(&entry.bytes).expect("what encode makes, decode reads");
            let mut effects = Vec::new();
            let outcome = slot.tenant.apply(position, &record, &mut effects);
            self.outcomes.push((position, outcome.clone()));
            applied.push((position, entry.reply, outcome, effects));
        }
        for (position, reply, outcome, effects) in applied {
            effects.into_iter().for_each(|effect| slot.bring(effect, &mut self.mail));
            match reply {
                Reply::Nobody => {}
                Reply::Connection(id, tag) => self.mail.push((id, Mail::Answer(tag, position, outcome))),
                Reply::Connect(id, session) => {
                    if matches!(outcome, Outcome::Connected { .. }) {
                        slot.live.insert(session, (position, id));
                    }
                    self.mail.push((id, Mail::Answer(Tag::Connect, position, outcome)));
                }
                Reply::Operator => self.waiting.push((turn.tenant.clone(), position, outcome)),
            }
        }
    }

    /// Nobody knows what the disk holds: nothing is acknowledged until a restart.
    fn fail(&mut self) {
        self.disk = Disk::Failed;
        self.writer = Writer::Failed;
        self.slots.values_mut().for_each(|slot| slot.lane.clear());
    }
}

impl Turn {
    fn without_replies(&self) -> Turn {
        let silent =
            |(position, entry): &(u64, Entry)| (*position, Entry { bytes: entry.bytes.clone(), reply: Reply::Nobody });
        Turn { tenant: self.tenant.clone(), entries: self.entries.iter().map(silent).collect() }
    }
}
