//! dinrail: an MQTT broker behind mutual TLS that keeps what its agents send, in one binary.

mod blackbox;
mod certificates;
mod cli;
mod client;
mod clock;
mod config;
mod connection;
mod dev;
mod door;
mod engine;
mod failure;
mod housekeeping;
mod http;
mod issuing;
mod metrics;
mod network;
mod output;
mod server;
mod sim;
mod snippets;
mod trace;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
