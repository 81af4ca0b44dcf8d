//! The topic of a publish: its spelling is read once, here, and becomes a message kind.

use crate::excerpt::Excerpt;
use crate::{Code, Finding};

/// The one topic below `o/` that this version takes.
const TIME_SERIES: &str = "mc_v3/ts";

/// What else the dialect knows below `tc/<tenant>/<clientId>/o/`.
const NOT_SERVED: [&str; 8] =
    ["mc_v3/e", "mc_v3/f", "agm_v3/t", "cmd_v3/u", "amo_v3/m", "amo_v3/i", "amo_v4/mi", "amo_v4/m"];

/// What the dialect knows below `c/<clientId>/o/`.
const OPCUA_NOT_SERVED: [&str; 6] =
    ["opcua/v3/u/m/t", "opcua/v3/u/m/e", "opcua/v3/u/m/f", "opcua/v3/u/d/t", "opcua/v3/u/d/e", "opcua/v3/u/d/f"];

/// What an agent says with a publish, whatever the spelling of its topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// Samplings of data points as JSON: [`crate::decode`] takes it apart.
    TimeSeries,
    /// The agent's own topic, but nothing that can be taken; the message is one rejected value.
    Refused(Finding),
}

/// Reads the topic of a publish of `client_id` in `tenant`.
///
/// The comparison is exact, level by level: an identifier is never part of a pattern.
///
/// # Errors
/// The topic is none of the agent's own.
pub fn message_kind(tenant: &str, client_id: &str, topic: &str) -> Result<MessageKind, Forbidden> {
    if let Some(tail) = own(tenant, client_id, topic).and_then(|below| below.strip_prefix("o/")) {
        return Ok(match tail {
            TIME_SERIES => MessageKind::TimeSeries,
            _ => MessageKind::Refused(refusal(tail, &[TIME_SERIES], &NOT_SERVED)),
        });
    }
    match own_opcua(client_id, topic) {
        Some(tail) => Ok(MessageKind::Refused(refusal(tail, &[], &OPCUA_NOT_SERVED))),
        None => Err(Forbidden { tenant: tenant.to_owned(), client_id: client_id.to_owned() }),
    }
}

/// What follows `tc/<tenant>/<clientId>/` in a topic or filter of that agent.
pub(crate) fn own<'t>(tenant: &str, client_id: &str, topic: &'t str) -> Option<&'t str> {
    let below_tenant = topic.strip_prefix("tc/")?.strip_prefix(tenant)?.strip_prefix('/')?;
    below_tenant.strip_prefix(client_id)?.strip_prefix('/')
}

/// What follows `c/<clientId>/o/` in a topic of that agent.
fn own_opcua<'t>(client_id: &str, topic: &'t str) -> Option<&'t str> {
    topic.strip_prefix("c/")?.strip_prefix(client_id)?.strip_prefix("/o/")
}

fn refusal(tail: &str, served: &[&str], not_served: &[&str]) -> Finding {
    if not_served.contains(&tail) {
        return Finding::of_message(
            Code::NotServed,
            format!("{tail} is known, but this version does not serve it yet."),
        );
    }
    let known = [served, not_served].concat().join(", ");
    Finding::of_message(Code::UnknownTopic, format!("{} is not known; known here are: {known}.", Excerpt(tail)))
}

/// The topic is none that the agent may publish to. Says what it may, and nothing about what else there is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an agent publishes below its own tc/{tenant}/{client_id}/o/ and c/{client_id}/o/ only")]
pub struct Forbidden {
    tenant: String,
    client_id: String,
}
