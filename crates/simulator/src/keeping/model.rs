//! A store in plain maps, which takes everything exactly as it is handed out.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use tenant::{Checkpoint, Projected, Sample, Unwritten};

use super::{Image, Keeping, Refused};

/// A store in plain maps.
#[derive(Debug, Default)]
pub struct ModelStore {
    tenants: RefCell<BTreeMap<String, Kept>>,
    floor: RefCell<u64>,
}

#[derive(Debug, Default)]
struct Kept {
    position: u64,
    parts: BTreeMap<String, Vec<u8>>,
    /// By agent, data point and last sequence.
    chunks: BTreeMap<(String, String, u64), Vec<Sample>>,
    rows: Vec<Projected>,
    messages: BTreeMap<u64, Vec<u8>>,
}

impl ModelStore {
    /// Nothing is kept yet.
    pub fn new() -> ModelStore {
        ModelStore::default()
    }

    fn with<T>(&self, tenant: &str, act: impl FnOnce(&mut Kept) -> T) -> T {
        act(self.tenants.borrow_mut().entry(tenant.to_owned()).or_default())
    }
}

impl Keeping for ModelStore {
    fn reopen(&mut self) {}

    fn restore(&self) -> Result<Vec<Image>, Refused> {
        let image = |(tenant, kept): (&String, &Kept)| Image {
            tenant: tenant.clone(),
            position: kept.position,
            projected: kept.rows.last().map_or(0, |row| row.position),
            parts: kept.parts.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
        };
        Ok(self.tenants.borrow().iter().map(image).collect())
    }

    fn floor(&self) -> Result<u64, Refused> {
        Ok(*self.floor.borrow())
    }

    fn set_floor(&self, position: u64) -> Result<(), Refused> {
        let mut floor = self.floor.borrow_mut();
        *floor = position.max(*floor);
        Ok(())
    }

    fn checkpoint(&self, tenant: &str, checkpoint: &Checkpoint) -> Result<(), Refused> {
        self.with(tenant, |kept| {
            for part in &checkpoint.parts {
                match &part.value {
                    Some(value) => drop(kept.parts.insert(part.key.clone(), value.clone())),
                    None => drop(kept.parts.remove(&part.key)),
                }
            }
            for chunk in &checkpoint.chunks {
                let key = (chunk.agent.clone(), chunk.data_point.clone(), chunk.sequence);
                kept.chunks.entry(key).or_insert_with(|| chunk.samples.clone());
            }
            kept.position = checkpoint.position;
        });
        Ok(())
    }

    fn project(&self, tenant: &str, rows: &[Projected]) -> Result<(), Refused> {
        self.with(tenant, |kept| {
            let projected = kept.rows.last().map_or(0, |row| row.position);
            kept.rows.extend(rows.iter().filter(|row| row.position > projected).cloned());
        });
        Ok(())
    }

    fn put_messages(&self, tenant: &str, messages: &[(u64, Vec<u8>)]) -> Result<(), Refused> {
        self.with(tenant, |kept| kept.messages.extend(messages.iter().cloned()));
        Ok(())
    }

    fn retain_messages(&self, tenant: &str, positions: &BTreeSet<u64>) -> Result<(), Refused> {
        self.with(tenant, |kept| kept.messages.retain(|position, _| positions.contains(position)));
        Ok(())
    }

    fn message(&self, tenant: &str, position: u64) -> Result<Option<Vec<u8>>, Refused> {
        Ok(self.tenants.borrow().get(tenant).and_then(|kept| kept.messages.get(&position)).cloned())
    }

    fn samples(
        &self,
        tenant: &str,
        agent: &str,
        data_point: &str,
        unwritten: &Unwritten,
    ) -> Result<Vec<Sample>, Refused> {
        let tenants = self.tenants.borrow();
        let key = |sequence| (agent.to_owned(), data_point.to_owned(), sequence);
        let mut chunks: BTreeMap<u64, &[Sample]> = BTreeMap::new();
        if let Some(kept) = tenants.get(tenant) {
            let of_series = kept.chunks.range(key(0)..=key(u64::MAX));
            chunks.extend(of_series.map(|((_, _, sequence), samples)| (*sequence, &**samples)));
        }
        for chunk in &unwritten.chunks {
            chunks.entry(chunk.sequence).or_insert(&chunk.samples);
        }
        // In the order of the sequences: where two have the same time, the later one is read, and the head before all.
        let mut samples: BTreeMap<i64, &Sample> = BTreeMap::new();
        for sample in chunks.into_values().chain([&*unwritten.head]).flatten() {
            samples.insert(sample.time_us, sample);
        }
        Ok(samples.into_values().cloned().collect())
    }

    fn merge(&self, tenant: &str) -> Result<(), Refused> {
        self.with(tenant, |kept| {
            let mut folded: BTreeMap<(String, String), (u64, BTreeMap<i64, Sample>)> = BTreeMap::new();
            for ((agent, data_point, sequence), samples) in std::mem::take(&mut kept.chunks) {
                let (last, fold) = folded.entry((agent, data_point)).or_default();
                *last = sequence;
                fold.extend(samples.into_iter().map(|sample| (sample.time_us, sample)));
            }
            let chunk = |((agent, data_point), (last, fold)): ((String, String), (u64, BTreeMap<i64, Sample>))| {
                ((agent, data_point, last), fold.into_values().collect())
            };
            kept.chunks = folded.into_iter().map(chunk).collect();
        });
        Ok(())
    }

    fn rows(&self, tenant: &str) -> Result<Vec<Projected>, Refused> {
        Ok(self.tenants.borrow().get(tenant).map(|kept| kept.rows.clone()).unwrap_or_default())
    }
}
