//! The state of one tenant, and `apply`, the only way it changes.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use broker::{Broker, Disconnected, Received, SessionKey};
use identity::{ClientId, Registry, TenantId};
use ingest::{Code, Finding, State, diagnostics_topic};
use serde::{Deserialize, Serialize};

use crate::agent::Presence;
use crate::outcome::{CloseReason, Effect, Message, Outcome, Refused, Verdict, VerdictKind};
use crate::record::{Change, Connected, Connection, Published, Record};
use crate::series::SEAL_AGE_US;
use crate::{Agent, Ledger, Projected, ProjectionRow, RejectEntry, SealedChunk, diagnostics};

/// Bounds of one tenant; the defaults are generous, and each is a setting of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Agents that may be onboarded.
    pub agents_max: usize,
    /// Data points of one agent.
    pub data_points_per_agent_max: usize,
    /// Certificate authorities.
    pub authorities_max: usize,
    /// Sessions and queues.
    pub broker: broker::Limits,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            agents_max: 1_000_000,
            data_points_per_agent_max: 10_000,
            authorities_max: 2,
            broker: broker::Limits::default(),
        }
    }
}

/// One tenant: identity, broker, heads and ledger.
///
/// Call order: `restore` (or `new`), then `apply` for each record of the log in its order. `take_outbox` and
/// `checkpoint` hand out what is to be written to SQL; all else only reads.
#[derive(Debug)]
pub struct Tenant {
    pub(crate) id: TenantId,
    pub(crate) limits: Limits,
    pub(crate) created_us: Option<i64>,
    pub(crate) registry: Registry,
    pub(crate) broker: Broker,
    pub(crate) agents: BTreeMap<ClientId, Agent>,
    /// Position after the last record applied.
    pub(crate) applied: u64,
    /// Rows at or below are in SQL already, so recovery does not make them again.
    pub(crate) projected: u64,
    pub(crate) outbox: Vec<Projected>,
    /// Chunks that no checkpoint has written yet.
    pub(crate) sealed: Vec<Arc<SealedChunk>>,
    /// When the oldest head is due, or earlier. Derived.
    pub(crate) seal_at_us: Option<i64>,
    pub(crate) dirty_agents: BTreeSet<ClientId>,
    /// Its creation or its limits are in no checkpoint yet.
    pub(crate) is_new: bool,
}

impl Tenant {
    /// A tenant before its first record, with the bounds that hold until a record sets others.
    pub fn new(id: TenantId, limits: Limits) -> Tenant {
        Tenant {
            registry: Registry::new(id.clone()),
            id,
            limits,
            created_us: None,
            broker: Broker::new(limits.broker),
            agents: BTreeMap::new(),
            applied: 0,
            projected: 0,
            outbox: Vec::new(),
            sealed: Vec::new(),
            seal_at_us: None,
            dirty_agents: BTreeSet::new(),
            is_new: false,
        }
    }

    /// Applies the record at `position`. The same records at the same positions give the same state, outcomes and effects.
    pub fn apply(&mut self, position: u64, record: &Record<'_>, effects: &mut Vec<Effect>) -> Outcome {
        self.applied = position + 1;
        match record {
            Record::TenantCreated(change) => self.create(position, change),
            Record::AuthorityAdded { change, authority, name, der, code } => {
                let added =
                    self.registry.add_authority(change.at_us, *authority, name, der, code, self.limits.authorities_max);
                self.changed(position, change, "ca.add", name, added.map(drop).map_err(|error| error.to_string()))
            }
            Record::AuthorityVerified { change, authority, code } => {
                let verified = self.registry.verify_authority(change.at_us, *authority, code);
                let subject = self.authority_name(*authority);
                self.changed(
                    position,
                    change,
                    "ca.verify",
                    &subject,
                    verified.map(drop).map_err(|error| error.to_string()),
                )
            }
            Record::CodeRenewed { change, authority, code } => {
                let renewed = self.registry.renew_code(change.at_us, *authority, code);
                let subject = self.authority_name(*authority);
                self.changed(
                    position,
                    change,
                    "ca.renew_code",
                    &subject,
                    renewed.map(drop).map_err(|error| error.to_string()),
                )
            }
            Record::AuthorityRevoked { change, authority } => {
                self.revoke_authority(position, change, *authority, effects)
            }
            Record::AgentOnboarded { judgement, at_us } => self.onboard(position, judgement, *at_us),
            Record::AgentRevoked { change, agent } => self.revoke_agent(position, change, agent, effects),
            Record::AgentRestored { change, agent } => self.restore_agent(position, change, agent),
            Record::Connected(connected) => self.connect(position, connected, effects),
            Record::Disconnected { connection, expiry_s, fault, at_us } => {
                self.disconnect(connection, *expiry_s, fault.as_deref(), *at_us)
            }
            Record::Subscribed { connection, filters } => {
                let granted = filters.iter().map(|(filter, subscription)| {
                    self.broker.subscribe(&connection.session(), connection.epoch, filter, *subscription)
                });
                Outcome::Subscribed(granted.collect())
            }
            Record::Unsubscribed { connection, filters } => {
                let existed = filters
                    .iter()
                    .map(|filter| self.broker.unsubscribe(&connection.session(), connection.epoch, filter));
                Outcome::Unsubscribed(existed.collect())
            }
            Record::Published(published) => self.publish(position, published, effects),
            Record::Released { connection, packet_id } => {
                Outcome::Released(self.broker.release(&connection.session(), connection.epoch, *packet_id))
            }
            Record::Acknowledged { connection, packet_ids } => self.acknowledge(connection, packet_ids, effects),
            Record::Sent { change, topic, payload, qos } => self.send(position, change, topic, payload, *qos, effects),
            Record::Restarted { at_us } => self.restart(*at_us),
            Record::Timeout { now_us } => self.timeout(*now_us),
            Record::LimitsSet { limits, .. } => self.set_limits(*limits),
        }
    }

