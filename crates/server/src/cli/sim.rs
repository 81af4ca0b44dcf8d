//! `dinrail sim`.

use std::io::IsTerminal;
use std::net::ToSocketAddrs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use mqtt::{QoS, Version};
use rustls::SupportedProtocolVersion;
use rustls::pki_types::ServerName;
use serde_json::{Value, json};

use super::output::{self, Column, Format};
use super::{Failure, Target};
use crate::door::Files;
use crate::sim::{self, Agents, Behaviour, Check, Endpoint, Names, Options, Payload, Report, Tls};

/// Agents where none are counted.
const AGENTS: u32 = 10;

/// Messages under way, at most: packet ids beyond are the simulator's own.
const WINDOW_MAX: i64 = 60_000;

const FIELDS: [Column; 31] = [
    ("agents", "/connect/agents"),
    ("  connected", "/connect/connected"),
    ("  onboarded", "/connect/onboarded"),
    ("connects per second", "/connect/perSecond"),
    ("handshake and CONNACK, us: p50", "/connect/latencyUs/p50"),
    ("  p99", "/connect/latencyUs/p99"),
    ("  max", "/connect/latencyUs/max"),
    ("seconds", "/publish/seconds"),
    ("messages sent", "/publish/sent"),
    ("  acknowledged", "/publish/acknowledged"),
    ("  refused", "/publish/refused"),
    ("  unacknowledged", "/publish/unacknowledged"),
    ("  sent again", "/publish/resent"),
    ("  late", "/publish/late"),
    ("messages per second", "/publish/perSecond"),
    ("acknowledgement, us: p50", "/publish/latencyUs/p50"),
    ("  p90", "/publish/latencyUs/p90"),
    ("  p99", "/publish/latencyUs/p99"),
    ("  p99.9", "/publish/latencyUs/p999"),
    ("  max", "/publish/latencyUs/max"),
    ("messages received", "/received"),
    ("reconnects", "/reconnects"),
    ("CPU us per message: simulator", "/cpu/ownUsPerMessage"),
    ("  broker", "/cpu/brokerUsPerMessage"),
    ("  costs more", "/cpu/costsMore"),
    ("agents checked", "/check/agents"),
    ("  of", "/check/ofAgents"),
    ("acknowledged values looked up", "/check/values"),
    ("  missing", "/check/missing"),
    ("  missing in ledgers", "/check/ledgerMissing"),
    ("  too many to look up", "/check/notLookedUp"),
];

