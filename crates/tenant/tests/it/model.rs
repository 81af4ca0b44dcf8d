//! Cut anywhere, write checkpoints anywhere: the tenant that comes back is the one that never went away, and what it
//! keeps is what a plain map keeps.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use tenant::{Effect, Ledger, Limits, Outcome, Projected, Record, SealedChunk, Tenant};

use crate::bed::{ALWAYS, Bed};
use crate::operations::{AGENTS, Operation, Writer, operation};

/// Data points of an agent: one less than the operations use.
const DATA_POINTS_MAX: usize = 3;

fn limits() -> Limits {
    let broker = broker::Limits { queued_per_session_max: 3, subscriptions_per_session_max: 2 };
    Limits { agents_max: 2, data_points_per_agent_max: DATA_POINTS_MAX, authorities_max: 2, broker }
}

/// A record in the log, and what it came to.
struct Line {
    position: u64,
    bytes: Vec<u8>,
    outcome: Outcome,
    effects: Vec<Effect>,
}

/// What the agents have sent that was taken, as a plain map.
#[derive(Default)]
struct Model {
    values: BTreeMap<(String, String, i64), (String, i64)>,
    ledgers: BTreeMap<String, Ledger>,
}

impl Model {
    fn take(&mut self, record: &Record<'_>, outcome: &Outcome) -> Result<(), TestCaseError> {
        let (Record::Published(published), Outcome::Published(verdict)) = (record, outcome) else { return Ok(()) };
        let agent = published.connection.client_id.to_string();
        self.ledgers.entry(agent.clone()).or_default().add(verdict.counts);
        if verdict.counts.received() == 0 {
            prop_assert_eq!(published.qos, 2, "only a repeated QoS 2 message has no verdict");
            return Ok(());
        }
        let mut rejected = published.findings.iter().map(|finding| u64::from(finding.count)).sum::<u64>();
        let (mut stored, mut duplicate) = (0, 0);
        for row in &published.rows {
            let key = (agent.clone(), row.data_point.to_string(), row.time_us);
            let value = (row.value.to_string(), row.quality);
            if !self.knows(&key.0, &key.1) && self.data_points(&key.0) >= DATA_POINTS_MAX {
                rejected += 1;
                continue;
            }
            match self.values.insert(key, value.clone()) {
                Some(before) if before == value => duplicate += 1,
                _ => stored += 1,
            }
        }
        prop_assert_eq!(verdict.counts.rejected, rejected);
        // An old repeat counts as stored: the tenant remembers a while, the map for ever.
        prop_assert_eq!(verdict.counts.stored + verdict.counts.duplicate, stored + duplicate);
        prop_assert!(verdict.counts.duplicate <= duplicate);
        Ok(())
    }

    fn knows(&self, agent: &str, data_point: &str) -> bool {
        self.of(agent, data_point).next().is_some()
    }

    fn data_points(&self, agent: &str) -> usize {
        ["temp", "speed", "power", "beyond"].iter().filter(|data_point| self.knows(agent, data_point)).count()
    }

    fn of<'m>(&'m self, agent: &str, data_point: &str) -> impl Iterator<Item = (i64, String, i64)> + use<'m> {
        let key = |time| (agent.to_owned(), data_point.to_owned(), time);
        let range = self.values.range(key(i64::MIN)..key(i64::MAX));
        range.map(|((_, _, time), (text, quality))| (*time, text.clone(), *quality))
    }
}

/// What is kept in SQL.
#[derive(Default)]
struct Sql {
    parts: BTreeMap<String, Vec<u8>>,
    chunks: BTreeMap<(String, String, u64), Arc<SealedChunk>>,
    rows: Vec<Projected>,
    position: u64,
}

impl Sql {
    fn project(&mut self, tenant: &mut Tenant) {
        self.rows.extend(tenant.take_outbox());
    }

    fn checkpoint(&mut self, tenant: &mut Tenant) -> Result<(), TestCaseError> {
        self.project(tenant);
        let checkpoint = tenant.checkpoint();
        for part in &checkpoint.parts {
            match &part.value {
                Some(value) => drop(self.parts.insert(part.key.clone(), value.clone())),
                None => drop(self.parts.remove(&part.key)),
            }
        }
        for chunk in &checkpoint.chunks {
            let key = (chunk.agent.clone(), chunk.data_point.clone(), chunk.sequence);
            if let Some(before) = self.chunks.insert(key, chunk.clone()) {
                prop_assert_eq!(&before, chunk, "a sequence is never used for two chunks");
            }
        }
        self.position = checkpoint.position;
        tenant.checkpointed(&checkpoint);
        prop_assert!(!tenant.is_dirty());
        Ok(())
    }

    fn restore(&self) -> Tenant {
        let projected = self.rows.last().map_or(0, |row| row.position);
        let parts = self.parts.clone();
        Tenant::restore("acme".parse().unwrap(), limits(), self.position, projected, parts).unwrap()
    }

