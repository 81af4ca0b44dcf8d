//! Tenants.

use axum::extract::State;
use axum::http::StatusCode;
use identity::{Action, TenantId};
use serde::{Deserialize, Serialize};
use tenant::Refused;
use utoipa::ToSchema;

use super::agents::LedgerBody;
use super::{Api, Caller, Json, Path, Problem, blocking, outcome};
use crate::engine::{Slot, refusal};

/// Audit rows in one answer.
const AUDIT_MAX: usize = 1000;

/// A tenant to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateBody {
    /// A letter, then letters and digits, at most 32; upper case is made lower case.
    id: String,
}

/// All tenants that the caller may see.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TenantList {
    tenants: Vec<TenantBody>,
}

/// One tenant.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TenantBody {
    id: String,
    created_at: Option<String>,
    agents: usize,
    connected: usize,
    authorities: usize,
    ledger: LedgerBody,
}

/// The latest changes, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditList {
    audit: Vec<AuditBody>,
}

/// One change.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditBody {
    timestamp: String,
    actor: String,
    action: String,
    subject: String,
    detail: String,
}

impl TenantBody {
    fn of(slot: &Slot) -> TenantBody {
        let connected = slot.live_count();
        let state = slot.state();
        TenantBody {
            id: slot.id.to_string(),
            created_at: state.created_us().map(ingest::format_time),
            agents: state.agents(None).count(),
            connected,
            authorities: state.registry().authorities().count(),
            ledger: state.ledger().into(),
        }
    }
}

impl From<store::Audit> for AuditBody {
    fn from(audit: store::Audit) -> AuditBody {
        let store::Audit { at_us, actor, action, subject, detail, .. } = audit;
        AuditBody { timestamp: ingest::format_time(at_us), actor, action, subject, detail }
    }
}

/// Lists tenants.
#[utoipa::path(get, path = "/api/dinrail/v1/tenants", tag = "tenants",
    responses((status = 200, body = TenantList), (status = 401, body = Problem)))]
pub(crate) async fn list(State(api): State<Api>, caller: Caller) -> Result<Json<TenantList>, Problem> {
    let tenants = caller.tenants(&api, None, Action::ReadTenant)?;
    Ok(Json(TenantList { tenants: tenants.iter().map(|slot| TenantBody::of(slot)).collect() }))
}

/// Shows one tenant.
#[utoipa::path(get, path = "/api/dinrail/v1/tenants/{tenant}", tag = "tenants", params(("tenant" = String, Path, description = "Tenant id")),
    responses((status = 200, body = TenantBody), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn show(
    State(api): State<Api>,
    caller: Caller,
    Path(tenant): Path<String>,
) -> Result<Json<TenantBody>, Problem> {
    Ok(Json(TenantBody::of(&*caller.tenant(&api, &tenant, Action::ReadTenant)?)))
}

/// Makes a tenant; one that is there already is shown.
#[utoipa::path(post, path = "/api/dinrail/v1/tenants", tag = "tenants", request_body = CreateBody,
    responses((status = 201, body = TenantBody), (status = 200, body = TenantBody, description = "It was there already"),
        (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Json(body): Json<CreateBody>,
) -> Result<(StatusCode, Json<TenantBody>), Problem> {
    caller.check_server(Action::ChangeTenants)?;
    let id = TenantId::create(&body.id)
        .map_err(|_| Problem::parameter("id", "A tenant id is a letter followed by at most 31 letters and digits."))?;
    let result = api.engine.create_tenant(id.clone(), &caller.actor).await;
    let status = match result.as_ref().ok().and_then(refusal) {
        Some(Refused::TenantExists) => StatusCode::OK,
        _ => outcome(result).map(|_| StatusCode::CREATED)?,
    };
    let slot = caller.tenant(&api, id.as_str(), Action::ReadTenant)?;
    Ok((status, Json(TenantBody::of(&slot))))
}

/// Shows the latest changes of a tenant's control plane.
#[utoipa::path(get, path = "/api/dinrail/v1/tenants/{tenant}/audit", tag = "tenants", params(("tenant" = String, Path, description = "Tenant id")),
    responses((status = 200, body = AuditList), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn audit(
    State(api): State<Api>,
    caller: Caller,
    Path(tenant): Path<String>,
) -> Result<Json<AuditList>, Problem> {
    let slot = caller.tenant(&api, &tenant, Action::ReadAudit)?;
    slot.caught_up().await;
    let store = api.engine.store().clone();
    let rows = blocking(move || store.audit(slot.id.as_str(), AUDIT_MAX)).await?;
    Ok(Json(AuditList { audit: rows.into_iter().map(AuditBody::from).collect() }))
}
