//! Everything together: clients, connections, operators, the engine and its disk, and one step after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use log::CrashingStorage;
use tenant::{Limits, Presence};

use crate::book::Book;
use crate::client::{Client, Wish};
use crate::engine::{ConnectionId, Engine, Settings};
use crate::keeping::{Keeping, PoweredStore};
use crate::operator::Operator;
use crate::oracle::Oracle;
use crate::packet::Answer;
use crate::power::{Power, PoweredStorage};
use crate::random::Random;
use crate::serving::{Serving, Told};
use crate::violation::{Violation, promise};
use crate::{Report, Sabotage};

/// 2026-03-01 12:00:00 UTC, microseconds since the Unix epoch.
const BEGIN_US: i64 = 1_772_366_400_000_000;

/// A second, microseconds.
const SECOND: i64 = 1_000_000;

/// Names of tenants and agents: each tenant has agents of the same names.
const TENANTS: [&str; 3] = ["acme", "acme2", "zeta"];
const AGENTS: [&str; 3] = ["press", "pump", "valve"];

/// The world.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) now_us: i64,
    pub(crate) disk: CrashingStorage,
    pub(crate) power: Power,
    pub(crate) store: Rc<PoweredStore>,
    pub(crate) settings: Settings,
    pub(crate) engine: Option<Engine>,
    pub(crate) connections: BTreeMap<ConnectionId, Serving>,
    pub(crate) clients: Vec<Client>,
    pub(crate) operators: Vec<Operator>,
    pub(crate) book: Book,
    pub(crate) oracle: Oracle,
    pub(crate) report: Report,
    /// Steps between two faults, about.
    pub(crate) fault_every: u64,
    next_connection: u64,
    /// Whether records were applied since the connections were looked at.
    is_changed: bool,
}

#[derive(Clone, Copy)]
enum Turn {
    Client,
    Listen,
    Serve,
    Write,
    Keep,
    Operate,
    Tick,
}

const TURNS: [(u64, Turn); 7] = [
    (30, Turn::Client),
    (25, Turn::Listen),
    (30, Turn::Serve),
    (25, Turn::Write),
    (20, Turn::Keep),
    (8, Turn::Operate),
    (2, Turn::Tick),
];

impl World {
    pub(crate) fn new(seed: u64, store: Box<dyn Keeping>, sabotage: Option<Sabotage>) -> World {
        let mut random = Random::new(seed);
        let limits = Limits::default();
        let settings = Settings {
            limits,
            segment_bytes: random.pick(&[16 << 10, 32 << 10]),
            raw_retention_us: random.pick(&[None, Some(0), Some(600 * SECOND)]),
            first_connect_ends: random.coin(),
            sabotage,
        };
        let fault_every = random.pick(&[60, 200, 600]);
        let power = Power::new(random.fork());
        let tenants = 1 + random.index(TENANTS.len());
        let agents = 1 + random.index(AGENTS.len());
        let mut clients = Vec::new();
        let mut operators = Vec::new();
        for tenant in &TENANTS[..tenants] {
            let tenant = tenant.parse().expect("the names of the simulation are good");
            clients.extend(AGENTS[..agents].iter().map(|name| Client::new(&tenant, name, &mut random)));
            operators
                .push(Operator::new(&tenant, AGENTS[..agents].iter().map(|name| format!("{tenant}_{name}")).collect()));
        }
        World {
            random,
            now_us: BEGIN_US,
            disk: CrashingStorage::new(),
            store: Rc::new(PoweredStore::new(store, power.clone())),
            power,
            settings,
            engine: None,
            connections: BTreeMap::new(),
            clients,
            operators,
            book: Book::default(),
            oracle: Oracle::new(limits),
            report: Report::default(),
            fault_every,
            next_connection: 0,
            is_changed: false,
        }
    }

    /// Tries to start the server.
    pub(crate) fn open(&mut self) -> Result<(), Violation> {
        let storage = Arc::new(PoweredStorage { disk: self.disk.clone(), power: self.power.clone() });
        let opened = Engine::open(storage, self.store.clone(), self.settings.clone(), self.now_us);
        // The power may have gone with the last operation, which the log can do without.
        if let (Ok(engine), true) = (opened, self.power.is_on()) {
            self.oracle.reopened(&engine, &self.store, &self.book)?;
            let engine = self.engine.insert(engine);
            self.oracle.check_kept(engine, &self.store)?;
            self.report.recoveries += 1;
        }
        Ok(())
    }

    /// Compares while the server is running.
    pub(crate) fn check_running(&mut self) -> Result<(), Violation> {
        let can_look = self.power.is_on() && self.settings.sabotage != Some(Sabotage::AcknowledgeBeforeCommit);
        let Some(engine) = self.engine.as_mut().filter(|engine| can_look && engine.is_applied()) else { return Ok(()) };
        self.oracle.check(engine, &self.book)?;
        if engine.is_kept() { self.oracle.check_kept(engine, &self.store) } else { Ok(()) }
    }

