//! `dinrail serve` and `dinrail check-config`.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use tracing_subscriber::EnvFilter;

use super::{Failure, output};
use crate::config::Config;
use crate::server::{Addresses, Server};

/// Start a server from a configuration file
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// TOML file; docs/configuration.md has every key
    #[arg(long, env = "DINRAIL_CONFIG")]
    config: PathBuf,
    /// Write the ports that were taken to this file, as JSON, once the server listens; for ports set to 0
    #[arg(long)]
    ports_file: Option<PathBuf>,
}

/// Read a configuration file and say what is wrong with it
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// TOML file
    #[arg(long, env = "DINRAIL_CONFIG")]
    config: PathBuf,
}

pub(super) fn run(args: &ServeArgs) -> Result<(), Failure> {
    start_log();
    let config = read(&args.config)?;
    let server = Server::start(&config)?;
    if let Some(path) = &args.ports_file {
        write_ports(path, &server.addresses)?;
    }
    server.wait_for_signal().map_err(|cause| Failure::Usage(cause.to_string()))?;
    server.stop();
    Ok(())
}

pub(super) fn check(args: &CheckArgs) -> Result<(), Failure> {
    let config = read(&args.config)?;
    for host in config.hosts.iter().filter_map(|host| host.files.as_ref()) {
        host.load(&crate::door::provider()).map_err(|cause| Failure::Usage(cause.to_string()))?;
    }
    output::print(&format!("{} can be used", args.config.display()));
    Ok(())
}

fn read(path: &Path) -> Result<Config, Failure> {
    Config::read(path).map_err(|error| Failure::Usage(error.to_string()))
}

fn write_ports(path: &Path, addresses: &Addresses) -> Result<(), Failure> {
    let ports = json!({
        "mqtts": addresses.mqtts.port(),
        "https": addresses.https.port(),
        "socket": addresses.socket,
    });
    output::write_whole(path, &ports.to_string()).map_err(|cause| Failure::file(path, cause))
}

/// Log lines go to stderr: readable on a terminal, JSON otherwise. `DINRAIL_LOG` filters them, as `debug` or `dinrail=warn`.
pub(super) fn start_log() {
    let filter = EnvFilter::try_from_env("DINRAIL_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        log.with_target(false).compact().init();
    } else {
        log.json().flatten_event(true).with_target(false).init();
    }
}
