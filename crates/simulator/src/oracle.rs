//! What has to be true. The oracle sees every record that is durable, once, in log order, and keeps beside it a tenant
//! that never crashes, and plain maps of what the agents said. Everything else is compared with these.

use std::collections::{BTreeMap, BTreeSet};

use broker::SessionKey;
use identity::TenantId;
use log::{Damage, DamageReason, LogReader, Position};
use tenant::{Ledger, Outcome, Record, Tenant};

use crate::book::Book;
use crate::engine::{Committed, Engine};
use crate::keeping::PoweredStore;
use crate::speech::DATA_POINTS;
use crate::violation::{Violation, promise};

/// See the module.
#[derive(Debug)]
pub(crate) struct Oracle {
    limits: tenant::Limits,
    /// Every durable record from the very beginning.
    history: BTreeMap<u64, Committed>,
    /// End of the log as far as it is known.
    end: u64,
    shadows: BTreeMap<TenantId, Shadow>,
    outcomes: BTreeMap<u64, Outcome>,
    /// Numbers of publishes that the log has, and that counted.
    pub(crate) counted: BTreeSet<usize>,
    /// Those of QoS 2 that counted within the session that each client has now. A client that never hears that its
    /// session has ended sends them again, and nobody can know that.
    counted_in_session: BTreeMap<String, BTreeSet<usize>>,
    /// Positions at which each client's sessions began.
    births: BTreeMap<String, BTreeSet<u64>>,
    /// Numbers of publishes that were acknowledged.
    acknowledged: BTreeSet<usize>,
    /// How many QoS 2 messages came again within their session.
    pub(crate) repeated: usize,
    /// Values by agent, data point and time, as the last record has them.
    truth: BTreeMap<(String, &'static str, i64), (String, i64)>,
    /// What the ledger of each agent has to say: usable and rejected values.
    ledgers: BTreeMap<String, (u64, u64)>,
    /// Operators' messages that a persistent session has to receive, by client id: log position and number.
    pub(crate) expected: BTreeMap<String, BTreeMap<u64, usize>>,
}

/// A tenant that never crashes.
#[derive(Debug)]
struct Shadow {
    tenant: Tenant,
    rows: Vec<tenant::Projected>,
}

impl Oracle {
    pub(crate) fn new(limits: tenant::Limits) -> Oracle {
        Oracle {
            limits,
            history: BTreeMap::new(),
            end: 0,
            shadows: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            counted: BTreeSet::new(),
            counted_in_session: BTreeMap::new(),
            births: BTreeMap::new(),
            acknowledged: BTreeSet::new(),
            repeated: 0,
            truth: BTreeMap::new(),
            ledgers: BTreeMap::new(),
            expected: BTreeMap::new(),
        }
    }

    /// Number of records that are durable.
    pub(crate) fn records(&self) -> usize {
        self.history.len()
    }

    /// Number of samples that left the heads.
    pub(crate) fn sealed(&self) -> usize {
        self.shadows.values().map(|shadow| shadow.tenant.sealed_samples()).sum()
    }

    /// A publish was acknowledged.
    pub(crate) fn acknowledge(&mut self, number: usize) {
        self.acknowledged.insert(number);
    }

    /// A record is durable.
    pub(crate) fn commit(&mut self, committed: Committed, book: &Book) -> Result<(), Violation> {
        let position = committed.position;
        promise!(position >= self.end, "the record at {position} stands before the end at {}", self.end);
        self.end = position + 1;
        let limits = self.limits;
        let id = &committed.tenant;
        let shadow = self.shadows.entry(id.clone()).or_insert_with(|| Shadow::new(Tenant::new(id.clone(), limits)));
        let record = Record::decode(&committed.bytes)
            .map_err(|cause| Violation(format!("the record at {position} cannot be read: {cause}")))?;
        let outcome = shadow.tenant.apply(position, &record, &mut Vec::new());
        shadow.rows.extend(shadow.tenant.take_outbox());
        if let Record::Published(published) = &record {
            self.count(published, &outcome, book)?;
        }
        self.expect(&committed.tenant, position, &record, &outcome, book);
        self.end_sessions(&committed.tenant, position, &record, &outcome);
        self.outcomes.insert(position, outcome);
        self.history.insert(position, committed);
        Ok(())
    }

