//! Agents and their data points.

use axum::extract::State;
use axum::http::StatusCode;
use broker::SessionKey;
use identity::{Action, ClientId};
use serde::{Deserialize, Serialize};
use tenant::{Agent, Ledger, Outcome, Presence, Record, Tenant};
use utoipa::{IntoParams, ToSchema};

use super::samples::SampleBody;
use super::{Api, Caller, Json, Path, Problem, Query, blocking, outcome, page};
use crate::engine::{Slot, change};

/// What to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// Only this tenant's.
    tenant: Option<String>,
    /// Agents to skip: the `next` of the page before.
    after: Option<String>,
    /// Agents in the page, 1000 by default, at most 10000.
    limit: Option<usize>,
}

/// A page of agents, by client id.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AgentList {
    agents: Vec<AgentBody>,
    /// `after` of the next page, where there is one.
    next: Option<String>,
}

/// One agent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AgentBody {
    client_id: String,
    tenant: String,
    /// `ONLINE`, `OFFLINE` or `REVOKED`.
    state: &'static str,
    /// Since when, RFC 3339 in microseconds.
    since: String,
    /// Where the last connection came from.
    address: Option<String>,
    data_points: usize,
    /// Messages that wait for the agent.
    queued: usize,
    ledger: LedgerBody,
    last_error: Option<LastErrorBody>,
    credentials: Vec<CredentialBody>,
}

/// What became of the agent's values: received = stored + duplicate + parked + rejected.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LedgerBody {
    received: u64,
    stored: u64,
    duplicate: u64,
    parked: u64,
    rejected: u64,
}

/// The latest trouble.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LastErrorBody {
    timestamp: String,
    code: String,
    message: String,
}

/// A certificate that the agent has shown.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CredentialBody {
    fingerprint: String,
    subject: String,
    issuer: String,
    serial: String,
    not_after: String,
    last_seen: String,
    revoked: bool,
}

/// The data points of an agent, by name.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DataPointList {
    data_points: Vec<DataPointBody>,
}

/// A data point with its latest value.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DataPointBody {
    data_point_id: String,
    last_value: Option<SampleBody>,
}

/// A message to an agent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MessageBody {
    /// What follows the agent's `i/`, as `cmd_v3/c`.
    topic: String,
    /// The message as text.
    payload: String,
    /// 0 or 1; 1 by default.
    qos: Option<u8>,
}

/// How far a message got.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SentBody {
    /// Sessions that get it now or have it queued.
    sessions: usize,
}