    /// Somebody does something.
    pub(crate) fn step(&mut self) -> Result<(), Violation> {
        self.pass_time();
        match self.random.weighted(&TURNS) {
            Turn::Client => {
                let index = self.random.index(self.clients.len());
                self.let_client_act(index);
            }
            Turn::Listen => {
                let index = self.random.index(self.clients.len());
                self.let_client_listen(index)?;
            }
            Turn::Serve => self.serve_one(),
            Turn::Write => self.write(),
            Turn::Keep => self.keep(),
            Turn::Operate => self.operate(),
            Turn::Tick => self.tick(),
        }
        self.settle_accounts()
    }

    fn pass_time(&mut self) {
        let second = SECOND as u64;
        let passed = match self.random.below(300) {
            // Heads grow old, sessions expire.
            0 | 1 => self.random.below(4000 * second) as i64,
            // Somebody sets the clock back.
            2 => -(self.random.below(2000 * second) as i64),
            _ => self.random.below(2 * second) as i64,
        };
        self.now_us += passed;
    }

    fn let_client_act(&mut self, index: usize) {
        let client = &mut self.clients[index];
        match client.wish(&mut self.random) {
            Wish::Nothing => {}
            Wish::Connect => self.connect(index),
            Wish::Send => {
                let request = client.send(&mut self.book, &mut self.random, self.now_us);
                let id = client.connection();
                if let (Some(request), Some(serving)) = (request, id.and_then(|id| self.connections.get_mut(&id))) {
                    serving.inbox.push_back(request);
                }
            }
            Wish::Disconnect => {
                let request = client.disconnect(&mut self.random);
                self.hang_up(index, |serving, _| serving.inbox.push_back(request));
            }
            Wish::Lose => self.hang_up(index, |serving, random| {
                let kept = random.index(serving.inbox.len() + 1);
                serving.inbox.truncate(kept);
            }),
            Wish::Abandon => {
                if let Some(serving) = client.connection().and_then(|id| self.connections.get_mut(&id)) {
                    serving.inbox.clear();
                    serving.outbox.clear();
                }
                client.lose();
            }
        }
    }

    /// A new connection with its CONNECT.
    pub(crate) fn connect(&mut self, index: usize) {
        if self.engine.is_none() {
            return;
        }
        let id = ConnectionId(self.next_connection);
        self.next_connection += 1;
        let client = &mut self.clients[index];
        let mut serving = Serving::new(id, client.tenant.clone(), client.client_id.clone(), client.chain.clone());
        serving.inbox.push_back(client.connect(id, &mut self.random));
        self.connections.insert(id, serving);
    }

    /// The client's end of its connection is closed, and the server will know.
    fn hang_up(&mut self, index: usize, last: impl FnOnce(&mut Serving, &mut Random)) {
        let client = &mut self.clients[index];
        if let Some(serving) = client.connection().and_then(|id| self.connections.get_mut(&id)) {
            last(serving, &mut self.random);
            serving.is_cut = true;
            serving.outbox.clear();
        }
        client.lose();
    }

    /// A client takes what has come; gives whether there was anything.
    pub(crate) fn let_client_listen(&mut self, index: usize) -> Result<bool, Violation> {
        let client = &mut self.clients[index];
        let Some(id) = client.connection() else { return Ok(false) };
        let Some(serving) = self.connections.get_mut(&id) else {
            client.lose();
            return Ok(true);
        };
        if let Some(answer) = serving.outbox.pop_front() {
            if let Answer::Connack { epoch, .. } = answer {
                client.enter_session(self.oracle.session(client.client_id.as_str(), epoch));
            }
            let requests = client.take(answer, &self.book)?;
            serving.inbox.extend(requests);
            return Ok(true);
        }
        if serving.is_closed() {
            self.connections.remove(&id);
            client.lose();
            return Ok(true);
        }
        Ok(false)
    }

    fn serve_one(&mut self) {
        let busy: Vec<_> = self.connections.values().filter(|it| it.has_work()).map(|it| it.id).collect();
        if !busy.is_empty() {
            let id = busy[self.random.index(busy.len())];
            self.serve(id);
        }
    }

    /// A connection takes a step in the server.
    pub(crate) fn serve(&mut self, id: ConnectionId) {
        let (Some(engine), Some(serving)) = (&mut self.engine, self.connections.get_mut(&id)) else { return };
        for told in serving.step(engine, &self.book, self.now_us) {
            let Told::Acknowledged(number) = told;
            self.report.acknowledged += 1;
            self.oracle.acknowledge(number);
        }
    }

    pub(crate) fn write(&mut self) {
        if let Some(engine) = &mut self.engine {
            engine.step_writer(&mut self.random);
        }
    }

    pub(crate) fn keep(&mut self) {
        if let Some(engine) = &mut self.engine {
            engine.step_keeper(&mut self.random, self.now_us);
        }
    }

    fn operate(&mut self) {
        let index = self.random.index(self.operators.len());
        if let Some(engine) = &mut self.engine {
            self.operators[index].step(engine, &mut self.book, &mut self.random, self.now_us);
        }
    }