    /// A publish in plain words: what of it counts, and what its verdict has to be.
    fn count(&mut self, published: &tenant::Published<'_>, outcome: &Outcome, book: &Book) -> Result<(), Violation> {
        let client_id = &*published.connection.client_id;
        let Some(number) = book.number(client_id, &published.payload) else {
            return Err(Violation(format!("nobody has said what {client_id} published")));
        };
        let Outcome::Published(verdict) = outcome else { return Ok(()) };
        let said = &book.said[number];
        let usable = said.values.len() as u64;
        let is_repeat = self.counted_in_session.get(client_id).is_some_and(|counted| counted.contains(&number));
        // A message of which nothing could be taken frees its packet id, and counts each time it comes.
        let is_taken = said.qos < 2 || !is_repeat || (usable == 0 && said.rejects > 0);
        if said.qos == 2 {
            self.counted_in_session.entry(client_id.to_owned()).or_default().insert(number);
        }
        let expected = if is_taken { (usable, said.rejects) } else { (0, 0) };
        let counts = verdict.counts;
        let found = (counts.stored + counts.duplicate, counts.rejected);
        promise!(found == expected, "publish {number} of {client_id} counts {expected:?}, and was counted {found:?}");
        self.counted.insert(number);
        if !is_taken {
            self.repeated += 1;
            return Ok(());
        }
        let ledger = self.ledgers.entry(client_id.to_owned()).or_default();
        *ledger = (ledger.0 + usable, ledger.1 + said.rejects);
        let mut repeats = 0;
        for value in &said.values {
            let key = (client_id.to_owned(), value.data_point, value.time_us);
            let new = (value.text.clone(), value.quality);
            repeats += u64::from(self.truth.insert(key, new.clone()) == Some(new));
        }
        promise!(
            counts.duplicate <= repeats,
            "publish {number}: {} duplicates, at most {repeats} are",
            counts.duplicate
        );
        Ok(())
    }

    /// What operators' messages are waited for.
    fn expect(&mut self, tenant: &TenantId, position: u64, record: &Record<'_>, outcome: &Outcome, book: &Book) {
        let Some(shadow) = self.shadows.get(tenant) else { return };
        let session = |client_id: &str| shadow.tenant.broker().session(&SessionKey::eu1(client_id));
        if let (Record::Sent { payload, .. }, Outcome::Sent { .. }) = (record, outcome)
            && let Some(number) = book.sent_number(payload)
        {
            let client_id = &book.sent[number].1;
            let is_queued =
                session(client_id).is_some_and(|it| it.is_persistent() && it.queued().any(|at| at == position));
            if is_queued {
                self.expected.entry(client_id.clone()).or_default().insert(position, number);
            }
        }
    }

    /// What ends with a session.
    fn end_sessions(&mut self, tenant: &TenantId, position: u64, record: &Record<'_>, outcome: &Outcome) {
        let ended: Vec<String> = match (record, outcome) {
            (Record::Connected(connected), Outcome::Connected { session_present: false }) => {
                let client_id = connected.client_id.to_string();
                self.births.entry(client_id.clone()).or_default().insert(position);
                vec![client_id]
            }
            (
                Record::Disconnected { .. }
                | Record::Timeout { .. }
                | Record::Restarted { .. }
                | Record::LimitsSet { .. },
                _,
            ) => {
                let Some(shadow) = self.shadows.get(tenant) else { return };
                let clients = shadow.tenant.agents(None).map(|(client_id, _)| client_id.to_string());
                clients.filter(|it| shadow.tenant.broker().session(&SessionKey::eu1(it)).is_none()).collect()
            }
            _ => return,
        };
        for client_id in ended {
            self.expected.remove(&client_id);
            self.counted_in_session.remove(&client_id);
        }
    }

    /// The session that a client's connection belongs to, by the position at which it began.
    pub(crate) fn session(&self, client_id: &str, epoch: u64) -> Option<u64> {
        self.births.get(client_id)?.range(..=epoch).next_back().copied()
    }

    /// The live tenant has answered the same.
    pub(crate) fn answered(&self, position: u64, outcome: &Outcome) -> Result<(), Violation> {
        match self.outcomes.get(&position) {
            Some(expected) => {
                promise!(
                    expected == outcome,
                    "the record at {position} comes to {expected:?}, and came to {outcome:?}"
                );
                Ok(())
            }
            None => Err(Violation(format!("the record at {position} was answered before it was durable"))),
        }
    }