/// Lists agents.
#[utoipa::path(get, path = "/api/dinrail/v1/agents", params(ListQuery), tag = "agents",
    responses((status = 200, body = AgentList), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<AgentList>, Problem> {
    let limit = page::limit(query.limit)?;
    let tenants = caller.tenants(&api, query.tenant.as_deref(), Action::ReadAgents)?;
    let mut agents = Vec::new();
    for slot in tenants {
        let state = slot.state();
        // Client ids begin with their tenant, so pages run through tenants in the same order as through agents.
        let after = query.after.as_deref().filter(|after| *after > slot.id.as_str());
        agents.extend(
            state.agents(after).take(limit + 1 - agents.len()).map(|(id, agent)| AgentBody::of(&state, id, agent)),
        );
        if agents.len() > limit {
            break;
        }
    }
    let next = page::cut(&mut agents, limit, |agent| &agent.client_id);
    Ok(Json(AgentList { agents, next }))
}

/// Shows one agent.
#[utoipa::path(get, path = "/api/dinrail/v1/agents/{clientId}", tag = "agents", params(("clientId" = String, Path, description = "MQTT client id")),
    responses((status = 200, body = AgentBody), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn show(
    State(api): State<Api>,
    caller: Caller,
    Path(client_id): Path<String>,
) -> Result<Json<AgentBody>, Problem> {
    let (slot, client_id) = caller.agent(&api, &client_id, Action::ReadAgents)?;
    let state = slot.state();
    let agent = state.agent(client_id.as_str()).ok_or_else(Problem::no_such_agent)?;
    Ok(Json(AgentBody::of(&state, &client_id, agent)))
}

/// Lists an agent's data points.
#[utoipa::path(get, path = "/api/dinrail/v1/agents/{clientId}/datapoints", tag = "data", params(("clientId" = String, Path, description = "MQTT client id")),
    responses((status = 200, body = DataPointList), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn data_points(
    State(api): State<Api>,
    caller: Caller,
    Path(client_id): Path<String>,
) -> Result<Json<DataPointList>, Problem> {
    let (slot, client_id) = caller.agent(&api, &client_id, Action::ReadData)?;
    let state = slot.state();
    let agent = state.agent(client_id.as_str()).ok_or_else(Problem::no_such_agent)?;
    let of = |(name, series): (&String, &tenant::Series)| DataPointBody {
        data_point_id: name.clone(),
        last_value: series.last().map(SampleBody::from),
    };
    let mut data_points: Vec<_> = agent.series().iter().map(of).collect();
    data_points.sort_unstable_by(|a, b| a.data_point_id.cmp(&b.data_point_id));
    Ok(Json(DataPointList { data_points }))
}

/// Sends a message to an agent's inbound topics.
#[utoipa::path(post, path = "/api/dinrail/v1/agents/{clientId}/messages", tag = "agents", request_body = MessageBody,
    params(("clientId" = String, Path, description = "MQTT client id")),
    responses((status = 202, body = SentBody), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(crate) async fn send(
    State(api): State<Api>,
    caller: Caller,
    Path(client_id): Path<String>,
    Json(body): Json<MessageBody>,
) -> Result<(StatusCode, Json<SentBody>), Problem> {
    let (slot, client_id) = caller.agent(&api, &client_id, Action::SendToAgents)?;
    known(&slot, &client_id)?;
    let qos = body.qos.unwrap_or(1);
    if qos > 1 {
        return Err(Problem::parameter("qos", "qos is 0 or 1."));
    }
    if body.payload.len() > api.mqtt.payload_max {
        return Err(Problem::parameter("payload", format!("A message has at most {} bytes.", api.mqtt.payload_max)));
    }
    let topic = ingest::inbound_topic(slot.id.as_str(), client_id.as_str(), &body.topic);
    if mqtt::TopicName::new(&topic).is_err() {
        return Err(Problem::parameter("topic", "The topic has a wildcard, a NUL, or nothing in it."));
    }
    let change = change(&caller.actor);
    let record = Record::Sent { change, topic: topic.into(), payload: body.payload.as_bytes().into(), qos };
    match outcome(api.engine.execute(&slot, &record).await)? {
        Outcome::Sent { sessions } => Ok((StatusCode::ACCEPTED, Json(SentBody { sessions }))),
        other => Err(Problem::internal(&format!("{other:?} is no answer to a message"))),
    }
}

/// Revokes an agent: its connections close, and its certificates are not let in again.
#[utoipa::path(post, path = "/api/dinrail/v1/agents/{clientId}/revoke", tag = "agents", params(("clientId" = String, Path, description = "MQTT client id")),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(crate) async fn revoke(
    State(api): State<Api>,
    caller: Caller,
    Path(client_id): Path<String>,
) -> Result<StatusCode, Problem> {
    let (slot, client_id) = caller.agent(&api, &client_id, Action::ChangeAgents)?;
    let record = Record::AgentRevoked { change: change(&caller.actor), agent: client_id.as_str().into() };
    outcome(api.engine.execute(&slot, &record).await)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets a revoked agent in again.
#[utoipa::path(post, path = "/api/dinrail/v1/agents/{clientId}/restore", tag = "agents", params(("clientId" = String, Path, description = "MQTT client id")),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(crate) async fn restore(
    State(api): State<Api>,
    caller: Caller,
    Path(client_id): Path<String>,
) -> Result<StatusCode, Problem> {
    let (slot, client_id) = caller.agent(&api, &client_id, Action::ChangeAgents)?;
    let record = Record::AgentRestored { change: change(&caller.actor), agent: client_id.as_str().into() };
    outcome(api.engine.execute(&slot, &record).await)?;
    Ok(StatusCode::NO_CONTENT)
}

/// What was refused or parked of an agent's messages, newest first.
#[utoipa::path(get, path = "/api/dinrail/v1/agents/{clientId}/rejects", tag = "data", params(("clientId" = String, Path, description = "MQTT client id")),
    responses((status = 200, body = RejectList), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn rejects(
    State(api): State<Api>,
    caller: Caller,
    Path(client_id): Path<String>,
) -> Result<Json<RejectList>, Problem> {
    let (slot, client_id) = caller.agent(&api, &client_id, Action::ReadDiagnostics)?;
    known(&slot, &client_id)?;
    slot.caught_up().await;
    let store = api.engine.store().clone();
    let rows = blocking(move || store.rejects(slot.id.as_str(), Some(client_id.as_str()), REJECTS_MAX)).await?;
    Ok(Json(RejectList { rejects: rows.into_iter().map(RejectBody::from).collect() }))
}

/// Rejects in one answer.
const REJECTS_MAX: usize = 100;

/// Messages with values that were refused or parked.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RejectList {
    rejects: Vec<RejectBody>,
}

/// One such message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RejectBody {
    timestamp: String,
    topic: String,
    /// The message as text, bytes that are no UTF-8 replaced.
    payload: String,
    entries: Vec<RejectEntryBody>,
}

/// Why one value was not stored.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RejectEntryBody {
    state: String,
    code: String,
    message: String,
    path: String,
    data_point_id: Option<String>,
}

impl AgentBody {
    fn of(tenant: &Tenant, client_id: &ClientId, agent: &Agent) -> AgentBody {
        let status = agent.status();
        let identity = tenant.registry().agent(client_id);
        let (presence, since_us) = match status.presence {
            Presence::Online(since) => ("ONLINE", since),
            Presence::Offline(since) => ("OFFLINE", since),
        };
        let revoked_us = identity.and_then(|agent| agent.revoked_us);
        let session = tenant.broker().session(&SessionKey::eu1(client_id.as_str()));
        AgentBody {
            client_id: client_id.to_string(),
            tenant: tenant.id().to_string(),
            state: if revoked_us.is_some() { "REVOKED" } else { presence },
            since: ingest::format_time(revoked_us.unwrap_or(since_us)),
            address: Some(status.address.clone()).filter(|address| !address.is_empty()),
            data_points: agent.series().len(),
            queued: session.map_or(0, |session| session.queue.len()),
            ledger: LedgerBody::from(status.ledger),
            last_error: status.last_error.as_ref().map(|error| LastErrorBody {
                timestamp: ingest::format_time(error.at_us),
                code: error.code.clone(),
                message: error.message.clone(),
            }),
            credentials: identity
                .map(|agent| agent.credentials().iter().map(CredentialBody::from).collect())
                .unwrap_or_default(),
        }
    }
}

impl From<&identity::Credential> for CredentialBody {
    fn from(credential: &identity::Credential) -> CredentialBody {
        CredentialBody {
            fingerprint: credential.fingerprint.to_string(),
            subject: credential.subject.clone(),
            issuer: credential.issuer.clone(),
            serial: credential.serial.clone(),
            not_after: ingest::format_time(credential.not_after_us),
            last_seen: ingest::format_time(credential.last_seen_us),
            revoked: credential.revoked_us.is_some(),
        }
    }
}

impl From<store::Reject> for RejectBody {
    fn from(reject: store::Reject) -> RejectBody {
        RejectBody {
            timestamp: ingest::format_time(reject.received_us),
            topic: reject.topic,
            payload: String::from_utf8_lossy(&reject.payload).into_owned(),
            entries: reject.entries.into_iter().map(RejectEntryBody::from).collect(),
        }
    }
}

impl From<tenant::RejectEntry> for RejectEntryBody {
    fn from(entry: tenant::RejectEntry) -> RejectEntryBody {
        let tenant::RejectEntry { state, code, message, path, data_point } = entry;
        RejectEntryBody { state, code, message, path, data_point_id: data_point }
    }
}

impl From<Ledger> for LedgerBody {
    fn from(ledger: Ledger) -> LedgerBody {
        let Ledger { stored, duplicate, parked, rejected } = ledger;
        LedgerBody { received: ledger.received(), stored, duplicate, parked, rejected }
    }
}

fn known(slot: &Slot, client_id: &ClientId) -> Result<(), Problem> {
    slot.state().agent(client_id.as_str()).map(drop).ok_or_else(Problem::no_such_agent)
}