    /// Samples as a query reads them: later chunks before earlier ones, the head before all.
    fn query(&self, tenant: &Tenant, agent: &str, data_point: &str) -> Vec<(i64, String, i64)> {
        let key = |sequence| (agent.to_owned(), data_point.to_owned(), sequence);
        let unwritten = tenant.unwritten(agent, data_point, &ALWAYS);
        let mut samples = BTreeMap::new();
        let written = self.chunks.range(key(0)..=key(u64::MAX)).map(|(_, chunk)| chunk);
        for chunk in written.chain(&unwritten.chunks) {
            samples.extend(chunk.samples.iter().map(|sample| (sample.time_us, sample)));
        }
        samples.extend(unwritten.head.iter().map(|sample| (sample.time_us, sample)));
        samples.into_iter().map(|(time, sample)| (time, sample.value.to_string(), sample.quality)).collect()
    }
}

/// What happens to the tenant after a record.
#[derive(Clone, Copy, Debug)]
enum Interruption {
    Nothing,
    Project,
    ProjectFails,
    Checkpoint,
    CheckpointFails,
    Crash,
}

fn interruption() -> impl Strategy<Value = Interruption> {
    prop_oneof![
        12 => Just(Interruption::Nothing),
        1 => Just(Interruption::Project),
        1 => Just(Interruption::ProjectFails),
        1 => Just(Interruption::Checkpoint),
        1 => Just(Interruption::CheckpointFails),
        1 => Just(Interruption::Crash),
    ]
}

/// The tenant that is never interrupted.
fn tell(operations: &[(Operation, Interruption)]) -> Result<(Bed, Vec<Line>, Model), TestCaseError> {
    let mut bed = Bed::empty(limits());
    let mut lines = Vec::new();
    let mut model = Model::default();
    let beginning = [
        Record::TenantCreated(bed.change()).encode(),
        crate::bed::add_authority(bed.change(), 1).encode(),
        crate::bed::verify_authority(bed.change(), 1).encode(),
    ];
    for bytes in beginning {
        write(&mut bed, bytes, &mut lines, &mut model)?;
    }
    let mut writer = Writer::new(&bed);
    for (operation, _) in operations {
        if let Some(bytes) = writer.write(&mut bed, operation) {
            write(&mut bed, bytes, &mut lines, &mut model)?;
        }
    }
    Ok((bed, lines, model))
}

fn write(bed: &mut Bed, bytes: Vec<u8>, lines: &mut Vec<Line>, model: &mut Model) -> Result<(), TestCaseError> {
    let position = bed.position;
    let record = Record::decode(&bytes).unwrap();
    let (outcome, effects) = bed.apply(&record);
    model.take(&record, &outcome)?;
    lines.push(Line { position, outcome, effects, bytes });
    Ok(())
}

fn apply(tenant: &mut Tenant, lines: &[Line]) -> Result<(), TestCaseError> {
    let from = lines.partition_point(|line| line.position < tenant.applied());
    for line in &lines[from..] {
        let mut effects = Vec::new();
        let outcome = tenant.apply(line.position, &Record::decode(&line.bytes).unwrap(), &mut effects);
        prop_assert_eq!(&outcome, &line.outcome);
        prop_assert_eq!(&effects, &line.effects);
    }
    Ok(())
}

fn interrupt(
    interruption: Interruption,
    tenant: &mut Tenant,
    sql: &mut Sql,
    lines: &[Line],
) -> Result<(), TestCaseError> {
    match interruption {
        Interruption::Nothing => {}
        Interruption::Project => sql.project(tenant),
        Interruption::ProjectFails => {
            let rows = tenant.take_outbox();
            tenant.return_outbox(rows);
        }
        Interruption::Checkpoint => sql.checkpoint(tenant)?,
        Interruption::CheckpointFails => {
            let checkpoint = tenant.checkpoint();
            tenant.checkpoint_failed(&checkpoint);
        }
        Interruption::Crash => {
            *tenant = sql.restore();
            apply(tenant, lines)?;
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_tenant_that_was_cut_anywhere_is_the_one_that_was_not(
        operations in prop::collection::vec((operation(), interruption()), 1..120),
    ) {
        let (mut bed, lines, model) = tell(&operations)?;
        let mut sql = Sql::default();
        let mut tenant = sql.restore();
        for (index, line) in lines.iter().enumerate() {
            apply(&mut tenant, std::slice::from_ref(line))?;
            let interruption = operations.get(index).map_or(Interruption::Nothing, |(_, interruption)| *interruption);
            interrupt(interruption, &mut tenant, &mut sql, &lines[..=index])?;
        }
        for last in [Interruption::Nothing, Interruption::Crash, Interruption::Checkpoint, Interruption::Crash] {
            interrupt(last, &mut tenant, &mut sql, &lines)?;
            prop_assert_eq!(tenant.image(), bed.tenant.image());
            for agent in AGENTS.map(|name| format!("acme_{name}")) {
                for data_point in ["temp", "speed", "power", "beyond"] {
                    let expected: Vec<_> = model.of(&agent, data_point).collect();
                    prop_assert_eq!(sql.query(&tenant, &agent, data_point), expected);
                }
                let ledger = tenant.agent(&agent).map(|agent| agent.status().ledger).unwrap_or_default();
                prop_assert_eq!(ledger, model.ledgers.get(&agent).copied().unwrap_or_default());
            }
        }
        sql.project(&mut tenant);
        prop_assert_eq!(sql.rows, bed.tenant.take_outbox());
    }
}
