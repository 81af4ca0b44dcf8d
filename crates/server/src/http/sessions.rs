//! MQTT sessions: what a client subscribed to, what waits for it, and how to make it connect again.

use axum::extract::State;
use axum::http::StatusCode;
use broker::{Session, SessionKey};
use identity::Action;
use serde::{Deserialize, Serialize};
use tenant::CloseReason;
use tracing::info;
use utoipa::{IntoParams, ToSchema};

use super::{Api, Caller, Json, Path, Problem, Query, page};

/// What to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// Only this tenant's.
    tenant: Option<String>,
    /// Sessions to skip: the `next` of the page before.
    after: Option<String>,
    /// Sessions in the page, 1000 by default, at most 10000.
    limit: Option<usize>,
}

/// A page of sessions, by client id.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionList {
    sessions: Vec<SessionBody>,
    /// `after` of the next page, where there is one.
    next: Option<String>,
}

/// One session.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionBody {
    tenant: String,
    client_id: String,
    /// The dialect: `eu1`.
    face: String,
    /// Whether its client is connected now.
    connected: bool,
    /// When it ends if its client stays away; none is never, or not before the connection.
    expires_at: Option<String>,
    subscriptions: Vec<SubscriptionBody>,
    /// Messages that wait, those under way included.
    queued: usize,
    /// Messages sent and not yet acknowledged.
    inflight: usize,
}

/// A subscription.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SubscriptionBody {
    filter: String,
    /// The granted QoS.
    qos: u8,
}

impl SessionBody {
    fn of(tenant: &str, key: &SessionKey, session: &Session) -> SessionBody {
        let subscriptions = session.subscriptions.iter();
        SessionBody {
            tenant: tenant.to_owned(),
            client_id: key.client_id.clone(),
            face: key.face.to_string(),
            connected: session.epoch.is_some(),
            expires_at: session.expires_us.map(ingest::format_time),
            subscriptions: subscriptions
                .map(|(filter, subscription)| SubscriptionBody { filter: filter.clone(), qos: subscription.qos })
                .collect(),
            queued: session.queue.len(),
            inflight: session.queue.inflight().count(),
        }
    }
}

/// Lists sessions, of clients that are connected and of those that will come back.
#[utoipa::path(get, path = "/api/dinrail/v1/sessions", params(ListQuery), tag = "sessions",
    responses((status = 200, body = SessionList), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<SessionList>, Problem> {
    let limit = page::limit(query.limit)?;
    let after = query.after.as_deref().unwrap_or_default();
    let mut sessions = Vec::new();
    // Client ids begin with their tenant, so pages run through tenants in the same order as through sessions.
    for slot in caller.tenants(&api, query.tenant.as_deref(), Action::ReadAgents)? {
        let state = slot.state();
        // One more than asked for tells whether there is a next page.
        let found = state.broker().sessions().filter(|(key, _)| key.client_id.as_str() > after);
        let found = found.take(limit + 1 - sessions.len());
        sessions.extend(found.map(|(key, session)| SessionBody::of(slot.id.as_str(), key, session)));
    }
    let next = page::cut(&mut sessions, limit, |session| &session.client_id);
    Ok(Json(SessionList { sessions, next }))
}

/// Shows the sessions of one agent, one for each dialect that it speaks.
#[utoipa::path(get, path = "/api/dinrail/v1/agents/{clientId}/sessions", tag = "sessions",
    params(("clientId" = String, Path, description = "MQTT client id")),
    responses((status = 200, body = SessionList), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn show(
    State(api): State<Api>,
    caller: Caller,
    Path(client_id): Path<String>,
) -> Result<Json<SessionList>, Problem> {
    let (slot, client_id) = caller.agent(&api, &client_id, Action::ReadAgents)?;
    let state = slot.state();
    state.agent(client_id.as_str()).ok_or_else(Problem::no_such_agent)?;
    let key = SessionKey::eu1(client_id.as_str());
    let found = state.broker().session(&key);
    Ok(Json(SessionList {
        sessions: found.map(|session| SessionBody::of(slot.id.as_str(), &key, session)).into_iter().collect(),
        next: None,
    }))
}

/// Ends an agent's connection; its session stays, and it may connect again at once.
#[utoipa::path(post, path = "/api/dinrail/v1/agents/{clientId}/disconnect", tag = "sessions",
    params(("clientId" = String, Path, description = "MQTT client id")),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(crate) async fn disconnect(
    State(api): State<Api>,
    caller: Caller,
    Path(client_id): Path<String>,
) -> Result<StatusCode, Problem> {
    let (slot, client_id) = caller.agent(&api, &client_id, Action::ChangeAgents)?;
    slot.state().agent(client_id.as_str()).ok_or_else(Problem::no_such_agent)?;
    if !slot.close(client_id.as_str(), CloseReason::Kicked) {
        return Err(Problem::conflict("The agent is not connected."));
    }
    info!(event = "session.kick", tenant = %slot.id, agent = %client_id, actor = caller.actor, "kicked");
    Ok(StatusCode::NO_CONTENT)
}
