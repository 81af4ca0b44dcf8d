//! People at the API: they make tenants, prove authorities, send messages to agents, revoke and restore.

use identity::TenantId;
use tenant::{Change, Outcome, Record};

use crate::book::Book;
use crate::engine::{Engine, Reply};
use crate::keeping::PoweredStore;
use crate::pki;
use crate::random::Random;
use crate::violation::{Violation, promise};

/// Id of a tenant's one authority.
const AUTHORITY: u128 = 1;

/// Its registration code.
const CODE: &str = "00000000000000000000000000000001";

/// One tenant's operator.
#[derive(Debug)]
pub(crate) struct Operator {
    tenant: TenantId,
    /// Client ids of its agents, there or not yet.
    agents: Vec<String>,
    /// Whether a change is under way.
    is_waiting: bool,
}

impl Operator {
    pub(crate) fn new(tenant: &TenantId, agents: Vec<String>) -> Operator {
        Operator { tenant: tenant.clone(), agents, is_waiting: false }
    }

    /// The server is gone; whatever was under way may have been done or not.
    pub(crate) fn lose(&mut self) {
        self.is_waiting = false;
    }

    /// Makes what agents need before they can connect, then changes things now and then.
    pub(crate) fn step(&mut self, engine: &mut Engine, book: &mut Book, random: &mut Random, now_us: i64) {
        if self.is_waiting {
            return;
        }
        let needed = self.needed(engine, now_us);
        let record = match needed {
            Some(record) => record,
            None => self.whim(book, random, now_us),
        };
        engine.add_tenant(&self.tenant);
        self.is_waiting = engine.submit(&self.tenant, &record, Reply::Operator);
    }

    /// Lets everybody in again; gives whether there is nothing to do.
    pub(crate) fn make_peace(&mut self, engine: &mut Engine, now_us: i64) -> bool {
        if self.is_waiting {
            return false;
        }
        let record = self.needed(engine, now_us).or_else(|| {
            let slot = engine.slots.get(&self.tenant)?;
            let mut agents = slot.tenant.registry().agents();
            let (client_id, _) = agents.find(|(_, agent)| agent.revoked_us.is_some())?;
            Some(Record::AgentRestored { change: change(now_us), agent: client_id.to_string().into() })
        });
        let Some(record) = record else { return true };
        engine.add_tenant(&self.tenant);
        self.is_waiting = engine.submit(&self.tenant, &record, Reply::Operator);
        false
    }

    fn needed(&self, engine: &Engine, now_us: i64) -> Option<Record<'static>> {
        let tenant = engine.slots.get(&self.tenant).map(|slot| &slot.tenant);
        let Some(tenant) = tenant.filter(|tenant| tenant.created_us().is_some()) else {
            return Some(Record::TenantCreated(change(now_us)));
        };
        let Some(authority) = tenant.registry().authority(AUTHORITY) else {
            let der = pki::authority(self.tenant.as_str()).to_vec().into();
            let (name, code) = ("works".into(), CODE.into());
            return Some(Record::AuthorityAdded { change: change(now_us), authority: AUTHORITY, name, der, code });
        };
        let proof = Record::AuthorityVerified { change: change(now_us), authority: AUTHORITY, code: CODE.into() };
        authority.verified_us().is_none().then_some(proof)
    }

    fn whim(&self, book: &mut Book, random: &mut Random, now_us: i64) -> Record<'static> {
        let agent = self.agents[random.index(self.agents.len())].clone();
        let change = change(now_us);
        match random.below(16) {
            0 => Record::AgentRevoked { change, agent: agent.into() },
            1..4 => Record::AgentRestored { change, agent: agent.into() },
            _ => {
                let payload = book.send(self.tenant.as_str(), &agent).into_bytes().into();
                let topic = format!("tc/{}/{agent}/i/cmd", self.tenant).into();
                Record::Sent { change, topic, payload, qos: random.weighted(&[(1, 0), (6, 1)]) }
            }
        }
    }

    /// Its change was answered, and the projection has come so far.
    ///
    /// # Errors
    /// What was changed cannot be queried.
    pub(crate) fn answered(&mut self, position: u64, outcome: &Outcome, store: &PoweredStore) -> Result<(), Violation> {
        self.is_waiting = false;
        let is_change = matches!(outcome, Outcome::Done | Outcome::Sent { .. });
        // Without power nobody can look.
        let Ok(rows) = store.read(|store| store.rows(self.tenant.as_str())) else { return Ok(()) };
        let is_there = rows.iter().any(|row| row.position == position);
        promise!(!is_change || is_there, "the change at {position} was answered, and is not in the audit");
        Ok(())
    }

    pub(crate) fn tenant(&self) -> &TenantId {
        &self.tenant
    }
}

fn change(at_us: i64) -> Change<'static> {
    Change { actor: "operator".into(), at_us }
}