    fn create(&mut self, position: u64, change: &Change<'_>) -> Outcome {
        if self.created_us.is_some() {
            return Outcome::Refused(Refused::TenantExists);
        }
        self.created_us = Some(change.at_us);
        self.is_new = true;
        let id = self.id.to_string();
        self.changed(position, change, "tenant.create", &id, Ok(()))
    }

    fn revoke_authority(
        &mut self,
        position: u64,
        change: &Change<'_>,
        authority: u128,
        effects: &mut Vec<Effect>,
    ) -> Outcome {
        let subject = self.authority_name(authority);
        match self.registry.revoke_authority(change.at_us, authority) {
            Ok(agents) => {
                for agent in &agents {
                    self.close(agent.as_str(), CloseReason::Revoked, effects);
                }
                self.changed(position, change, "ca.revoke", &subject, Ok(()))
            }
            Err(error) => self.changed(position, change, "ca.revoke", &subject, Err(error.to_string())),
        }
    }

    fn onboard(&mut self, position: u64, judgement: &identity::Judgement, at_us: i64) -> Outcome {
        let client_id = judgement.client_id().clone();
        let known = self.agents.contains_key(&client_id);
        if !known && self.agents.len() >= self.limits.agents_max {
            return Outcome::Refused(Refused::Quota("agents of the tenant", self.limits.agents_max));
        }
        if self.registry.onboard(at_us, judgement).is_err() {
            return Outcome::Refused(Refused::Revoked);
        }
        if !known {
            let change = Change { actor: format!("agent:{client_id}").into(), at_us };
            self.audit(
                position,
                &change,
                "agent.onboard",
                client_id.as_str(),
                "first connect with a trusted certificate",
            );
            self.agents.insert(client_id.clone(), Agent::onboarded(at_us));
        }
        self.dirty_agents.insert(client_id);
        Outcome::Onboarded { created: !known }
    }

    fn revoke_agent(&mut self, position: u64, change: &Change<'_>, agent: &str, effects: &mut Vec<Effect>) -> Outcome {
        let Some(client_id) = self.known(agent) else { return Outcome::Refused(Refused::UnknownAgent) };
        let revoked = self.registry.revoke_agent(change.at_us, &client_id);
        if revoked.is_ok() {
            self.close(agent, CloseReason::Revoked, effects);
        }
        self.changed(position, change, "agent.revoke", agent, revoked.map(drop).map_err(|error| error.to_string()))
    }

    fn restore_agent(&mut self, position: u64, change: &Change<'_>, agent: &str) -> Outcome {
        let Some(client_id) = self.known(agent) else { return Outcome::Refused(Refused::UnknownAgent) };
        let restored = self.registry.restore_agent(change.at_us, &client_id);
        self.changed(position, change, "agent.restore", agent, restored.map(drop).map_err(|error| error.to_string()))
    }

    fn connect(&mut self, position: u64, connected: &Connected<'_>, effects: &mut Vec<Effect>) -> Outcome {
        let client_id = connected.judgement.client_id();
        // Judgement ran outside the lock: what it saw may have been revoked since.
        if self.registry.see(connected.at_us, &connected.judgement).is_err() {
            return Outcome::Refused(Refused::Revoked);
        }
        let Some(agent) = self.agents.get_mut(client_id) else { return Outcome::Refused(Refused::UnknownAgent) };
        agent.status.presence = Presence::Online(connected.at_us);
        agent.status.address = connected.address.to_string();
        self.dirty_agents.insert(client_id.clone());
        let session = SessionKey { face: connected.face, client_id: client_id.to_string() };
        let answer = self.broker.connect(
            session.clone(),
            broker::Connect {
                epoch: position,
                clean_start: connected.clean_start,
                expiry_s: connected.expiry_s,
                receive_maximum: connected.receive_maximum,
                now_us: connected.at_us,
            },
        );
        let close = |(session, epoch)| Effect::Close { session, epoch, reason: CloseReason::TakenOver };
        effects.extend(answer.superseded.into_iter().map(close));
        if self.broker.inflight(&session, position).next().is_some() {
            effects.push(Effect::Wake(session));
        }
        Outcome::Connected { session_present: answer.session_present }
    }

