//! The command line: `dinrail <noun> <verb>`.

mod agent;
mod ca;
mod data;
mod dev;
mod output;
mod serve;
mod session;
mod sim;
mod tenant;
mod token;
mod trace;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::client::{Client, ClientError};
use crate::failure::Failure;
use output::Format;

/// MQTT broker behind mutual TLS that keeps what its agents send.
///
/// Try it: `dinrail dev` starts everything on this machine and prints lines to paste.
/// For good: `dinrail serve --config FILE`.
#[derive(Debug, Parser)]
#[command(name = "dinrail", version, propagate_version = true, max_term_width = 110)]
#[command(
    after_help = "Exit codes: 0 done, 1 the server refused or cannot be reached, 2 the command line or a file is wrong,\n3 `sim` misses something that was acknowledged."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a server for trying things out: own CA, a tenant, a small fleet, everything on loopback
    Dev(dev::DevArgs),
    /// Start a server from a configuration file
    Serve(serve::ServeArgs),
    /// Read a configuration file and say what is wrong with it
    CheckConfig(serve::CheckArgs),
    /// Create and list tenants
    #[command(subcommand)]
    Tenant(tenant::TenantCommand),
    /// Upload, prove and revoke the certificate authorities of a tenant
    #[command(subcommand)]
    Ca(ca::CaCommand),
    /// Issue certificates for agents, and see, revoke or message the agents themselves
    #[command(subcommand)]
    Agent(agent::AgentCommand),
    /// List and show MQTT sessions, and make a client connect again
    #[command(subcommand)]
    Session(session::SessionCommand),
    /// Read what the agents have sent
    #[command(subcommand)]
    Data(data::DataCommand),
    /// Create, list and delete API tokens
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Find out why something does not connect
    #[command(subcommand)]
    Trace(trace::TraceCommand),
    /// Simulate a fleet: agents that connect, publish, measure, and check that what was acknowledged is there
    Sim(Box<sim::SimArgs>),
}

/// Which server, and how to show its answers.
#[derive(Debug, Args)]
struct Target {
    /// Server: `unix:PATH`, or an http(s) URL. By default the server whose `dinrail.sock` is in ./dinrail-dev or /var/lib/dinrail
    #[arg(long, env = "DINRAIL_SERVER", global = true)]
    server: Option<String>,
    /// API token; not needed with `unix:`
    #[arg(long, env = "DINRAIL_TOKEN", global = true, hide_env_values = true)]
    token: Option<String>,
    /// PEM file with the server's CA, for an https URL
    #[arg(long, env = "DINRAIL_SERVER_CA", global = true)]
    server_ca: Option<PathBuf>,
    /// How to show the answer
    #[arg(short, long, value_enum, default_value_t = Format::Table, global = true)]
    output: Format,
}

impl Target {
    fn client(&self) -> Result<Client, ClientError> {
        Client::new(self.server.as_deref(), self.token.clone(), self.server_ca.clone())
    }
}

/// Runs the command.
///
/// Exit codes: 0 done, 1 the server refused or cannot be reached, 2 the command line or a file is wrong.
pub(crate) fn run() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Dev(args) => dev::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::CheckConfig(args) => serve::check(&args),
        Command::Tenant(command) => on_runtime(tenant::run(command)),
        Command::Ca(command) => on_runtime(ca::run(command)),
        Command::Agent(command) => on_runtime(agent::run(command)),
        Command::Session(command) => on_runtime(session::run(command)),
        Command::Data(command) => on_runtime(data::run(command)),
        Command::Token(command) => on_runtime(token::run(command)),
        Command::Trace(command) => on_runtime(trace::run(command)),
        Command::Sim(args) => on_runtime(sim::run(*args)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("dinrail: {error}");
            ExitCode::from(error.code())
        }
    }
}

fn on_runtime(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|cause| Failure::Usage(cause.to_string()))?.block_on(work)
}
