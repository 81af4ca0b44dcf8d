//! What an agent may subscribe to, and the topics on which it is spoken to.

use crate::topic::own;

/// Below the agent's own `o/`: the vendor's page prints the progress of an instantiation there, so it may be asked for.
const PROGRESS_AS_PRINTED: &str = "amo_v3/ip";

/// Whether an agent may subscribe to a filter, which is taken to be a valid one.
///
/// For `acme_pump7` of `acme`:
/// `tc/acme/acme_pump7/i/#`, `…/i/+/c`, `…/i/mc_v3/d` and exactly `…/o/amo_v3/ip`: yes.
/// `tc/acme/acme_pump7/#`, `tc/acme/acme_pump7/+/mc_v3/d`, `tc/acme/+/i/#`, `#`, `…/o/amo_v3/#`: no.
/// `…/i` alone: no; nothing is ever sent there.
pub fn may_subscribe(tenant: &str, client_id: &str, filter: &str) -> bool {
    match own(tenant, client_id, filter) {
        Some(below) => below.starts_with("i/") || below.strip_prefix("o/") == Some(PROGRESS_AS_PRINTED),
        None => false,
    }
}

/// The topic on which an agent is sent something: `tail` is `<app>_<version>/<sub>`.
pub fn inbound_topic(tenant: &str, client_id: &str, tail: &str) -> String {
    format!("tc/{tenant}/{client_id}/i/{tail}")
}

/// The topic on which an agent is told what became of its messages.
pub fn diagnostics_topic(tenant: &str, client_id: &str) -> String {
    inbound_topic(tenant, client_id, "mc_v3/d")
}