/// Simulate a fleet: agents that connect, publish, measure, and check that what was acknowledged is there
///
/// Beside a running `dinrail dev` it needs no other argument than how many agents and how often:
/// `dinrail sim --agents 100 --rate 1`. docs/sim.md explains what is measured. Exit codes: 0 done, 1 no agent could
/// connect or the check could not be made, 2 the command line is wrong, 3 something acknowledged is missing.
#[derive(Debug, Args)]
// Its --version is MQTT's.
#[command(disable_version_flag = true)]
pub(super) struct SimArgs {
    /// Folder of a `dinrail dev`, whose dev.json says what the command line does not
    #[arg(long, default_value = "dinrail-dev")]
    dev: PathBuf,
    /// MQTT over TLS, as HOST:PORT
    #[arg(long)]
    server: Option<String>,
    /// PEM file with the server's CA
    #[arg(long)]
    server_ca: Option<PathBuf>,
    /// Name to ask for in TLS (SNI) and to verify; the host of --server by default
    #[arg(long)]
    sni: Option<String>,
    /// ALPN protocol to offer, as x-amzn-mqtt-ca on the HTTPS port
    #[arg(long)]
    alpn: Option<String>,
    /// Speak plain TCP, for other brokers on loopback
    #[arg(long, conflicts_with_all = ["tls", "ca", "agents_folder"])]
    plain: bool,
    /// TLS version; the best that both sides know by default
    #[arg(long, value_enum)]
    tls: Option<TlsVersion>,
    /// PEM file of the tenant's CA, with which the agents' certificates are made in memory
    #[arg(long, requires = "ca_key", conflicts_with = "agents_folder")]
    ca: Option<PathBuf>,
    /// PEM file of the CA's private key
    #[arg(long, requires = "ca")]
    ca_key: Option<PathBuf>,
    /// Folder with the agents' certificates and keys, NAME.pem beside NAME.key
    #[arg(long)]
    agents_folder: Option<PathBuf>,
    /// Tenant id
    #[arg(long)]
    tenant: Option<String>,
    /// How many agents; 10 by default, or all of --agents-folder
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    agents: Option<u32>,
    /// Client ids; {cn} is sim-00001 and so on, or the NAME of a file
    #[arg(long, default_value = "{tenant}_{cn}")]
    client_id: String,
    /// Topic to publish to
    #[arg(long, default_value = "tc/{tenant}/{client_id}/o/mc_v3/ts")]
    topic: String,
    /// What to subscribe to: none, own (the agent's i/#), or a filter with {client_id}
    #[arg(long, default_value = "none")]
    subscribe: String,
    /// Messages per second of each agent, as 0.1; 0 is as fast as the window allows
    #[arg(long, default_value_t = 1.0)]
    rate: f64,
    /// QoS of the messages
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=2))]
    qos: u8,
    /// Messages of an agent that may wait for their acknowledgement
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=WINDOW_MAX))]
    window: u16,
    /// Values in a message, each of a data point of its own: sim-1, sim-2, ...
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    values: u32,
    /// Bytes of a message that is no time series; needs --topic, or the server rejects it
    #[arg(long, conflicts_with = "values")]
    raw: Option<usize>,
    /// Connections per second, reconnects too; 0 is no limit
    #[arg(long, default_value_t = 500.0)]
    connect_rate: f64,
    /// MQTT version
    #[arg(long, value_enum, default_value_t = MqttVersion::V311)]
    version: MqttVersion,
    /// Begin every connection with a new session (the default)
    #[arg(long, conflicts_with = "persistent")]
    clean: bool,
    /// Keep sessions over reconnects
    #[arg(long)]
    persistent: bool,
    /// How long to publish, as 30s, 5m or 1h
    #[arg(long = "for", default_value = "30s", value_parser = duration)]
    time: Duration,
    /// Threads that agents run on
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: u16,
    /// Process id of the broker, to tell its CPU time per message
    #[arg(long)]
    broker_pid: Option<u32>,
    /// API of dinrail, `unix:PATH` or an http(s) URL, to read back what was acknowledged; that of dev.json by default
    #[arg(long)]
    check: Option<String>,
    /// Token for --check
    #[arg(long, env = "DINRAIL_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Check every agent, not only a random hundred
    #[arg(long, conflicts_with = "no_check")]
    check_all: bool,
    /// Check nothing
    #[arg(long, conflicts_with = "check")]
    no_check: bool,
    /// Write the report to this file, as JSON
    #[arg(long)]
    report: Option<PathBuf>,
    /// How to show the report
    #[arg(short, long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TlsVersion {
    #[value(name = "1.2")]
    V12,
    #[value(name = "1.3")]
    V13,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum MqttVersion {
    #[value(name = "3.1.1")]
    V311,
    #[value(name = "5")]
    V5,
}

pub(super) async fn run(args: SimArgs) -> Result<(), Failure> {
    let (report_file, format) = (args.report.clone(), args.output);
    let report = sim::run(options(args)?).await?;
    let value = serde_json::to_value(&report).map_err(|cause| Failure::Usage(cause.to_string()))?;
    if let Some(path) = &report_file {
        output::write_whole(path, &format!("{value:#}\n")).map_err(|cause| Failure::file(path, cause))?;
    }
    show(format, &value);
    verdict(&report)
}

fn show(format: Format, report: &Value) {
    let is_told = |(_, pointer): &Column| report.pointer(pointer).is_some_and(|value| !value.is_null());
    let told: Vec<Column> = FIELDS.into_iter().filter(is_told).collect();
    output::one(format, report, &told);
    if format == Format::Table {
        for (name, errors) in report["errors"].as_object().into_iter().flatten() {
            output::print(&format!("error {name}: {} ({})", errors["count"], errors["first"].as_str().unwrap_or("")));
        }
    }
}

