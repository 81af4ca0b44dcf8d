//! Commands for those who work on dinrail: `cargo xtask <command>`.

mod bench;
mod clients;
mod run;
mod tidy;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use clap::{Parser, Subcommand};

use run::{Failed, run};

/// Commands for those who work on dinrail.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Build dinrail and start `dinrail dev`; further arguments go to it
    Dev {
        /// As `--fleet 0` or `--ports auto`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Install what the tests need, check the house, run every test
    Test {
        /// Only tests whose name contains this
        filter: Option<String>,
    },
    /// All of `test`, and licences and sources of dependencies (cargo-deny is installed if it is missing)
    Ci,
    /// Check the house: formatting, lints, who knows whom, a module doc in each file, the map
    Tidy,
    /// Install the clients that the tests drive: mosquitto's (apt) and paho-mqtt's (pip)
    Clients,
    /// Measure dinrail beside mosquitto, and write the table into docs/benchmarks.md
    Bench(bench::Options),
    /// Write the committed documents that are generated: the OpenAPI document, and who may call what
    Documents,
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Task::Dev { arguments } => dev(&arguments),
        Task::Test { filter } => test(filter.as_deref()),
        Task::Ci => deny().and_then(|()| test(None)),
        Task::Tidy => tidy::check(),
        Task::Clients => clients::install(),
        Task::Bench(options) => bench::run(&options),
        Task::Documents => documents(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed(reason)) => {
            eprintln!("xtask: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn dev(arguments: &[String]) -> Result<(), Failed> {
    run(Command::new(release()?).arg("dev").args(arguments))
}

/// Builds dinrail as it is released, and says where it is.
fn release() -> Result<PathBuf, Failed> {
    run(cargo().args(["build", "--release", "--package", "dinrail"]))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    Ok(target.join("release/dinrail"))
}

fn test(filter: Option<&str>) -> Result<(), Failed> {
    clients::install()?;
    tidy::check()?;
    run(cargo().args(["test", "--workspace", "--no-fail-fast"]).args(filter))
}

fn deny() -> Result<(), Failed> {
    if run(cargo().args(["deny", "--version"])).is_err() {
        run(cargo().args(["install", "--locked", "cargo-deny"]))?;
    }
    // Advisories need a database from the network; they are checked where there is one.
    run(cargo().args(["deny", "check", "bans", "licenses", "sources"]))
}

fn documents() -> Result<(), Failed> {
    let mut test = cargo();
    test.args(["test", "--package", "dinrail", "--test", "it", "--", "documents", "authorisation"]);
    run(test.env("DINRAIL_WRITE_DOCUMENTS", "1"))
}

fn cargo() -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(root());
    cargo
}

/// The workspace's folder.
fn root() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    folder.parent().map_or(folder.clone(), PathBuf::from)
}
