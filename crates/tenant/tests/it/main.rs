//! What a tenant does with its records, a file a behaviour.
#![allow(clippy::unwrap_used)]

mod authorities;
mod bed;
mod checkpoints;
mod connections;
mod creation;
mod diagnostics;
mod exactly_once;
mod messages_to_agents;
mod model;
mod onboarding;
mod operations;
mod pki;
mod publishing;
mod random_records;
mod record_format;
mod rejects;
mod revocation;
mod sealing;
mod time;