fn verdict(report: &Report) -> Result<(), Failure> {
    let Some(checked) = report.checked().filter(|checked| checked.missing + checked.ledger_missing > 0) else {
        return Ok(());
    };
    Err(Failure::Missing(format!(
        "{} acknowledged values are missing, and {} in ledgers",
        checked.missing, checked.ledger_missing
    )))
}

/// What the command line says, and where it does not, dev.json.
fn options(args: SimArgs) -> Result<Options, Failure> {
    let dev = Dev::read(&args.dev);
    let server = args.server.clone().or_else(|| dev.server());
    let server = server.ok_or_else(|| {
        let path = args.dev.join("dev.json");
        Failure::Usage(format!("name a server with --server HOST:PORT; there is no {}", path.display()))
    })?;
    // What belongs to dev's server is taken from it only if that is the server.
    let dev = if args.server.is_some() { Dev::default() } else { dev };
    let tenant = args.tenant.clone().or_else(|| dev.text("/tenant"));
    let needs_tenant = [&args.client_id, &args.topic, &args.subscribe].iter().any(|name| name.contains("{tenant}"));
    if tenant.is_none() && needs_tenant {
        return Err(Failure::Usage("name the agents' tenant with --tenant".into()));
    }
    Ok(Options {
        endpoint: endpoint(&server, args.sni.as_deref())?,
        behaviour: behaviour(&args)?,
        tenant: tenant.unwrap_or_default(),
        agents: agents(&args, &dev)?,
        payload: args.raw.map_or(Payload::Values(args.values), Payload::Raw),
        connect_rate: args.connect_rate,
        threads: args.threads.into(),
        time: args.time,
        broker_pid: args.broker_pid,
        check: check(&args, &dev)?,
        tells: std::io::stderr().is_terminal(),
        shown: shown(&args, &server),
        names: Names {
            filter: match args.subscribe.as_str() {
                "none" => None,
                "own" => Some("tc/{tenant}/{client_id}/i/#".to_owned()),
                _ => Some(args.subscribe),
            },
            client_id: args.client_id,
            topic: args.topic,
        },
    })
}

/// What a report says of the command line: all that decides what is measured.
fn shown(args: &SimArgs, server: &str) -> Value {
    json!({
        "server": server,
        "tls": match args.tls {
            _ if args.plain => None,
            None => Some("best"),
            Some(TlsVersion::V12) => Some("1.2"),
            Some(TlsVersion::V13) => Some("1.3"),
        },
        "version": if args.version == MqttVersion::V5 { "5" } else { "3.1.1" },
        "rate": args.rate,
        "qos": args.qos,
        "window": args.window,
        "values": if args.raw.is_some() { None } else { Some(args.values) },
        "raw": args.raw,
        "connectRate": args.connect_rate,
        "subscribe": args.subscribe,
        "persistent": args.persistent,
        "seconds": args.time.as_secs_f64(),
        "threads": args.threads,
    })
}

fn endpoint(server: &str, sni: Option<&str>) -> Result<Endpoint, Failure> {
    let wrong = |cause: &dyn std::fmt::Display| Failure::Usage(format!("--server {server}: {cause}"));
    let addresses: Vec<_> = server.to_socket_addrs().map_err(|cause| wrong(&cause))?.collect();
    let host = server.rsplit_once(':').map_or(server, |(host, _)| host).trim_matches(['[', ']']);
    let name = ServerName::try_from(sni.unwrap_or(host).to_owned()).map_err(|cause| wrong(&cause))?;
    Ok(Endpoint { addresses, name })
}

