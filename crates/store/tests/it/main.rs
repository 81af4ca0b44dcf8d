//! What a store promises, a file a subject; and what SQLite adds to that.
#![allow(clippy::unwrap_used)]

mod audit_and_rejects;
mod bed;
mod chunks;
mod folding;
mod images;
mod messages;
mod model;
mod pruning;
mod refusals;
mod series;
mod sizes;
mod sqlite;
mod tenants;
mod tokens;
