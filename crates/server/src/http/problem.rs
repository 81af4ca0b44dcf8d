//! Errors of our own API: RFC 9457 problem documents. What a caller reads and what the log says are two messages.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// A problem document.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Stable name of the kind of problem, a relative URI.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The kind in words.
    title: &'static str,
    /// HTTP status.
    status: u16,
    /// What is wrong with this request, and how to mend it.
    detail: String,
    /// Where in the request, a JSON pointer or a parameter's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    /// To be quoted to the operator, who finds it in the log.
    #[serde(rename = "trackingId")]
    tracking_id: String,
}

impl Problem {
    /// The request is wrong.
    pub(crate) fn bad_request(detail: impl Into<String>) -> Problem {
        Problem::new("/problems/bad-request", "Bad request", StatusCode::BAD_REQUEST, detail)
    }

    /// A parameter is wrong.
    pub(crate) fn parameter(name: &str, detail: impl Into<String>) -> Problem {
        Problem { pointer: Some(name.to_owned()), ..Problem::bad_request(detail) }
    }

    /// No token, or none that is known.
    pub(crate) fn unauthorized(detail: impl Into<String>) -> Problem {
        Problem::new("/problems/unauthorized", "Not authenticated", StatusCode::UNAUTHORIZED, detail)
    }

    /// The token may not do this.
    pub(crate) fn forbidden(detail: impl Into<String>) -> Problem {
        Problem::new("/problems/forbidden", "Not allowed", StatusCode::FORBIDDEN, detail)
    }

    /// Nothing there, or nothing that the caller may know of.
    pub(crate) fn not_found(detail: impl Into<String>) -> Problem {
        Problem::new("/problems/not-found", "Not found", StatusCode::NOT_FOUND, detail)
    }

    /// The one wording for agents that are not there and agents that the caller may not know of.
    pub(crate) fn no_such_agent() -> Problem {
        Problem::not_found("There is no such agent.")
    }

    /// The path is there, the method is not.
    pub(crate) fn method_not_allowed() -> Problem {
        let detail = "This path does not take this method; /api/dinrail/v1/openapi.json lists what it takes.";
        Problem::new("/problems/method-not-allowed", "Method not allowed", StatusCode::METHOD_NOT_ALLOWED, detail)
    }

    /// The state does not allow it.
    pub(crate) fn conflict(detail: impl Into<String>) -> Problem {
        Problem::new("/problems/conflict", "Conflict", StatusCode::CONFLICT, detail)
    }

    /// The content breaks a rule.
    pub(crate) fn unprocessable(detail: impl Into<String>) -> Problem {
        Problem::new("/problems/requirements-not-met", "Requirements not met", StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// The server cannot do it now.
    pub(crate) fn unavailable(detail: impl Into<String>) -> Problem {
        Problem::new("/problems/unavailable", "Unavailable", StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    /// The host name is not the one that TLS was made for.
    pub(crate) fn misdirected() -> Problem {
        let detail = "The Host header names another host than this connection was made for.";
        Problem::new("/problems/misdirected", "Misdirected request", StatusCode::MISDIRECTED_REQUEST, detail)
    }

    /// The server's own fault; the cause goes to the log alone.
    pub(crate) fn internal(cause: &dyn std::fmt::Display) -> Problem {
        let detail = "The server could not answer. The operator finds the reason in its log under the tracking id.";
        let problem = Problem::new("/problems/internal", "Internal error", StatusCode::INTERNAL_SERVER_ERROR, detail);
        tracing::error!(trace_id = problem.tracking_id, %cause, "a request failed");
        problem
    }

    fn new(kind: &'static str, title: &'static str, status: StatusCode, detail: impl Into<String>) -> Problem {
        let tracking_id = format!("{:032x}", rand::random::<u128>());
        Problem { kind, title, status: status.as_u16(), detail: detail.into(), pointer: None, tracking_id }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