    fn disconnect(
        &mut self,
        connection: &Connection<'_>,
        expiry_s: Option<u32>,
        fault: Option<&str>,
        at_us: i64,
    ) -> Outcome {
        let ended = self.broker.disconnect(&connection.session(), connection.epoch, expiry_s, at_us);
        if ended == Disconnected::Stale {
            return Outcome::Refused(Refused::Stale);
        }
        self.set_absent(&connection.client_id, at_us);
        if let (Some(fault), Some(client_id)) = (fault, self.known(&connection.client_id))
            && let Some(agent) = self.agents.get_mut(&client_id)
        {
            agent.fail(at_us, fault, "The connection was closed because of what the agent sent.");
        }
        Outcome::Done
    }

    fn publish(&mut self, position: u64, published: &Published<'_>, effects: &mut Vec<Effect>) -> Outcome {
        let connection = &published.connection;
        let session = connection.session();
        if let (2, Some(packet_id)) = (published.qos, published.packet_id) {
            match self.broker.receive_exactly_once(&session, connection.epoch, packet_id) {
                Received::New => {}
                Received::Again => return Outcome::Published(Verdict::nothing()),
                Received::Stale => return Outcome::Refused(Refused::Stale),
            }
        }
        let Some(agent) = self.agents.get_mut(&*connection.client_id) else {
            return Outcome::Refused(Refused::UnknownAgent);
        };
        let mut findings = Cow::Borrowed(&published.findings[..]);
        let counts = agent.take(published, &mut findings, self.limits.data_points_per_agent_max, &mut self.sealed);
        if counts.stored > 0 {
            // The clock may have been set back: the youngest head can be the first that is due.
            let due_us = published.received_us.saturating_add(SEAL_AGE_US);
            self.seal_at_us = Some(self.seal_at_us.map_or(due_us, |at| at.min(due_us)));
        }
        if !self.dirty_agents.contains(&*connection.client_id) {
            self.dirty_agents.extend(self.known(&connection.client_id));
        }
        if !findings.is_empty() {
            self.report(position, published, &findings, effects);
        }
        let verdict = verdict(counts, &findings);
        if let (2, Some(packet_id), false) = (published.qos, published.packet_id, verdict.kind == VerdictKind::Accepted)
        {
            // It is refused by PUBREC, which frees the id in version 5: the next message with it is another one
            // [MQTT-4.3.3-9]. Nothing was taken, so to meet the same one again does no harm.
            self.broker.release(&session, connection.epoch, packet_id);
        }
        Outcome::Published(verdict)
    }

    fn acknowledge(&mut self, connection: &Connection<'_>, packet_ids: &[u16], effects: &mut Vec<Effect>) -> Outcome {
        let session = connection.session();
        let mut moved = false;
        for packet_id in packet_ids {
            moved |= self.broker.acknowledge(&session, connection.epoch, *packet_id);
        }
        if moved {
            effects.push(Effect::Wake(session));
        }
        Outcome::Done
    }

    fn send(
        &mut self,
        position: u64,
        change: &Change<'_>,
        topic: &str,
        payload: &[u8],
        qos: u8,
        effects: &mut Vec<Effect>,
    ) -> Outcome {
        let routed = self.broker.route(topic, qos, position);
        if !routed.full.is_empty() {
            return Outcome::Refused(Refused::Quota("the session's queue", self.limits.broker.queued_per_session_max));
        }
        let message = Arc::new(Message { topic: topic.to_owned(), payload: payload.to_vec() });
        let deliver = |session| Effect::Deliver { session, message: message.clone() };
        let sessions = routed.queued + routed.at_once.len();
        effects.extend(routed.at_once.into_iter().map(deliver));
        effects.extend(routed.wake.into_iter().map(Effect::Wake));
        self.audit(position, change, "agent.send", topic, "a message to the agent");
        Outcome::Sent { sessions }
    }

    fn restart(&mut self, at_us: i64) -> Outcome {
        let live: Vec<_> =
            self.broker.sessions().filter_map(|(key, session)| Some((key.clone(), session.epoch?))).collect();
        for (session, epoch) in live {
            self.broker.disconnect(&session, epoch, None, at_us);
            self.set_absent(&session.client_id, at_us);
        }
        Outcome::Done
    }