    /// After opening: the log has every durable record, and maybe some of the last batch, which count from here on.
    pub(crate) fn reopened(&mut self, engine: &Engine, store: &PoweredStore, book: &Book) -> Result<(), Violation> {
        let floor = store.read(|store| store.floor()).map_err(|cause| Violation(cause.to_string()))?;
        let damage = engine.damage.iter().find(|damage| !is_removed(damage, floor));
        promise!(damage.is_none(), "a crash has left damage: {damage:?}");
        promise!(engine.unreadable.is_empty(), "the log has what is no record: {:?}", engine.unreadable);
        self.read_log(&engine.reader, floor, book)?;
        self.check(engine, book)
    }

    fn read_log(&mut self, reader: &LogReader, floor: u64, book: &Book) -> Result<(), Violation> {
        let start = reader.start();
        let mut known: BTreeSet<u64> = self.history.range(start.0..).map(|(position, _)| *position).collect();
        for frame in reader.scan(start) {
            let frame = match frame {
                Ok(frame) => frame,
                Err(damage) if is_removed(&damage, floor) => {
                    known.retain(|position| !(damage.from.0..damage.to.0).contains(position));
                    continue;
                }
                Err(damage) => return Err(Violation(format!("a crash has left damage: {damage}"))),
            };
            let position = frame.position().0;
            let tenant = frame.tenant().parse().map_err(|_| Violation(format!("no tenant: {:?}", frame.tenant())))?;
            let found = Committed { position, tenant, bytes: frame.into_payload() };
            if known.remove(&position) {
                promise!(self.history.get(&position) == Some(&found), "the record at {position} has changed");
            } else {
                self.commit(found, book)?;
            }
        }
        promise!(known.is_empty(), "durable records are lost: {known:?}");
        self.end = self.end.max(reader.end().0);
        Ok(())
    }

    /// The engine has the state of the uninterrupted tenants. To be asked when it has applied all that is durable.
    pub(crate) fn check(&self, engine: &Engine, book: &Book) -> Result<(), Violation> {
        for (id, shadow) in &self.shadows {
            let Some(slot) = engine.slots.get(id) else { return Err(Violation(format!("tenant {id} is lost"))) };
            let (expected, found) = (shadow.tenant.image(), slot.tenant.image());
            promise!(
                expected == found,
                "tenant {id} differs in {:?}",
                expected.iter().zip(&found).filter(|(a, b)| a != b).map(|(a, _)| &a.key).collect::<Vec<_>>()
            );
            check_connections(id, &slot.tenant)?;
            check_queues(engine, id, &slot.tenant, book)?;
        }
        self.check_ledgers(engine)
    }

    fn check_ledgers(&self, engine: &Engine) -> Result<(), Violation> {
        for slot in engine.slots.values() {
            for (client_id, agent) in slot.tenant.agents(None) {
                let Ledger { stored, duplicate, parked, rejected } = agent.status().ledger;
                let expected = self.ledgers.get(client_id.as_str()).copied().unwrap_or_default();
                let found = (stored + duplicate + parked, rejected);
                promise!(found == expected, "the ledger of {client_id} has {found:?}, not {expected:?}");
            }
        }
        Ok(())
    }

    /// All that was acknowledged is there, and nothing else: values, rows, acknowledgements.
    pub(crate) fn check_kept(&self, engine: &mut Engine, store: &PoweredStore) -> Result<(), Violation> {
        let lost: Vec<_> = self.acknowledged.difference(&self.counted).collect();
        promise!(lost.is_empty(), "publishes {lost:?} were acknowledged, and the log does not have them");
        let floor = store.read(|store| store.floor()).map_err(|cause| Violation(cause.to_string()))?;
        let start = engine.reader.start();
        promise!(start.0 == 0 || start.0 <= floor, "the log begins at {start}, above its floor {floor}");
        for (id, shadow) in &self.shadows {
            let Some(slot) = engine.slots.get_mut(id) else { continue };
            let waiting = slot.tenant.take_outbox();
            let mut rows = store.read(|store| store.rows(id.as_str())).map_err(|cause| Violation(cause.to_string()))?;
            rows.extend(waiting.iter().cloned());
            slot.tenant.return_outbox(waiting);
            promise!(
                rows == shadow.rows,
                "the rows of {id} differ: expected {:?}, found {:?}",
                positions(&shadow.rows),
                positions(&rows)
            );
            self.check_samples(&slot.tenant, store)?;
        }
        Ok(())
    }

