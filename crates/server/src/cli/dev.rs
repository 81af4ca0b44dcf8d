//! `dinrail dev`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Failure, serve};
use crate::dev::{self, Options};

/// Start a server for trying things out: own CA, a tenant, a small fleet, everything on loopback
#[derive(Debug, Args)]
pub(super) struct DevArgs {
    /// Folder for data, keys and certificates; a second start goes on with it
    #[arg(long, default_value = "dinrail-dev")]
    data: PathBuf,
    /// Agents of the built-in fleet, each publishing once a second
    #[arg(long, default_value_t = 3)]
    fleet: usize,
    /// Ports: 8883, 8443 and 8080, or free ones
    #[arg(long, value_enum, default_value_t = Ports::Default)]
    ports: Ports,
}

/// Which ports to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Ports {
    /// MQTT on 8883, HTTPS on 8443, HTTP on 8080
    Default,
    /// Whatever is free; DIR/dev.json says which
    Auto,
}

pub(super) fn run(args: &DevArgs) -> Result<(), Failure> {
    serve::start_log();
    let ports = match args.ports {
        Ports::Default => [8883, 8443, 8080],
        Ports::Auto => [0; 3],
    };
    // dev.json is read by programs that run elsewhere.
    let folder = std::path::absolute(&args.data).map_err(|cause| Failure::file(&args.data, cause))?;
    dev::run(&Options { folder, fleet: args.fleet, ports })
}
