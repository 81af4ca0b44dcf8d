//! The black box.

use rusqlite::{Connection, Row, params, params_from_iter};

use super::{at_most, size};
use crate::refusal::clip;
use crate::{Refusal, RefusalFilter, StoreError};

/// Keeps refusals.
pub(super) fn put(connection: &Connection, refusals: &[Refusal]) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO refusals (tenant, at_us, stage, address, sni, alpn, tls_version, client_id, subject, issuer,
            serial, not_after_us, code, hint, tracking_id, haystack, size)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
    )?;
    for refusal in refusals {
        let optional = |field: &Option<String>| field.as_deref().map(clip).map(str::to_owned);
        let haystack = refusal.haystack();
        // The fields are in the haystack once more.
        let size = size(2 * haystack.len() + clip(&refusal.hint).len());
        statement.execute(params![
            refusal.tenant,
            refusal.at_us,
            clip(&refusal.stage),
            clip(&refusal.address),
            optional(&refusal.sni),
            optional(&refusal.alpn),
            optional(&refusal.tls_version),
            optional(&refusal.client_id),
            optional(&refusal.subject),
            optional(&refusal.issuer),
            optional(&refusal.serial),
            refusal.not_after_us,
            clip(&refusal.code),
            clip(&refusal.hint),
            clip(&refusal.tracking_id),
            haystack,
            size,
        ])?;
    }
    Ok(())
}

/// The newest refusals that pass the filter.
pub(super) fn find(connection: &Connection, filter: &RefusalFilter) -> Result<Vec<Refusal>, StoreError> {
    let mut sql = "SELECT tenant, at_us, stage, address, sni, alpn, tls_version, client_id, subject, issuer, serial,
        not_after_us, code, hint, tracking_id FROM refusals WHERE true"
        .to_owned();
    let mut texts = Vec::new();
    if let Some(tenant) = &filter.tenant {
        texts.push(tenant.clone());
        sql.push_str(" AND tenant = ?");
    }
    if let Some(text) = &filter.text {
        texts.push(text.to_lowercase());
        sql.push_str(" AND instr(haystack, ?) > 0");
    }
    sql.push_str(&format!(" ORDER BY id DESC LIMIT {}", at_most(filter.limit)));
    let mut statement = connection.prepare(&sql)?;
    let refusals = statement.query_map(params_from_iter(texts), refusal)?;
    Ok(refusals.collect::<Result<_, _>>()?)
}

fn refusal(row: &Row<'_>) -> rusqlite::Result<Refusal> {
    Ok(Refusal {
        tenant: row.get(0)?,
        at_us: row.get(1)?,
        stage: row.get(2)?,
        address: row.get(3)?,
        sni: row.get(4)?,
        alpn: row.get(5)?,
        tls_version: row.get(6)?,
        client_id: row.get(7)?,
        subject: row.get(8)?,
        issuer: row.get(9)?,
        serial: row.get(10)?,
        not_after_us: row.get(11)?,
        code: row.get(12)?,
        hint: row.get(13)?,
        tracking_id: row.get(14)?,
    })
}
