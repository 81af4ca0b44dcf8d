//! The API: REST below `/api/dinrail/v1`, health, metrics. Each route's first call asks the caller's token for
//! the tenant or agent it works on; nothing else finds one.

mod access;
mod agents;
mod authorities;
mod extract;
mod operations;
mod page;
mod problem;
mod samples;
mod serve;
mod sessions;
mod tenants;
mod tokens;
mod trace;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use store::StoreError;
use tenant::{Outcome, Refused};
use tokio_util::sync::CancellationToken;
use utoipa::OpenApi;

use access::BearerToken;
pub(crate) use access::Caller;
pub(crate) use authorities::new_id;
use extract::{Json, Path, Query};
pub(crate) use problem::Problem;
pub(crate) use serve::{Origin, serve_loopback, serve_stream, serve_unix};

use crate::config::MqttConfig;
use crate::engine::{Engine, SubmitError};
use crate::metrics::Metrics;
use crate::trace::Traces;

/// Bytes of a request body.
const BODY_MAX: usize = 1 << 20;

/// What every route can reach.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    pub(crate) engine: Arc<Engine>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) mqtt: Arc<MqttConfig>,
    pub(crate) traces: Arc<Traces>,
    /// The roots that clients need, PEM.
    pub(crate) server_ca: Arc<str>,
    /// Ends answers that would go on for ever.
    pub(crate) stop: CancellationToken,
}

/// The OpenAPI document.
#[derive(OpenApi)]
#[openapi(
    info(title = "dinrail", description = "Run dinrail, and read what the agents have sent."),
    paths(
        agents::list, agents::show, agents::data_points, agents::send, agents::revoke, agents::restore, agents::rejects,
        samples::samples,
        sessions::list, sessions::show, sessions::disconnect,
        authorities::list, authorities::show, authorities::upload, authorities::code, authorities::verify, authorities::revoke,
        tenants::list, tenants::show, tenants::create, tenants::audit,
        tokens::list, tokens::create, tokens::delete,
        trace::follow,
        operations::handshakes, operations::server_ca, operations::openapi, operations::healthz, operations::readyz, operations::metrics,
    ),
    modifiers(&BearerToken)
)]
pub(crate) struct Document;

/// All routes.
pub(crate) fn router(api: Api) -> Router {
    let v1 = Router::new()
        .route("/agents", get(agents::list))
        .route("/agents/{client_id}", get(agents::show))
        .route("/agents/{client_id}/datapoints", get(agents::data_points))
        .route("/agents/{client_id}/datapoints/{data_point}/samples", get(samples::samples))
        .route("/agents/{client_id}/messages", post(agents::send))
        .route("/agents/{client_id}/rejects", get(agents::rejects))
        .route("/agents/{client_id}/revoke", post(agents::revoke))
        .route("/agents/{client_id}/restore", post(agents::restore))
        .route("/agents/{client_id}/sessions", get(sessions::show))
        .route("/agents/{client_id}/disconnect", post(sessions::disconnect))
        .route("/sessions", get(sessions::list))
        .route("/agents/{client_id}/trace", get(trace::follow))
        .route("/tenants", get(tenants::list).post(tenants::create))
        .route("/tenants/{tenant}", get(tenants::show))
        .route("/tenants/{tenant}/audit", get(tenants::audit))
        .route("/tenants/{tenant}/authorities", get(authorities::list).post(authorities::upload))
        .route("/tenants/{tenant}/authorities/{id}", get(authorities::show).delete(authorities::revoke))
        .route("/tenants/{tenant}/authorities/{id}/code", post(authorities::code))
        .route("/tenants/{tenant}/authorities/{id}/verify", post(authorities::verify))
        .route("/tokens", get(tokens::list).post(tokens::create))
        .route("/tokens/{id}", axum::routing::delete(tokens::delete))
        .route("/handshakes", get(operations::handshakes))
        .route("/server-ca", get(operations::server_ca))
        .route("/openapi.json", get(operations::openapi));
    Router::new()
        .nest("/api/dinrail/v1", v1)
        .route("/healthz", get(operations::healthz))
        .route("/readyz", get(operations::readyz))
        .route("/metrics", get(operations::metrics))
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .fallback(async || Problem::not_found("There is no such path; /api/dinrail/v1/openapi.json lists them."))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(api)
}

/// An outcome that is no refusal, or the problem that says why.
pub(crate) fn outcome(result: Result<Outcome, SubmitError>) -> Result<Outcome, Problem> {
    match result {
        Ok(Outcome::Refused(refused)) => Err(match refused {
            Refused::UnknownAgent => Problem::no_such_agent(),
            Refused::UnknownAuthority => Problem::not_found("The tenant has no such certificate authority."),
            Refused::TenantExists | Refused::Authority(_) | Refused::Revoked | Refused::Quota(..) | Refused::Stale => {
                Problem::conflict(sentence(&refused.to_string()))
            }
        }),
        Ok(outcome) => Ok(outcome),
        Err(error) => Err(Problem::unavailable(sentence(&error.to_string()))),
    }
}

/// Runs SQL off the network threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Problem> {
    let result = tokio::task::spawn_blocking(work).await.map_err(|cause| Problem::internal(&cause))?;
    result.map_err(|error| match error {
        StoreError::TooManyTokens { .. } => Problem::conflict(sentence(&error.to_string())),
        StoreError::Full | StoreError::Busy(_) => Problem::unavailable(sentence(&error.to_string())),
        error => Problem::internal(&error),
    })
}

fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", characters.as_str().trim_end_matches('.'))
}
