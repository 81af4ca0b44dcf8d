//! Certificate authorities of a tenant: upload, proof of possession, revocation.

use axum::extract::State;
use axum::http::StatusCode;
use identity::{Action, Authority, Certificate, Registry};
use serde::{Deserialize, Serialize};
use tenant::Record;
use utoipa::ToSchema;

use super::{Api, Caller, Json, Path, Problem, outcome};
use crate::clock;
use crate::engine::{Slot, change};

/// A CA to upload.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UploadBody {
    /// A name for people; the subject by default.
    name: Option<String>,
    /// PEM.
    certificate: String,
}

/// A proof of possession.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct ProofBody {
    /// PEM; signed by the CA, with the registration code as its CN.
    verification_certificate: String,
}

/// All authorities of a tenant.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuthorityList {
    authorities: Vec<AuthorityBody>,
}

/// One authority.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuthorityBody {
    /// ULID.
    id: String,
    name: String,
    certificate: String,
    fingerprint: String,
    subject: String,
    issuer: String,
    not_before: String,
    not_after: String,
    /// `PENDING_VERIFICATION`, `VERIFIED`, `EXPIRED` or `REVOKED`.
    status: &'static str,
    /// The CN that the proof needs, while pending.
    registration_code: Option<String>,
    code_expires_at: Option<String>,
    created_at: String,
    verified_at: Option<String>,
    /// Agents whose certificates it signed.
    agent_count: usize,
    /// Rules that are not broken, but worth a look.
    warnings: Vec<String>,
}

impl AuthorityBody {
    fn of(registry: &Registry, authority: &Authority) -> AuthorityBody {
        let certificate = authority.certificate();
        let pending = authority.registration_code();
        AuthorityBody {
            id: ingest::format_ulid(authority.id()),
            name: authority.name().to_owned(),
            certificate: to_pem(certificate.der()),
            fingerprint: authority.fingerprint().to_string(),
            subject: certificate.subject().to_owned(),
            issuer: certificate.issuer().to_owned(),
            not_before: ingest::format_time(certificate.not_before_us()),
            not_after: ingest::format_time(certificate.not_after_us()),
            status: authority.status(clock::now_us()).as_str(),
            registration_code: pending.map(|(code, _)| code.to_string()),
            code_expires_at: pending.map(|(_, expires_us)| ingest::format_time(expires_us)),
            created_at: ingest::format_time(authority.created_us()),
            verified_at: authority.verified_us().map(ingest::format_time),
            agent_count: registry.agents_of(authority.id()).count(),
            warnings: warnings(certificate),
        }
    }
}

impl AuthorityBody {
    /// Without the registration code for those who may not prove possession.
    fn for_eyes_of(mut self, caller: &Caller, slot: &Slot) -> AuthorityBody {
        if !caller.may(Action::ChangeAuthorities, &slot.id) {
            self.registration_code = None;
        }
        self
    }
}

/// Lists a tenant's authorities.
#[utoipa::path(get, path = "/api/dinrail/v1/tenants/{tenant}/authorities", tag = "authorities", params(("tenant" = String, Path, description = "Tenant id")),
    responses((status = 200, body = AuthorityList), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Path(tenant): Path<String>,
) -> Result<Json<AuthorityList>, Problem> {
    let slot = caller.tenant(&api, &tenant, Action::ReadAuthorities)?;
    let state = slot.state();
    let authorities = state
        .registry()
        .authorities()
        .map(|authority| AuthorityBody::of(state.registry(), authority).for_eyes_of(&caller, &slot));
    Ok(Json(AuthorityList { authorities: authorities.collect() }))
}

