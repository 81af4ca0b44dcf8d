//! A client's packets and verdicts as they happen: one JSON object a line, until the caller has seen enough.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use identity::Action;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{Api, Caller, Path, Problem, Query};
use crate::trace::Watch;

/// What to show.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct TraceQuery {
    /// Show payloads too; not by default.
    #[serde(default)]
    payloads: bool,
}

/// Follows one client, connected or not: `timestamp`, `direction` (`in`, `out`, `note`), `what`, `detail`, `payload`
/// where it was asked for, and `lost`, the number of lines that the caller was too slow for.
#[utoipa::path(get, path = "/api/dinrail/v1/agents/{clientId}/trace", tag = "operations",
    params(("clientId" = String, Path, description = "MQTT client id"), TraceQuery),
    responses((status = 200, content_type = "application/x-ndjson", body = String), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 503, body = Problem)))]
pub(crate) async fn follow(
    State(api): State<Api>,
    caller: Caller,
    Path(client_id): Path<String>,
    Query(query): Query<TraceQuery>,
) -> Result<Response, Problem> {
    // The agent need not be there: its first connect is what people most want to see.
    let (_, client_id) = caller.agent(&api, &client_id, Action::ReadDiagnostics)?;
    let watch = api.traces.watch(client_id.as_str(), query.payloads);
    let watch = watch.ok_or_else(|| Problem::unavailable("As many clients are watched already as may be."))?;
    let stop = api.stop.clone();
    let lines = futures_util::stream::unfold(watch, move |mut watch: Watch| {
        let stop = stop.clone();
        async move {
            let line = stop.run_until_cancelled(watch.lines.recv()).await??;
            let mut text = serde_json::to_vec(&line).ok()?;
            text.push(b'\n');
            Some((Ok::<_, std::convert::Infallible>(Bytes::from(text)), watch))
        }
    });
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response())
}
