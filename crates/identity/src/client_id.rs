//! Client id of an agent.

use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::common_name::is_forbidden;
use crate::tenant_id::TENANT_ID_LENGTH_MAX;
use crate::text::checked_text;
use crate::{CommonName, TenantId};

/// Bytes of the longest client id.
pub const CLIENT_ID_LENGTH_MAX: usize = 128;

/// Names an agent on the wire: `<tenant>_<common name>`. The first `_` ends the tenant.
///
/// A client id only *claims*: holding one proves nothing, a [`crate::Judgement`] does. A text that is none is answered
/// with "identifier rejected" (CONNACK 2, [MQTT-3.1.3-8]; 0x85 in version 5).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClientId(Arc<str>);

checked_text!(ClientId, ClientIdError);

impl ClientId {
    /// The one client id of the agent that has this common name in this tenant.
    ///
    /// `pump7` in `acme` is `acme_pump7`; so is the common name `acme_pump7`, which has its tenant already.
    ///
    /// # Errors
    /// The id would be longer than [`CLIENT_ID_LENGTH_MAX`], or there is nothing behind the tenant (`acme_`).
    pub fn for_agent(tenant: &TenantId, name: &CommonName) -> Result<ClientId, ClientIdError> {
        let named = name.as_str().strip_prefix(tenant.as_str()).is_some_and(|rest| rest.starts_with('_'));
        if named { name.as_str().parse() } else { format!("{tenant}_{name}").parse() }
    }

    /// The tenant that the id claims.
    pub fn tenant(&self) -> TenantId {
        TenantId::checked(self.tenant_and_name().0)
    }

    /// What follows the tenant and its `_`.
    pub fn name(&self) -> &str {
        self.tenant_and_name().1
    }

    fn tenant_and_name(&self) -> (&str, &str) {
        self.0.split_once('_').unwrap_or((&self.0, ""))
    }
}

impl FromStr for ClientId {
    type Err = ClientIdError;

    // `acme_pump7`, `acme_acme_x`: valid. `acme`, `acme_`, `_pump7`, `Acme_pump7`, `acme_a/b`: not.
    fn from_str(text: &str) -> Result<ClientId, ClientIdError> {
        if text.is_empty() {
            return Err(ClientIdError::Empty);
        }
        if text.len() > CLIENT_ID_LENGTH_MAX {
            return Err(ClientIdError::TooLong(text.len()));
        }
        if let Some(character) = text.chars().find(|character| is_forbidden(*character)) {
            return Err(ClientIdError::Forbidden(character));
        }
        let (tenant, name) = text.split_once('_').ok_or(ClientIdError::NoTenant)?;
        tenant.parse::<TenantId>().map_err(|_| ClientIdError::Tenant)?;
        if name.is_empty() {
            return Err(ClientIdError::NoName);
        }
        Ok(ClientId(text.into()))
    }
}

/// Why a text is no client id of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientIdError {
    /// No characters.
    #[error("the client id is empty; it must be <tenant>_<common name of the certificate>")]
    Empty,
    /// Longer than [`CLIENT_ID_LENGTH_MAX`]; its length in bytes.
    #[error("the client id has {0} bytes, {CLIENT_ID_LENGTH_MAX} are allowed")]
    TooLong(usize),
    /// A character that names never have.
    #[error("the client id has the character {0:?}; + # / and control characters are not allowed")]
    Forbidden(char),
    /// No `_`.
    #[error("the client id does not name a tenant; it must be <tenant>_<common name of the certificate>")]
    NoTenant,
    /// What is before the first `_` is no tenant id.
    #[error(
        "what is before the first _ of the client id is no tenant id: \
         a letter a-z and then letters a-z or digits, at most {TENANT_ID_LENGTH_MAX} in all"
    )]
    Tenant,
    /// Nothing behind the tenant.
    #[error("the client id names a tenant and no agent; it must be <tenant>_<common name of the certificate>")]
    NoName,
}