fn behaviour(args: &SimArgs) -> Result<Behaviour, Failure> {
    for (name, rate) in [("--rate", args.rate), ("--connect-rate", args.connect_rate)] {
        // Slower than once a day is a mistake, and a period that is too long for a clock.
        if rate != 0.0 && !(1e-5..=1e9).contains(&rate) {
            return Err(Failure::Usage(format!("{name} is 0, or 0.00001 to 1000000000")));
        }
    }
    Ok(Behaviour {
        version: if args.version == MqttVersion::V5 { Version::V5 } else { Version::V311 },
        qos: QoS::try_from(args.qos).map_err(|cause| Failure::Usage(format!("--qos: {cause}")))?,
        window: args.window,
        period: (args.rate > 0.0).then(|| Duration::from_secs_f64(1.0 / args.rate)),
        clean: !args.persistent,
    })
}

fn agents(args: &SimArgs, dev: &Dev) -> Result<Agents, Failure> {
    let count = args.agents.unwrap_or(AGENTS) as usize;
    if args.plain {
        return Ok(Agents::Plain { count });
    }
    let server_ca = args.server_ca.clone().or_else(|| dev.text("/server_ca").map(PathBuf::from));
    let server_ca = server_ca.ok_or_else(|| Failure::Usage("name the server's CA with --server-ca".into()))?;
    let versions: &[&'static SupportedProtocolVersion] = match args.tls {
        None => rustls::ALL_VERSIONS,
        Some(TlsVersion::V12) => &[&rustls::version::TLS12],
        Some(TlsVersion::V13) => &[&rustls::version::TLS13],
    };
    let tls = Tls::new(&server_ca, versions, args.alpn.as_deref())?;
    if let Some(folder) = args.agents_folder.clone() {
        return Ok(Agents::Found { tls, folder, count: args.agents.map(|count| count as usize) });
    }
    let ca = match (&args.ca, &args.ca_key) {
        (Some(certificate), Some(key)) => Files { certificate: certificate.clone(), key: key.clone() },
        _ => dev.ca().ok_or_else(|| {
            Failure::Usage("give the tenant's CA with --ca and --ca-key, or agents with --agents-folder".into())
        })?,
    };
    Ok(Agents::Issued { tls, ca, count })
}

fn check(args: &SimArgs, dev: &Dev) -> Result<Option<Check>, Failure> {
    if args.no_check || (args.raw.is_some() && args.check.is_none()) {
        return Ok(None);
    }
    if args.raw.is_some() || args.qos == 0 {
        return match args.check {
            Some(_) => Err(Failure::Usage("--check needs acknowledged time series: no --raw, and QoS 1 or 2".into())),
            None => Ok(None),
        };
    }
    let (server, token) = match &args.check {
        Some(url) => (Some(url.clone()), args.token.clone()),
        None => (dev.text("/api/url"), dev.text("/api/token")),
    };
    let Some(server) = server else { return Ok(None) };
    let target = Target { server: Some(server), token, server_ca: args.server_ca.clone(), output: Format::Json };
    Ok(Some(Check { client: target.client()?, all: args.check_all }))
}

/// dev.json of a `dinrail dev`.
#[derive(Default)]
struct Dev {
    folder: PathBuf,
    json: Value,
}

impl Dev {
    fn read(folder: &Path) -> Dev {
        let text = std::fs::read_to_string(folder.join("dev.json")).unwrap_or_default();
        Dev { folder: folder.to_owned(), json: serde_json::from_str(&text).unwrap_or_default() }
    }

    fn text(&self, pointer: &str) -> Option<String> {
        self.json.pointer(pointer)?.as_str().map(str::to_owned)
    }

    fn server(&self) -> Option<String> {
        Some(format!("{}:{}", self.text("/mqtts/host")?, self.json.pointer("/mqtts/port")?.as_u64()?))
    }

    /// The demo tenant's CA.
    fn ca(&self) -> Option<Files> {
        self.json
            .is_object()
            .then(|| Files { certificate: self.folder.join("demo-ca.pem"), key: self.folder.join("demo-ca.key") })
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        _ => return Err("a number with ms, s, m or h, as 30s".to_owned()),
    };
    let number: f64 = number.parse().map_err(|_| "a number with ms, s, m or h, as 30s".to_owned())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|cause| cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_numbers_with_a_unit() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        for wrong in ["30", "s", "1d", "1.2.3s", "-1s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
