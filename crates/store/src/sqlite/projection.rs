//! Rejects and audit, written in log order.

use std::borrow::Cow;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use tenant::{Projected, ProjectionRow, RejectEntry};

use super::{at_most, signed, size, unsigned};
use crate::{Audit, Reject, StoreError};

/// Adds the rows above the projection's position, and moves the position.
pub(super) fn put(connection: &Connection, tenant: &str, rows: &[Projected]) -> Result<(), StoreError> {
    let sql = "SELECT projected FROM tenants WHERE tenant = ?1";
    let projected = connection.prepare_cached(sql)?.query_row([tenant], |row| row.get::<_, Option<i64>>(0));
    let projected = projected.optional()?.flatten().map(unsigned);
    let is_new = |row: &&Projected| projected.is_none_or(|projected| row.position > projected);
    let mut last = None;
    let mut line = 0;
    for Projected { position, row } in rows.iter().filter(is_new) {
        line = if last == Some(*position) { line + 1 } else { 0 };
        last = Some(*position);
        put_row(connection, tenant, *position, line, row)?;
    }
    let Some(last) = last else { return Ok(()) };
    let sql = "INSERT INTO tenants (tenant, projected) VALUES (?1, ?2)
        ON CONFLICT DO UPDATE SET projected = excluded.projected";
    connection.prepare_cached(sql)?.execute(params![tenant, signed(last)])?;
    Ok(())
}

fn put_row(
    connection: &Connection,
    tenant: &str,
    position: u64,
    line: i64,
    row: &ProjectionRow,
) -> Result<(), StoreError> {
    let position = signed(position);
    match row {
        ProjectionRow::Reject { agent, received_us, topic, payload, entries } => {
            let entries: Vec<_> = entries.iter().map(Entry::from).collect();
            let entries = serde_json::to_string(&entries).expect("texts are always JSON");
            let size = size(topic.len() + entries.len() + payload.len());
            let sql = "INSERT INTO rejects (tenant, position, line, agent, received_us, topic, entries, size, payload)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
            let values = params![tenant, position, line, agent, received_us, topic, entries, size, payload];
            connection.prepare_cached(sql)?.execute(values)?;
        }
        ProjectionRow::Audit { at_us, actor, action, subject, detail } => {
            let sql = "INSERT INTO audit (tenant, position, line, at_us, actor, action, subject, detail)
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
            let values = params![tenant, position, line, at_us, actor, action, subject, detail];
            connection.prepare_cached(sql)?.execute(values)?;
        }
    }
    Ok(())
}

/// The newest rejects of an agent, or of all.
pub(super) fn rejects(
    connection: &Connection,
    tenant: &str,
    agent: Option<&str>,
    limit: usize,
) -> Result<Vec<Reject>, StoreError> {
    let select = "SELECT position, agent, received_us, topic, entries, payload FROM rejects WHERE tenant = ?1";
    let order = "ORDER BY position DESC, line DESC LIMIT ?2";
    let rows = match agent {
        None => query(connection, &format!("{select} {order}"), params![tenant, at_most(limit)], reject),
        Some(agent) => {
            let sql = format!("{select} AND agent = ?3 {order}");
            query(connection, &sql, params![tenant, at_most(limit), agent], reject)
        }
    };
    rows?.into_iter().collect()
}

/// The newest audit rows.
pub(super) fn audit(connection: &Connection, tenant: &str, limit: usize) -> Result<Vec<Audit>, StoreError> {
    let sql = "SELECT position, at_us, actor, action, subject, detail FROM audit WHERE tenant = ?1
        ORDER BY position DESC, line DESC LIMIT ?2";
    query(connection, sql, params![tenant, at_most(limit)], |row| {
        Ok(Audit {
            position: unsigned(row.get(0)?),
            at_us: row.get(1)?,
            actor: row.get(2)?,
            action: row.get(3)?,
            subject: row.get(4)?,
            detail: row.get(5)?,
        })
    })
}

fn query<T>(
    connection: &Connection,
    sql: &str,
    values: &[&dyn rusqlite::ToSql],
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, StoreError> {
    Ok(connection.prepare_cached(sql)?.query_map(values, read)?.collect::<Result<_, _>>()?)
}

fn reject(row: &Row<'_>) -> rusqlite::Result<Result<Reject, StoreError>> {
    let entries: String = row.get(4)?;
    let reject = Reject {
        position: unsigned(row.get(0)?),
        agent: row.get(1)?,
        received_us: row.get(2)?,
        topic: row.get(3)?,
        payload: row.get(5)?,
        entries: Vec::new(),
    };
    let damaged = |error| StoreError::Damaged(format!("the reasons of the reject at {}: {error}", reject.position));
    Ok(match serde_json::from_str::<Vec<Entry<'_>>>(&entries) {
        Ok(entries) => Ok(Reject { entries: entries.into_iter().map(RejectEntry::from).collect(), ..reject }),
        Err(error) => Err(damaged(error)),
    })
}

/// A reason as the database has it, in JSON.
#[derive(Serialize, Deserialize)]
struct Entry<'a> {
    state: Cow<'a, str>,
    code: Cow<'a, str>,
    message: Cow<'a, str>,
    path: Cow<'a, str>,
    data_point: Option<Cow<'a, str>>,
}

impl<'a> From<&'a RejectEntry> for Entry<'a> {
    fn from(entry: &'a RejectEntry) -> Entry<'a> {
        Entry {
            state: entry.state.as_str().into(),
            code: entry.code.as_str().into(),
            message: entry.message.as_str().into(),
            path: entry.path.as_str().into(),
            data_point: entry.data_point.as_deref().map(Cow::from),
        }
    }
}

impl From<Entry<'_>> for RejectEntry {
    fn from(entry: Entry<'_>) -> RejectEntry {
        RejectEntry {
            state: entry.state.into_owned(),
            code: entry.code.into_owned(),
            message: entry.message.into_owned(),
            path: entry.path.into_owned(),
            data_point: entry.data_point.map(Cow::into_owned),
        }
    }
}
