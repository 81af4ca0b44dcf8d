//! API tokens.

/// Tokens that a tenant, or the operator, has at most. People and programs of one plant need dozens; the bound keeps a
/// program that makes one at each start from filling the database.
pub const TOKENS_PER_TENANT_MAX: usize = 1000;

/// A token as it is kept: by its hash, so that the database cannot be used to log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Public id.
    pub id: String,
    /// The tenant it is for; none for an operator's token.
    pub tenant: Option<String>,
    /// Name of its role.
    pub role: String,
    /// What it is used for.
    pub label: String,
    /// SHA-256 of the secret.
    pub hash: [u8; 32],
    /// When it was made, microseconds since the Unix epoch.
    pub created_us: i64,
    /// When it ends, microseconds since the Unix epoch; none for never.
    pub expires_us: Option<i64>,
}
