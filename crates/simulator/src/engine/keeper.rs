//! The steps of the keeper: projection, checkpoint round, floor, and what the log no longer needs.

use std::collections::{BTreeSet, VecDeque};

use identity::TenantId;
use log::Position;
use tenant::{Checkpoint, Projected, Record};

use super::{Engine, Slot};
use crate::Sabotage;
use crate::random::Random;

/// What the keeper holds in its hands between two steps.
#[derive(Debug)]
pub(super) enum Keeper {
    Idle,
    /// Rows on their way to the store.
    Projecting {
        tenant: TenantId,
        rows: Vec<Projected>,
        applied: u64,
    },
    /// A round of checkpoints.
    Round {
        floor: u64,
        left: VecDeque<TenantId>,
        taken: Option<Taken>,
    },
    /// Everything below the floor is in checkpoints.
    Raising {
        floor: u64,
    },
    /// Queued messages leave the segments that go.
    Moving {
        limit: Position,
        left: VecDeque<TenantId>,
        moved: Option<(TenantId, BTreeSet<u64>)>,
    },
}

/// What was taken from a tenant under one lock.
#[derive(Debug)]
pub(super) struct Taken {
    tenant: TenantId,
    /// None once they are written.
    rows: Option<Vec<Projected>>,
    checkpoint: Checkpoint,
    is_written: bool,
}

#[derive(Clone, Copy)]
enum Chore {
    Project,
    Checkpoint,
    Prepare,
    Merge,
}

impl Engine {
    pub(crate) fn step_keeper(&mut self, random: &mut Random, now_us: i64) {
        match std::mem::replace(&mut self.keeper, Keeper::Idle) {
            Keeper::Idle => self.begin(random),
            Keeper::Projecting { tenant, rows, applied } => drop(self.project(&tenant, rows, applied)),
            Keeper::Round { floor, left, taken } => self.step_round(floor, left, taken),
            Keeper::Raising { floor } => self.raise_floor(floor, now_us),
            Keeper::Moving { limit, left, moved } => self.step_moving(limit, left, moved),
        }
    }

    /// Begins a round of checkpoints, whatever was under way; the last thing before a server ends.
    pub(crate) fn begin_round(&mut self) {
        // All below has been applied by now, so after this round it is in its tenant's checkpoint.
        let floor = self.applied_through;
        self.keeper = Keeper::Round { floor, left: self.slots.keys().cloned().collect(), taken: None };
    }

    fn begin(&mut self, random: &mut Random) {
        let chores = [(12, Chore::Project), (3, Chore::Checkpoint), (2, Chore::Prepare), (1, Chore::Merge)];
        match random.weighted(&chores) {
            Chore::Project => {
                let waits = self.slots.iter_mut().find(|(_, slot)| slot.tenant.outbox_len() > 0 || slot.is_behind());
                if let Some((tenant, slot)) = waits {
                    let (rows, applied) = (slot.tenant.take_outbox(), slot.tenant.applied());
                    self.keeper = Keeper::Projecting { tenant: tenant.clone(), rows, applied };
                }
            }
            Chore::Checkpoint => self.begin_round(),
            Chore::Prepare => drop(self.preparer.prepare()),
            Chore::Merge => {
                for tenant in self.slots.keys() {
                    // It is tried again.
                    drop(self.store.write(|store| store.merge(tenant.as_str())));
                }
            }
        }
    }

    fn project(&mut self, tenant: &TenantId, rows: Vec<Projected>, applied: u64) -> bool {
        let is_written = rows.is_empty() || self.store.write(|store| store.project(tenant.as_str(), &rows)).is_ok();
        let Some(slot) = self.slots.get_mut(tenant) else { return is_written };
        if is_written {
            slot.projected = applied;
        } else {
            slot.tenant.return_outbox(rows);
        }
        is_written
    }

