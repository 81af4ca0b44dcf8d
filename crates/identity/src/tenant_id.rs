//! Tenant id.

use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::text::checked_text;

/// Characters of the longest tenant id.
pub const TENANT_ID_LENGTH_MAX: usize = 32;

/// Names a tenant: `[a-z][a-z0-9]{0,31}`, compared exactly.
///
/// It has no underscore, so the first `_` of a client id ends it. `FromStr` takes the exact form only.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TenantId(Arc<str>);

checked_text!(TenantId, TenantIdError);

impl TenantId {
    /// Reads the id of a tenant to be made: like `FromStr`, but upper case is taken as lower case.
    ///
    /// # Errors
    /// The text is not of the syntax.
    pub fn create(text: &str) -> Result<TenantId, TenantIdError> {
        text.to_ascii_lowercase().parse()
    }

    /// A text that was read as a tenant id before.
    pub(crate) fn checked(text: &str) -> TenantId {
        TenantId(text.into())
    }
}

impl FromStr for TenantId {
    type Err = TenantIdError;

    // `acme`, `a1`: valid. `Acme`, `1a`, `ac-me`, `ac_me` and the empty text: not.
    fn from_str(text: &str) -> Result<TenantId, TenantIdError> {
        let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        let rest = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if first && rest && text.len() <= TENANT_ID_LENGTH_MAX { Ok(TenantId(text.into())) } else { Err(TenantIdError) }
    }
}

/// The text is not a tenant id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a tenant id is a letter a-z and then at most 31 letters a-z or digits")]
pub struct TenantIdError;
