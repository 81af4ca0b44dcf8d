//! API tokens.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::size;
use crate::token::TOKENS_PER_TENANT_MAX;
use crate::{StoreError, Token};

/// Keeps a token, unless its tenant, or the operator, has too many.
pub(super) fn create(connection: &Connection, token: &Token) -> Result<(), StoreError> {
    let sql = "SELECT count(*) FROM tokens WHERE tenant IS ?1";
    let count: i64 = connection.prepare_cached(sql)?.query_row([&token.tenant], |row| row.get(0))?;
    if count >= size(TOKENS_PER_TENANT_MAX) {
        return Err(StoreError::TooManyTokens { max: TOKENS_PER_TENANT_MAX });
    }
    let sql = "INSERT INTO tokens (hash, id, tenant, role, label, created_us, expires_us)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let Token { id, tenant, role, label, hash, created_us, expires_us } = token;
    connection.prepare_cached(sql)?.execute(params![hash, id, tenant, role, label, created_us, expires_us])?;
    Ok(())
}

/// The token with a hash.
pub(super) fn find(connection: &Connection, hash: &[u8; 32]) -> Result<Option<Token>, StoreError> {
    let sql = "SELECT hash, id, tenant, role, label, created_us, expires_us FROM tokens WHERE hash = ?1";
    Ok(connection.prepare_cached(sql)?.query_row([hash], token).optional()?)
}

/// The tokens of a tenant, or all.
pub(super) fn all(connection: &Connection, tenant: Option<&str>) -> Result<Vec<Token>, StoreError> {
    let sql = "SELECT hash, id, tenant, role, label, created_us, expires_us FROM tokens
        WHERE ?1 IS NULL OR tenant = ?1 ORDER BY created_us, id";
    Ok(connection.prepare_cached(sql)?.query_map([tenant], token)?.collect::<Result<_, _>>()?)
}

/// Deletes a token, if it is the tenant's.
pub(super) fn delete(connection: &Connection, tenant: Option<&str>, id: &str) -> Result<bool, StoreError> {
    let sql = "DELETE FROM tokens WHERE id = ?1 AND (?2 IS NULL OR tenant = ?2)";
    Ok(connection.prepare_cached(sql)?.execute(params![id, tenant])? > 0)
}

fn token(row: &Row<'_>) -> rusqlite::Result<Token> {
    Ok(Token {
        hash: row.get(0)?,
        id: row.get(1)?,
        tenant: row.get(2)?,
        role: row.get(3)?,
        label: row.get(4)?,
        created_us: row.get(5)?,
        expires_us: row.get(6)?,
    })
}