    pub(crate) fn set_limits(&mut self, limits: Limits) -> Outcome {
        self.limits = limits;
        self.broker.set_limits(limits.broker);
        self.is_new = true;
        Outcome::Done
    }

    fn timeout(&mut self, now_us: i64) -> Outcome {
        self.broker.expire(now_us);
        if self.seal_at_us.is_some_and(|at| at <= now_us) {
            for (client_id, agent) in &mut self.agents {
                if agent.seal_due(client_id.as_str(), now_us, &mut self.sealed) {
                    self.dirty_agents.insert(client_id.clone());
                }
            }
            self.seal_at_us = self.agents.values().filter_map(Agent::seal_at_us).min();
        }
        Outcome::Done
    }

    /// Writes down what was refused or parked, and tells the agent if it listens.
    fn report(&mut self, position: u64, published: &Published<'_>, findings: &[Finding], effects: &mut Vec<Effect>) {
        let entries: Vec<_> =
            findings.iter().filter(|finding| finding.state != State::Stored).map(RejectEntry::from).collect();
        if !entries.is_empty() {
            self.project(position, || ProjectionRow::Reject {
                agent: published.connection.client_id.to_string(),
                received_us: published.received_us,
                topic: published.topic.to_string(),
                payload: published.payload.to_vec(),
                entries,
            });
        }
        let topic = diagnostics_topic(self.id.as_str(), &published.connection.client_id);
        let listeners = self.broker.listeners(&topic);
        if listeners.is_empty() {
            return;
        }
        let message = Arc::new(diagnostics::message(topic, position, published, findings));
        effects.extend(listeners.into_iter().map(|session| Effect::Deliver { session, message: message.clone() }));
    }

    /// The end of a control-plane record: an audit row, and the answer.
    fn changed(
        &mut self,
        position: u64,
        change: &Change<'_>,
        action: &str,
        subject: &str,
        result: Result<(), String>,
    ) -> Outcome {
        match result {
            Ok(()) => {
                self.audit(position, change, action, subject, "done");
                Outcome::Done
            }
            Err(error) => Outcome::Refused(Refused::Authority(error)),
        }
    }

    fn audit(&mut self, position: u64, change: &Change<'_>, action: &str, subject: &str, detail: &str) {
        self.project(position, || ProjectionRow::Audit {
            at_us: change.at_us,
            actor: change.actor.to_string(),
            action: action.to_owned(),
            subject: subject.to_owned(),
            detail: detail.to_owned(),
        });
    }

    fn project(&mut self, position: u64, row: impl FnOnce() -> ProjectionRow) {
        if position > self.projected {
            self.outbox.push(Projected { position, row: row() });
        }
    }

    fn close(&self, client_id: &str, reason: CloseReason, effects: &mut Vec<Effect>) {
        let live = self.broker.live_connections(client_id).into_iter();
        effects.extend(live.map(|(session, epoch)| Effect::Close { session, epoch, reason }));
    }

    fn set_absent(&mut self, client_id: &str, at_us: i64) {
        let Some(client_id) = self.known(client_id) else { return };
        // Another face of the agent may be connected.
        if !self.broker.live_connections(client_id.as_str()).is_empty() {
            return;
        }
        if let Some(agent) = self.agents.get_mut(&client_id) {
            agent.status.presence = Presence::Offline(at_us);
            self.dirty_agents.insert(client_id);
        }
    }

    fn known(&self, client_id: &str) -> Option<ClientId> {
        self.agents.get_key_value(client_id).map(|(id, _)| id.clone())
    }

    fn authority_name(&self, authority: u128) -> String {
        self.registry
            .authority(authority)
            .map_or_else(|| format!("{authority:032x}"), |authority| authority.name().to_owned())
    }
}

fn verdict(counts: Ledger, findings: &[Finding]) -> Verdict {
    let taken = counts.stored + counts.duplicate + counts.parked;
    let first = findings.iter().find(|finding| finding.state == State::Rejected);
    let kind = match first.map(|finding| finding.code) {
        _ if taken > 0 => VerdictKind::Accepted,
        None => VerdictKind::Accepted,
        Some(Code::UnknownTopic | Code::NotServed) => VerdictKind::UnknownTopic,
        Some(Code::QuotaExceeded) => VerdictKind::OverQuota,
        Some(_) => VerdictKind::Unusable,
    };
    let reason = findings.first().map(|finding| {
        let worst = first.unwrap_or(finding);
        format!(
            "{} stored, {} duplicate, {} parked, {} rejected; {} at {}: {}",
            counts.stored,
            counts.duplicate,
            counts.parked,
            counts.rejected,
            worst.code.as_str(),
            worst.path,
            worst.message
        )
    });
    Verdict { counts, kind, reason }
}