/// Shows one authority.
#[utoipa::path(get, path = "/api/dinrail/v1/tenants/{tenant}/authorities/{id}", tag = "authorities",
    params(("tenant" = String, Path, description = "Tenant id"), ("id" = String, Path, description = "Authority id, a ULID")),
    responses((status = 200, body = AuthorityBody), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn show(
    State(api): State<Api>,
    caller: Caller,
    Path((tenant, id)): Path<(String, String)>,
) -> Result<Json<AuthorityBody>, Problem> {
    let slot = caller.tenant(&api, &tenant, Action::ReadAuthorities)?;
    Ok(Json(body(&slot, parse_id(&id)?)?.for_eyes_of(&caller, &slot)))
}

/// Uploads a CA certificate.
#[utoipa::path(post, path = "/api/dinrail/v1/tenants/{tenant}/authorities", tag = "authorities", request_body = UploadBody,
    params(("tenant" = String, Path, description = "Tenant id")),
    responses((status = 201, body = AuthorityBody), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn upload(
    State(api): State<Api>,
    caller: Caller,
    Path(tenant): Path<String>,
    Json(upload): Json<UploadBody>,
) -> Result<(StatusCode, Json<AuthorityBody>), Problem> {
    let slot = caller.tenant(&api, &tenant, Action::ChangeAuthorities)?;
    let der = identity::certificate_from_pem(&upload.certificate)
        .map_err(|error| Problem::unprocessable(error.to_string()))?;
    let checked =
        identity::check_upload(clock::now_us(), &der).map_err(|error| Problem::unprocessable(error.to_string()))?;
    let name = upload.name.unwrap_or_else(|| checked.certificate.subject().to_owned());
    let authority = new_id();
    let record = Record::AuthorityAdded {
        change: change(&caller.actor),
        authority,
        name: name.into(),
        der: (&der[..]).into(),
        code: new_code().into(),
    };
    outcome(api.engine.execute(&slot, &record).await)?;
    Ok((StatusCode::CREATED, Json(body(&slot, authority)?)))
}

/// Gives a pending authority's code, a new one when the old one is too old.
#[utoipa::path(post, path = "/api/dinrail/v1/tenants/{tenant}/authorities/{id}/code", tag = "authorities",
    params(("tenant" = String, Path, description = "Tenant id"), ("id" = String, Path, description = "Authority id, a ULID")),
    responses((status = 200, body = AuthorityBody), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(crate) async fn code(
    State(api): State<Api>,
    caller: Caller,
    Path((tenant, id)): Path<(String, String)>,
) -> Result<Json<AuthorityBody>, Problem> {
    let slot = caller.tenant(&api, &tenant, Action::ChangeAuthorities)?;
    let authority = parse_id(&id)?;
    let expired = {
        let state = slot.state();
        let authority = state.registry().authority(authority).ok_or_else(no_such_authority)?;
        authority.registration_code().is_some_and(|(_, expires_us)| expires_us < clock::now_us())
    };
    if expired {
        let record = Record::CodeRenewed { change: change(&caller.actor), authority, code: new_code().into() };
        outcome(api.engine.execute(&slot, &record).await)?;
    }
    body(&slot, authority).map(Json)
}

/// Proves that the tenant holds the CA's key.
#[utoipa::path(post, path = "/api/dinrail/v1/tenants/{tenant}/authorities/{id}/verify", tag = "authorities", request_body = ProofBody,
    params(("tenant" = String, Path, description = "Tenant id"), ("id" = String, Path, description = "Authority id, a ULID")),
    responses((status = 200, body = AuthorityBody), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn verify(
    State(api): State<Api>,
    caller: Caller,
    Path((tenant, id)): Path<(String, String)>,
    Json(proof): Json<ProofBody>,
) -> Result<Json<AuthorityBody>, Problem> {
    let slot = caller.tenant(&api, &tenant, Action::ChangeAuthorities)?;
    let id = parse_id(&id)?;
    let der = identity::certificate_from_pem(&proof.verification_certificate)
        .map_err(|error| Problem::unprocessable(error.to_string()))?;
    let authority = slot.state().registry().authority(id).cloned().ok_or_else(no_such_authority)?;
    let code = identity::check_verification(clock::now_us(), &authority, &der)
        .map_err(|error| Problem::unprocessable(error.to_string()))?;
    let record = Record::AuthorityVerified { change: change(&caller.actor), authority: id, code: code.as_str().into() };
    outcome(api.engine.execute(&slot, &record).await)?;
    body(&slot, id).map(Json)
}

/// Revokes an authority: the connections of its agents close; their data stays.
#[utoipa::path(delete, path = "/api/dinrail/v1/tenants/{tenant}/authorities/{id}", tag = "authorities",
    params(("tenant" = String, Path, description = "Tenant id"), ("id" = String, Path, description = "Authority id, a ULID")),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(crate) async fn revoke(
    State(api): State<Api>,
    caller: Caller,
    Path((tenant, id)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let slot = caller.tenant(&api, &tenant, Action::ChangeAuthorities)?;
    let authority = parse_id(&id)?;
    slot.state().registry().authority(authority).map(drop).ok_or_else(no_such_authority)?;
    let record = Record::AuthorityRevoked { change: change(&caller.actor), authority };
    outcome(api.engine.execute(&slot, &record).await)?;
    Ok(StatusCode::NO_CONTENT)
}

/// A new id: a ULID, so that ids sort by their making.
pub(crate) fn new_id() -> u128 {
    let milliseconds = u128::try_from(clock::now_us() / 1000).unwrap_or_default();
    milliseconds << 80 | (rand::random::<u128>() >> 48)
}

/// A new registration code: 128 random bits.
pub(crate) fn new_code() -> String {
    format!("{:032x}", rand::random::<u128>())
}

fn to_pem(der: &[u8]) -> String {
    let lines = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(&pem::Pem::new("CERTIFICATE", der), lines)
}

/// What people should be told of a CA that may be uploaded; nothing of one that may no longer be.
fn warnings(certificate: &Certificate) -> Vec<String> {
    let checked = identity::check_upload(clock::now_us(), certificate.der());
    checked.map(|upload| upload.warnings.iter().map(ToString::to_string).collect()).unwrap_or_default()
}

fn parse_id(text: &str) -> Result<u128, Problem> {
    ingest::parse_ulid(text).ok_or_else(no_such_authority)
}

fn no_such_authority() -> Problem {
    Problem::not_found("The tenant has no such certificate authority.")
}

fn body(slot: &Slot, id: u128) -> Result<AuthorityBody, Problem> {
    let state = slot.state();
    let authority = state.registry().authority(id).ok_or_else(no_such_authority)?;
    Ok(AuthorityBody::of(state.registry(), authority))
}
