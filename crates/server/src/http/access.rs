//! Who calls, and what they may touch.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use identity::{Access, Action, ClientId, TenantId};
use utoipa::Modify;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};

use super::{Api, Origin, Problem, blocking, tokens};
use crate::clock;
use crate::engine::Slot;

/// An authenticated caller.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    access: Access,
    /// As the audit shows it.
    pub(crate) actor: String,
}

impl Caller {
    /// The tenant of a path. One that the caller may not know of looks like one that is not there.
    pub(crate) fn tenant(&self, api: &Api, id: &str, action: Action) -> Result<Arc<Slot>, Problem> {
        let missing = || Problem::not_found("There is no such tenant.");
        let id: TenantId = id.parse().map_err(|_| missing())?;
        if !self.knows(&id) {
            return Err(missing());
        }
        self.check(action, &id)?;
        api.engine.tenant(&id).filter(|slot| slot.state().created_us().is_some()).ok_or_else(missing)
    }

    /// The tenant and id of an agent's path.
    pub(crate) fn agent(&self, api: &Api, client_id: &str, action: Action) -> Result<(Arc<Slot>, ClientId), Problem> {
        let client_id: ClientId = client_id.parse().map_err(|_| Problem::no_such_agent())?;
        let tenant = client_id.tenant();
        if !self.knows(&tenant) {
            return Err(Problem::no_such_agent());
        }
        self.check(action, &tenant)?;
        let slot = api.engine.tenant(&tenant).ok_or_else(Problem::no_such_agent)?;
        Ok((slot, client_id))
    }

    /// The tenants of a list: the one that is named, or all in which the caller may do this.
    pub(crate) fn tenants(&self, api: &Api, named: Option<&str>, action: Action) -> Result<Vec<Arc<Slot>>, Problem> {
        if let Some(id) = named {
            return Ok(vec![self.tenant(api, id, action)?]);
        }
        let mut all = api.engine.tenants();
        all.retain(|slot| self.may(action, &slot.id) && slot.state().created_us().is_some());
        Ok(all)
    }

    /// The tenant that an answer is limited to: the one that is named, the caller's own, or none for the operator.
    pub(crate) fn scope(&self, api: &Api, named: Option<&str>, action: Action) -> Result<Option<TenantId>, Problem> {
        match (named, self.access.tenant()) {
            (Some(id), _) => Ok(Some(self.tenant(api, id, action)?.id.clone())),
            (None, Some(own)) => self.check(action, own).map(|()| Some(own.clone())),
            (None, None) => Ok(None),
        }
    }

    /// Whether an action in a tenant is the caller's to do.
    pub(crate) fn may(&self, action: Action, tenant: &TenantId) -> bool {
        self.access.check(action, tenant).is_ok()
    }

    /// Refuses an action on the server as a whole that the caller's role does not have.
    pub(crate) fn check_server(&self, action: Action) -> Result<(), Problem> {
        self.access.check_server(action).map_err(|_| self.forbidden())
    }

    fn check(&self, action: Action, tenant: &TenantId) -> Result<(), Problem> {
        self.access.check(action, tenant).map_err(|_| self.forbidden())
    }

    fn knows(&self, tenant: &TenantId) -> bool {
        self.access.tenant().is_none_or(|own| own == tenant)
    }

    fn forbidden(&self) -> Problem {
        Problem::forbidden(format!("A token with the role {} may not do this.", self.access.role().as_str()))
    }
}

impl FromRequestParts<Api> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Caller, Problem> {
        // The socket file lets in nobody but its owner.
        if parts.extensions.get::<Origin>() == Some(&Origin::UnixSocket) {
            return Ok(Caller { access: Access::operator(), actor: "operator".to_owned() });
        }
        let missing = || {
            Problem::unauthorized("Send the header Authorization: Bearer <token>; `dinrail token create` makes tokens.")
        };
        let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or_else(missing)?;
        let token = header.strip_prefix("Bearer ").ok_or_else(missing)?.trim();
        let hash = tokens::hash(token);
        let store = api.engine.store().clone();
        let unknown = || Problem::unauthorized("The token is not known, or has expired.");
        let token = blocking(move || store.find_token(&hash)).await?.ok_or_else(unknown)?;
        if token.expires_us.is_some_and(|at| at <= clock::now_us()) {
            return Err(unknown());
        }
        let access = tokens::access(&token).ok_or_else(unknown)?;
        Ok(Caller { access, actor: format!("token:{}", token.id) })
    }
}

/// Says in the OpenAPI document how callers show who they are.
pub(crate) struct BearerToken;

impl Modify for BearerToken {
    fn modify(&self, document: &mut OpenApi) {
        let scheme = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        document.components.get_or_insert_default().add_security_scheme("bearer", scheme);
        document.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>("bearer", [])]);
    }
}