    fn step_round(&mut self, floor: u64, mut left: VecDeque<TenantId>, taken: Option<Taken>) {
        let Some(mut taken) = taken else {
            return match left.pop_front() {
                Some(tenant) => {
                    let taken = self.take(tenant);
                    self.keeper = Keeper::Round { floor, left, taken };
                }
                None => self.keeper = Keeper::Raising { floor },
            };
        };
        let is_done = match taken.rows.take() {
            Some(rows) if self.sabotages(Sabotage::ForgetRows) => {
                drop(rows);
                true
            }
            Some(rows) => self.project(&taken.tenant, rows, taken.checkpoint.position),
            None if !taken.is_written => {
                taken.is_written = true;
                let tenant = taken.tenant.as_str();
                self.store.write(|store| store.checkpoint(tenant, &taken.checkpoint)).is_ok()
            }
            None => {
                let slot = self.slots.get_mut(&taken.tenant);
                slot.into_iter().for_each(|slot| slot.tenant.checkpointed(&taken.checkpoint));
                self.keeper = Keeper::Round { floor, left, taken: None };
                return;
            }
        };
        if is_done {
            self.keeper = Keeper::Round { floor, left, taken: Some(taken) };
        } else if let Some(slot) = self.slots.get_mut(&taken.tenant) {
            // The round ends here; what it took is taken by the next one.
            slot.tenant.checkpoint_failed(&taken.checkpoint);
        }
    }

    fn take(&mut self, tenant: TenantId) -> Option<Taken> {
        let slot = self.slots.get_mut(&tenant)?;
        if !slot.tenant.is_dirty() && slot.tenant.outbox_len() == 0 {
            slot.projected = slot.tenant.applied();
            return None;
        }
        let (rows, checkpoint) = (Some(slot.tenant.take_outbox()), slot.tenant.checkpoint());
        Some(Taken { tenant, rows, checkpoint, is_written: false })
    }

    fn raise_floor(&mut self, floor: u64, now_us: i64) {
        let floor = if self.sabotages(Sabotage::FloorAtEnd) { self.reader.end().0 } else { floor };
        if self.store.write(|store| store.set_floor(floor)).is_err() {
            return;
        }
        if let Some(limit) = self.retirement(floor, now_us) {
            let everybody = self.slots.keys().cloned().collect();
            let left = if self.sabotages(Sabotage::ForgetQueued) { VecDeque::new() } else { everybody };
            self.keeper = Keeper::Moving { limit, left, moved: None };
        }
    }

    /// Below what the segments are below the floor and old enough to go.
    fn retirement(&self, floor: u64, now_us: i64) -> Option<Position> {
        let oldest_us = now_us.saturating_sub(self.settings.raw_retention_us?);
        let starts = self.reader.segments().into_iter().map(|segment| segment.start);
        let is_old = |next: &Position| next.0 <= floor && self.first_record_us(*next).is_some_and(|at| at < oldest_us);
        starts.skip(1).take_while(is_old).last()
    }

    fn first_record_us(&self, from: Position) -> Option<i64> {
        let mut frames = self.reader.scan(from).take(16).filter_map(Result::ok);
        frames.find_map(|frame| Record::decode(frame.payload()).ok()?.at_us())
    }

    fn step_moving(&mut self, limit: Position, mut left: VecDeque<TenantId>, moved: Option<(TenantId, BTreeSet<u64>)>) {
        let result = match (moved, left.pop_front()) {
            (Some((tenant, positions)), next) => {
                next.into_iter().for_each(|next| left.push_front(next));
                let retained = self.store.write(|store| store.retain_messages(tenant.as_str(), &positions));
                retained.map(|()| None)
            }
            (None, Some(tenant)) => self.keep_queued(&tenant, limit).map(|positions| Some((tenant, positions))),
            (None, None) => {
                self.retire_below = Some(limit);
                return;
            }
        };
        // Where that fails the log keeps its segments.
        if let Ok(moved) = result {
            self.keeper = Keeper::Moving { limit, left, moved };
        }
    }

    fn keep_queued(&self, tenant: &TenantId, limit: Position) -> Result<BTreeSet<u64>, crate::keeping::Refused> {
        let positions = self.slots.get(tenant).map(|slot| slot.tenant.queued_below(limit.0)).unwrap_or_default();
        let of = |position: &u64| {
            // Not in the log: it was moved before.
            let frame = self.reader.read(Position(*position)).ok()?;
            Some((*position, frame.into_payload()))
        };
        let messages: Vec<_> = positions.iter().filter_map(of).collect();
        self.store.write(|store| store.put_messages(tenant.as_str(), &messages))?;
        Ok(positions.into_iter().collect())
    }
}

impl Slot {
    /// Whether somebody could wait for the projection.
    fn is_behind(&self) -> bool {
        self.projected < self.tenant.applied()
    }
}
