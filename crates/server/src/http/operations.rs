//! For operators and probes: failed handshakes, the server's root, health, metrics, the document of the API.

use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use identity::Action;
use serde::{Deserialize, Serialize};
use store::RefusalFilter;
use utoipa::{IntoParams, OpenApi, ToSchema};

use super::{Api, Caller, Document, Json, Origin, Problem, Query, blocking};

/// Refusals in an answer that names no limit.
const REFUSALS_DEFAULT: usize = 50;

/// Refusals in one answer, at most.
const REFUSALS_MAX: usize = 1000;

/// Which refusals.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefusalsQuery {
    /// Only those of this tenant.
    tenant: Option<String>,
    /// Text that one of the fields has to contain: subject, serial, client id, address, tracking id.
    q: Option<String>,
    /// At most this many, 50 by default, up to 1000.
    limit: Option<usize>,
}

/// Refused handshakes and CONNECTs, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RefusalList {
    handshakes: Vec<RefusalBody>,
}

/// One refusal, with what is known of the peer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefusalBody {
    timestamp: String,
    /// `tls` or `connect`.
    stage: String,
    code: String,
    /// What is wrong and how to mend it.
    hint: String,
    tenant: Option<String>,
    address: String,
    sni: Option<String>,
    alpn: Option<String>,
    tls_version: Option<String>,
    client_id: Option<String>,
    subject: Option<String>,
    issuer: Option<String>,
    serial: Option<String>,
    not_after: Option<String>,
    tracking_id: String,
}

/// Whether the server is well.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthBody {
    status: &'static str,
    /// What is wrong, and what to do.
    troubles: Vec<&'static str>,
}

impl From<store::Refusal> for RefusalBody {
    fn from(refusal: store::Refusal) -> RefusalBody {
        RefusalBody {
            timestamp: ingest::format_time(refusal.at_us),
            stage: refusal.stage,
            code: refusal.code,
            hint: refusal.hint,
            tenant: refusal.tenant,
            address: refusal.address,
            sni: refusal.sni,
            alpn: refusal.alpn,
            tls_version: refusal.tls_version,
            client_id: refusal.client_id,
            subject: refusal.subject,
            issuer: refusal.issuer,
            serial: refusal.serial,
            not_after: refusal.not_after_us.map(ingest::format_time),
            tracking_id: refusal.tracking_id,
        }
    }
}

/// Shows refused handshakes and CONNECTs. A tenant sees those of its own agents and authorities.
#[utoipa::path(get, path = "/api/dinrail/v1/handshakes", params(RefusalsQuery), tag = "operations",
    responses((status = 200, body = RefusalList), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn handshakes(
    State(api): State<Api>,
    caller: Caller,
    Query(query): Query<RefusalsQuery>,
) -> Result<Json<RefusalList>, Problem> {
    let tenant = caller.scope(&api, query.tenant.as_deref(), Action::ReadDiagnostics)?.map(|tenant| tenant.to_string());
    let limit = query.limit.unwrap_or(REFUSALS_DEFAULT);
    if limit == 0 || limit > REFUSALS_MAX {
        return Err(Problem::parameter("limit", format!("limit is 1 to {REFUSALS_MAX}.")));
    }
    let store = api.engine.store().clone();
    let filter = RefusalFilter { tenant, text: query.q, limit };
    let refusals = blocking(move || store.refusals(&filter)).await?;
    Ok(Json(RefusalList { handshakes: refusals.into_iter().map(RefusalBody::from).collect() }))
}

/// The certificate that clients need to trust this server, PEM.
#[utoipa::path(get, path = "/api/dinrail/v1/server-ca", tag = "operations", security(()),
    responses((status = 200, content_type = "application/x-pem-file", body = String)))]
pub(crate) async fn server_ca(State(api): State<Api>) -> Response {
    ([(header::CONTENT_TYPE, "application/x-pem-file")], api.server_ca.to_string()).into_response()
}

/// This document.
#[utoipa::path(get, path = "/api/dinrail/v1/openapi.json", tag = "operations", security(()), responses((status = 200, content_type = "application/json")))]
pub(crate) async fn openapi() -> Json<utoipa::openapi::OpenApi> {
    Json(Document::openapi())
}

/// Whether the process is alive.
#[utoipa::path(get, path = "/healthz", tag = "operations", security(()), responses((status = 200, body = HealthBody)))]
pub(crate) async fn healthz() -> Json<HealthBody> {
    Json(HealthBody { status: "alive", troubles: Vec::new() })
}

/// Whether it can keep what it is sent.
#[utoipa::path(get, path = "/readyz", tag = "operations", security(()), responses((status = 200, body = HealthBody), (status = 503, body = HealthBody)))]
pub(crate) async fn readyz(State(api): State<Api>) -> (StatusCode, Json<HealthBody>) {
    let troubles = api.engine.health().troubles();
    if troubles.is_empty() {
        (StatusCode::OK, Json(HealthBody { status: "ready", troubles }))
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, Json(HealthBody { status: "not ready", troubles }))
    }
}

/// Metrics for Prometheus. A tenant's token sees the tenant's own; the plain port of `dinrail dev` asks for no token.
#[utoipa::path(get, path = "/metrics", tag = "operations",
    responses((status = 200, content_type = "application/openmetrics-text", body = String), (status = 401, body = Problem)))]
pub(crate) async fn metrics(
    State(api): State<Api>,
    Extension(origin): Extension<Origin>,
    caller: Result<Caller, Problem>,
) -> Result<Response, Problem> {
    let text = match caller {
        Ok(caller) => match caller.scope(&api, None, Action::ReadTenant)? {
            Some(tenant) => api.metrics.text_of(&tenant),
            None => api.metrics.text(),
        },
        Err(_) if origin == Origin::Loopback => api.metrics.text(),
        Err(unknown) => return Err(unknown),
    };
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, content_type)], text).into_response())
}