    fn check_samples(&self, tenant: &Tenant, store: &PoweredStore) -> Result<(), Violation> {
        let id = tenant.id().as_str();
        for (client_id, _) in tenant.agents(None) {
            for data_point in DATA_POINTS {
                let unwritten = tenant.unwritten(client_id.as_str(), data_point, &(i64::MIN..i64::MAX));
                let samples = store
                    .read(|store| store.samples(id, client_id.as_str(), data_point, &unwritten))
                    .map_err(|cause| Violation(cause.to_string()))?;
                let found = samples.iter().map(|sample| (sample.time_us, sample.value.to_string(), sample.quality));
                let key = |time_us| (client_id.to_string(), data_point, time_us);
                let expected = self.truth.range(key(i64::MIN)..key(i64::MAX));
                let expected = expected.map(|((_, _, time_us), (text, quality))| (*time_us, text.clone(), *quality));
                let (expected, found): (Vec<_>, Vec<_>) = (expected.collect(), found.collect());
                promise!(expected == found, "{client_id} {data_point}: {}", difference(&expected, &found));
            }
        }
        Ok(())
    }

    /// The state is what the log alone says, read from its very beginning.
    pub(crate) fn check_replay(&self, engine: &Engine) -> Result<(), Violation> {
        let mut tenants: BTreeMap<TenantId, Tenant> = BTreeMap::new();
        for frame in engine.reader.scan(Position(0)) {
            let frame = frame.map_err(|damage| Violation(damage.to_string()))?;
            let id: TenantId = frame.tenant().parse().map_err(|_| Violation(frame.tenant().to_owned()))?;
            let record = Record::decode(frame.payload()).map_err(|cause| Violation(cause.to_string()))?;
            let tenant = tenants.entry(id.clone()).or_insert_with(|| Tenant::new(id, self.limits));
            tenant.apply(frame.position().0, &record, &mut Vec::new());
        }
        for (id, tenant) in &tenants {
            let live = engine.slots.get(id).map(|slot| slot.tenant.image());
            promise!(live == Some(tenant.image()), "tenant {id} is not what the log says");
        }
        Ok(())
    }
}

impl Shadow {
    fn new(tenant: Tenant) -> Shadow {
        Shadow { tenant, rows: Vec::new() }
    }
}

/// Whether this is a segment that was removed on purpose. An older one can be back: when the folder could not be synced
/// after its removal, and only the process was restarted, nobody knows that the disk still has its name.
fn is_removed(damage: &Damage, floor: u64) -> bool {
    damage.reason == DamageReason::Missing && damage.to.0 <= floor
}

/// An agent has at most one live connection.
fn check_connections(id: &TenantId, tenant: &Tenant) -> Result<(), Violation> {
    for (client_id, _) in tenant.agents(None) {
        let live = tenant.broker().live_connections(client_id.as_str());
        promise!(live.len() <= 1, "{client_id} of {id} has {live:?}");
    }
    Ok(())
}

/// Every message that a session waits for can be read.
fn check_queues(engine: &Engine, id: &TenantId, tenant: &Tenant, book: &Book) -> Result<(), Violation> {
    for (key, session) in tenant.broker().sessions() {
        for position in session.queued() {
            let message = engine.message(id, position);
            let number = message.and_then(|message| book.sent_number(&message.payload));
            let is_own = number.is_some_and(|number| book.sent[number].1 == key.client_id);
            promise!(is_own, "the message at {position}, for which {key} waits, cannot be read");
        }
    }
    Ok(())
}

fn positions(rows: &[tenant::Projected]) -> Vec<u64> {
    rows.iter().map(|row| row.position).collect()
}

fn difference(expected: &[(i64, String, i64)], found: &[(i64, String, i64)]) -> String {
    let lost = expected.iter().find(|sample| !found.contains(sample));
    let extra = found.iter().find(|sample| !expected.contains(sample));
    format!("{} samples expected, {} found; not there: {lost:?}, not known: {extra:?}", expected.len(), found.len())
}
