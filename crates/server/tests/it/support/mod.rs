//! What every test uses: servers, agents, clients.

mod agent;
mod api;
mod client;
mod server;

pub use agent::{Agent, make_ca, openssl, own_tenant, prove, sample, samples};
pub use api::Api;
pub use client::{Client, Hello, Reply, Way};
pub use server::{DINRAIL, Dev, PATIENCE, Serve, failure, output, wait_for};

/// A folder that is removed afterwards.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}
