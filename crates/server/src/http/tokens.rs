//! API tokens: 256 random bits, of which the server keeps the hash.

use axum::extract::State;
use axum::http::StatusCode;
use identity::{Access, Action, Role, TenantId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::Token;
use utoipa::ToSchema;

use super::{Api, Caller, Json, Path, Problem, authorities, blocking};
use crate::clock;

/// Days that a token lives when its maker names none.
const DAYS_DEFAULT: u32 = 365;

/// Days that a token lives at most.
const DAYS_MAX: u32 = 3650;

/// A token to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateBody {
    /// The tenant it is for; none makes an operator's token.
    tenant: Option<String>,
    /// `admin` or `reader`; `operator` without a tenant.
    role: Option<String>,
    /// What it is used for.
    #[serde(default)]
    label: String,
    /// Days it lives, 365 by default.
    days: Option<u32>,
}

/// A new token. It is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CreatedBody {
    token: String,
    #[serde(flatten)]
    about: TokenBody,
}

/// All tokens that the caller may see.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokenList {
    tokens: Vec<TokenBody>,
}

/// A token, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TokenBody {
    id: String,
    tenant: Option<String>,
    role: String,
    label: String,
    created_at: String,
    expires_at: Option<String>,
}

impl From<&Token> for TokenBody {
    fn from(token: &Token) -> TokenBody {
        TokenBody {
            id: token.id.clone(),
            tenant: token.tenant.clone(),
            role: token.role.clone(),
            label: token.label.clone(),
            created_at: ingest::format_time(token.created_us),
            expires_at: token.expires_us.map(ingest::format_time),
        }
    }
}

/// Lists tokens.
#[utoipa::path(get, path = "/api/dinrail/v1/tokens", tag = "tokens",
    responses((status = 200, body = TokenList), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub(crate) async fn list(State(api): State<Api>, caller: Caller) -> Result<Json<TokenList>, Problem> {
    let own = caller.scope(&api, None, Action::ManageTokens)?.map(|tenant| tenant.to_string());
    let store = api.engine.store().clone();
    let tokens = blocking(move || store.tokens(own.as_deref())).await?;
    Ok(Json(TokenList { tokens: tokens.iter().map(TokenBody::from).collect() }))
}

/// Makes a token.
#[utoipa::path(post, path = "/api/dinrail/v1/tokens", tag = "tokens", request_body = CreateBody,
    responses((status = 201, body = CreatedBody), (status = 400, body = Problem), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn create(
    State(api): State<Api>,
    caller: Caller,
    Json(body): Json<CreateBody>,
) -> Result<(StatusCode, Json<CreatedBody>), Problem> {
    let tenant = caller.scope(&api, body.tenant.as_deref(), Action::ManageTokens)?;
    let role = match (body.role.as_deref(), tenant.is_some()) {
        (None | Some("operator"), false) => Role::Operator,
        (None | Some("reader"), true) => Role::TenantReader,
        (Some("admin"), true) => Role::TenantAdmin,
        _ => return Err(Problem::parameter("role", "role is admin or reader with a tenant, operator without one.")),
    };
    let days = body.days.unwrap_or(DAYS_DEFAULT);
    if days == 0 || days > DAYS_MAX {
        return Err(Problem::parameter("days", format!("days is 1 to {DAYS_MAX}.")));
    }
    let (secret, token) = make(role, tenant.as_ref(), &body.label, days);
    let about = TokenBody::from(&token);
    let store = api.engine.store().clone();
    blocking(move || store.create_token(&token)).await?;
    Ok((StatusCode::CREATED, Json(CreatedBody { token: secret, about })))
}

/// Deletes a token; it is refused from now on.
#[utoipa::path(delete, path = "/api/dinrail/v1/tokens/{id}", tag = "tokens", params(("id" = String, Path, description = "Token id")),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn delete(
    State(api): State<Api>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let own = caller.scope(&api, None, Action::ManageTokens)?.map(|tenant| tenant.to_string());
    let store = api.engine.store().clone();
    let deleted = blocking(move || store.delete_token(own.as_deref(), &id)).await?;
    if deleted { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found("There is no such token.")) }
}

/// A new secret, and what is kept of it.
fn make(role: Role, tenant: Option<&TenantId>, label: &str, days: u32) -> (String, Token) {
    let secret = format!("dr_{}", hex::encode(rand::random::<[u8; 32]>()));
    let created_us = clock::now_us();
    let token = Token {
        id: format!("{:032x}", authorities::new_id()),
        tenant: tenant.map(ToString::to_string),
        role: role.as_str().to_owned(),
        label: label.to_owned(),
        hash: hash(&secret),
        created_us,
        expires_us: Some(created_us + i64::from(days) * 86_400_000_000),
    };
    (secret, token)
}

/// What is kept of a secret. It has 256 random bits, so a plain hash cannot be searched; argon2 is for passwords.
pub(crate) fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// What a token gives.
pub(crate) fn access(token: &Token) -> Option<Access> {
    let tenant = token.tenant.as_deref().map(str::parse::<TenantId>).transpose().ok()?;
    match (Role::ALL.into_iter().find(|role| role.as_str() == token.role)?, tenant) {
        (Role::Operator, None) => Some(Access::operator()),
        (Role::TenantAdmin, Some(tenant)) => Some(Access::tenant_admin(tenant)),
        (Role::TenantReader, Some(tenant)) => Some(Access::tenant_reader(tenant)),
        _ => None,
    }
}