    pub(crate) fn tick(&mut self) {
        if let Some(engine) = &mut self.engine {
            engine.tick(self.now_us);
        }
    }

    /// Brings the engine's news to whom they are for, and compares.
    pub(crate) fn settle_accounts(&mut self) -> Result<(), Violation> {
        let Some(engine) = &mut self.engine else { return Ok(()) };
        self.is_changed |= !engine.outcomes.is_empty();
        for committed in std::mem::take(&mut engine.committed) {
            self.oracle.commit(committed, &self.book)?;
        }
        let is_sabotaged = self.settings.sabotage == Some(Sabotage::AcknowledgeBeforeCommit);
        for (position, outcome) in std::mem::take(&mut engine.outcomes) {
            // The harness must find that without being told.
            if !is_sabotaged {
                self.oracle.answered(position, &outcome)?;
            }
        }
        for (id, mail) in std::mem::take(&mut engine.mail) {
            if let Some(serving) = self.connections.get_mut(&id).filter(|serving| !serving.is_closed()) {
                serving.mail.push_back(mail);
            }
        }
        let (answered, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut engine.waiting)
            .into_iter()
            .partition(|(tenant, position, _)| engine.slots.get(tenant).is_some_and(|slot| slot.projected > *position));
        engine.waiting = waiting;
        for (tenant, position, outcome) in answered {
            if let Some(operator) = self.operators.iter_mut().find(|operator| *operator.tenant() == tenant) {
                operator.answered(position, &outcome, &self.store)?;
            }
        }
        self.forget_ended();
        let is_applied = self.engine.as_ref().is_some_and(Engine::is_applied);
        if self.is_changed && is_applied { self.check_live() } else { Ok(()) }
    }

    /// What happened so far.
    pub(crate) fn account(&self) -> Report {
        Report {
            records: self.oracle.records(),
            repeated: self.oracle.repeated,
            sealed: self.oracle.sealed(),
            delivered: self.clients.iter().map(|client| client.delivered).sum(),
            redelivered: self.clients.iter().map(|client| client.redelivered).sum(),
            removed: self.engine.as_ref().map_or(0, |engine| engine.reader.start().0),
            ..self.report
        }
    }

    /// Connections that the server has closed and no client holds any more.
    fn forget_ended(&mut self) {
        let held: Vec<_> = self.clients.iter().filter_map(Client::connection).collect();
        self.connections.retain(|id, serving| !serving.is_closed() || held.contains(id));
    }

    /// One live connection of each agent, and none of a revoked one.
    fn check_live(&mut self) -> Result<(), Violation> {
        let Some(engine) = &self.engine else { return Ok(()) };
        let mut seen = BTreeMap::new();
        for serving in self.connections.values() {
            let Some((session, epoch)) = serving.live() else { continue };
            let client_id = &*session.client_id;
            if let Some(other) = seen.insert(client_id, epoch) {
                return Err(Violation(format!("{client_id} has two live connections, {other} and {epoch}")));
            }
            let Ok(id) = client_id.parse::<identity::ClientId>() else { continue };
            let agent = engine.slots.get(&id.tenant()).and_then(|slot| slot.tenant.registry().agent(&id));
            let is_revoked = agent.is_none_or(|agent| agent.revoked_us.is_some());
            promise!(!is_revoked, "{client_id} is revoked, and its connection {epoch} is live");
        }
        if engine.is_written() {
            self.check_presence(engine)?;
            self.is_changed = false;
        }
        Ok(())
    }

    /// Whom a tenant holds to be connected is.
    fn check_presence(&self, engine: &Engine) -> Result<(), Violation> {
        let epochs: BTreeSet<_> = self.connections.values().filter_map(Serving::epoch).collect();
        for slot in engine.slots.values() {
            for (client_id, agent) in slot.tenant.agents(None) {
                let live = slot.tenant.broker().live_connections(client_id.as_str());
                let ghost = live.iter().find(|(_, epoch)| !epochs.contains(epoch));
                promise!(ghost.is_none(), "{client_id} has a connection that nobody serves: {ghost:?}");
                let is_online = matches!(agent.status().presence, Presence::Online(_));
                promise!(is_online != live.is_empty(), "{client_id} looks online: {is_online}, and has {live:?}");
            }
        }
        Ok(())
    }

    /// The process or the machine ends at once: what is on its way to the clients may still come.
    pub(crate) fn stop(&mut self) -> Result<(), Violation> {
        self.engine = None;
        for index in 0..self.clients.len() {
            let waiting = self.clients[index].connection().and_then(|id| self.connections.get(&id));
            let coming = self.random.index(waiting.map_or(0, |serving| serving.outbox.len()) + 1);
            for _ in 0..coming {
                self.let_client_listen(index)?;
            }
            self.clients[index].lose();
        }
        self.connections.clear();
        self.operators.iter_mut().for_each(Operator::lose);
        Ok(())
    }
}
