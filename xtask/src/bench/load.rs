//! The loads: what `dinrail sim` is asked to do to a broker, and what of its report is kept.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::broker::{Broker, Kind, interrupt};
use crate::run::{Failed, output};

/// The core of the simulator, beside the broker's.
const CORE: &str = "1";

/// Connections whose CPU time is counted together: the kernel counts in 10 ms.
const CONNECTIONS: usize = 2000;

/// Connections a second: what both brokers can do without a queue, whose length would be measured otherwise.
const CONNECT_RATE: &str = "500";

/// Connections whose memory is counted.
const IDLE: usize = 5000;

/// How long idle connections may take to be there.
const IDLE_PATIENCE: Duration = Duration::from_secs(60);

/// Between the last connection, or the start, and a look at the memory: subscriptions come after connections.
const SETTLE: Duration = Duration::from_secs(2);

/// A rate at which nothing is published within minutes.
const NEVER: [&str; 2] = ["--rate", "0.00002"];

/// What is done to a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// Messages per second of an agent, 0 without a limit; messages under way; values in a message to dinrail; bytes of
    /// one to mosquitto.
    Publish {
        rate: u32,
        window: u32,
        values: u32,
        raw: u32,
    },
    Connect,
    Idle,
    Kill,
}

/// A load with its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) name: &'static str,
    pub(super) does: &'static str,
    pub(super) work: Work,
}

/// All loads. A time series message of one value has 129 bytes, one of 20 values about 1240.
pub(super) const LOADS: [Load; 7] = [
    Load {
        name: "ingest_w20",
        does: "50 agents, as fast as 20 messages under way allow, one value in each",
        work: Work::Publish { rate: 0, window: 20, values: 1, raw: 256 },
    },
    Load {
        name: "ingest_w1",
        does: "the same with one message under way",
        work: Work::Publish { rate: 0, window: 1, values: 1, raw: 256 },
    },
    Load {
        name: "rate5k",
        does: "50 agents, 100 messages a second each",
        work: Work::Publish { rate: 100, window: 20, values: 1, raw: 256 },
    },
    Load {
        name: "ingest_ts_20",
        does: "as ingest_w20, with 20 values in each message (mosquitto: 1200 bytes)",
        work: Work::Publish { rate: 0, window: 20, values: 20, raw: 1200 },
    },
    Load {
        name: "connect",
        does: "2000 known agents connect, 500 a second, and disconnect: handshake, CONNECT, DISCONNECT",
        work: Work::Connect,
    },
    Load {
        name: "idle_5000",
        does: "5000 agents, each with a persistent session and a subscription",
        work: Work::Idle,
    },
    Load { name: "durable_kill", does: "rate5k, and kill -9 of the broker in the middle of it", work: Work::Kill },
];

impl Load {
    /// Whether a broker has something to do here: mosquitto without a store keeps nothing over kill -9.
    pub(super) fn is_for(&self, kind: Kind) -> bool {
        self.work != Work::Kill || kind == Kind::Dinrail
    }
}

/// What one run has measured; what a load does not measure is None.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Figures {
    pub(super) cpu_us: Option<f64>,
    pub(super) per_second: Option<f64>,
    pub(super) p50_us: Option<f64>,
    pub(super) p99_us: Option<f64>,
    /// Resident memory per connection.
    pub(super) memory_kb: Option<f64>,
    /// Acknowledged messages, and how many of their values were not there afterwards.
    pub(super) kept: Option<(u64, u64)>,
}

/// Runs a load of so many seconds against a broker.
pub(super) fn run(load: &Load, program: &Path, broker: &mut Broker, seconds: u32) -> Result<Figures, Failed> {
    match load.work {
        Work::Publish { rate, window, values, raw } => {
            let mut sim = sim(program, broker);
            sim.args(["--rate", &rate.to_string(), "--window", &window.to_string()]);
            match broker.kind {
                Kind::Dinrail => sim.args(["--values", &values.to_string()]),
                Kind::Mosquitto => sim.args(["--raw", &raw.to_string()]),
            };
            publish(&mut sim, broker, seconds)
        }
        Work::Connect => connect(program, broker),
        Work::Idle => idle(program, broker),
        Work::Kill => kill(program, broker, seconds),
    }
}

fn publish(sim: &mut Command, broker: &Broker, seconds: u32) -> Result<Figures, Failed> {
    sim.args(["--agents", "50", "--no-check", "--for", &format!("{seconds}s")]);
    let report = report(&output(sim.args(["--broker-pid", &broker.pid().to_string()]))?)?;
    expect_all(&report)?;
    Ok(Figures {
        cpu_us: number(&report, "/cpu/brokerUsPerMessage"),
        per_second: number(&report, "/publish/perSecond"),
        p50_us: number(&report, "/publish/latencyUs/p50"),
        p99_us: number(&report, "/publish/latencyUs/p99"),
        ..Figures::default()
    })
}

/// The first round is not measured: dinrail closes the first connection of an agent when it has onboarded it.
fn connect(program: &Path, broker: &Broker) -> Result<Figures, Failed> {
    let round = |rate: &str| {
        let mut sim = sim(program, broker);
        sim.args(NEVER).args(["--agents", &CONNECTIONS.to_string(), "--connect-rate", rate]);
        report(&output(sim.args(["--no-check", "--for", "0s"]))?)
    };
    round("0")?;
    sleep(SETTLE);
    let before = broker.cpu_seconds()?;
    let report = round(CONNECT_RATE)?;
    let used = broker.cpu_seconds()? - before;
    expect_all(&report)?;
    Ok(Figures {
        cpu_us: Some(used * 1e6 / CONNECTIONS as f64),
        p50_us: number(&report, "/connect/latencyUs/p50"),
        p99_us: number(&report, "/connect/latencyUs/p99"),
        ..Figures::default()
    })
}

fn idle(program: &Path, broker: &Broker) -> Result<Figures, Failed> {
    sleep(SETTLE);
    let (files, before) = (broker.open_files()?, broker.resident_kb()?);
    let mut sim = sim(program, broker);
    let filter = if broker.kind == Kind::Dinrail { "own" } else { "bench/{client_id}/i/#" };
    sim.args(NEVER).args(["--agents", &IDLE.to_string(), "--persistent", "--subscribe", filter, "--connect-rate", "0"]);
    sim.args(["--no-check", "--for", "1h"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let sim = sim.spawn().map_err(|cause| Failed(format!("taskset: {cause}")))?;
    let begin = Instant::now();
    while broker.open_files()? < files + IDLE && begin.elapsed() < IDLE_PATIENCE {
        sleep(Duration::from_millis(100));
    }
    sleep(SETTLE);
    let after = broker.resident_kb();
    interrupt(sim.id())?;
    let ended = sim.wait_with_output().map_err(|cause| Failed(format!("dinrail sim: {cause}")))?;
    expect_all(&report(&String::from_utf8_lossy(&ended.stdout))?)?;
    Ok(Figures { memory_kb: Some((after? - before) / IDLE as f64), ..Figures::default() })
}

fn kill(program: &Path, broker: &mut Broker, seconds: u32) -> Result<Figures, Failed> {
    let mut sim = sim(program, broker);
    sim.args(["--agents", "50", "--rate", "100", "--for", &format!("{seconds}s"), "--check-all", "--check"]);
    sim.arg(format!("unix:{}", broker.folder.join("dinrail.sock").display()));
    let sim = sim.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let sim = sim.map_err(|cause| Failed(format!("taskset: {cause}")))?;
    sleep(Duration::from_secs(seconds.into()) / 2);
    let killed = broker.kill_and_serve(program);
    let ended = sim.wait_with_output().map_err(|cause| Failed(format!("dinrail sim: {cause}")))?;
    killed?;
    let report = report(&String::from_utf8_lossy(&ended.stdout))
        .map_err(|Failed(reason)| Failed(format!("{reason}: {}", String::from_utf8_lossy(&ended.stderr))))?;
    let count = |pointer: &str| report.pointer(pointer).and_then(Value::as_u64);
    if count("/reconnects").is_none_or(|reconnects| reconnects == 0) {
        return Err(Failed(format!("the kill came when nobody was connected: {report}")));
    }
    let kept = count("/publish/acknowledged").zip(count("/check/missing"));
    Ok(Figures {
        kept: Some(kept.ok_or_else(|| Failed(format!("nothing was checked: {report}")))?),
        ..Figures::default()
    })
}

/// The simulator, with all that says where the broker is and who the agents are.
fn sim(program: &Path, broker: &Broker) -> Command {
    let folder = &broker.folder;
    let mut sim = Command::new("taskset");
    sim.args(["--cpu-list", CORE]).arg(program).args(["sim", "--tls", "1.3", "-o", "json"]);
    sim.env_remove("DINRAIL_TOKEN").arg("--dev").arg(folder);
    if broker.kind == Kind::Mosquitto {
        sim.args(["--server", &format!("127.0.0.1:{}", broker.port), "--sni", "localhost"]);
        sim.arg("--server-ca").arg(folder.join("pki/server-ca.pem"));
        sim.arg("--ca").arg(folder.join("demo-ca.pem")).arg("--ca-key").arg(folder.join("demo-ca.key"));
        sim.args(["--client-id", "{cn}", "--topic", "bench/{cn}"]);
    }
    sim
}

fn report(text: &str) -> Result<Value, Failed> {
    serde_json::from_str(text).map_err(|cause| Failed(format!("the simulator's report: {cause}")))
}

/// A fleet that is not whole, or had failures, has measured something else.
fn expect_all(report: &Value) -> Result<(), Failed> {
    let connect = &report["connect"];
    let has_failed = report["errors"].as_object().is_none_or(|errors| !errors.is_empty());
    if has_failed || connect["connected"] != connect["agents"] {
        return Err(Failed(format!("the fleet had failures: {} {}", report["connect"], report["errors"])));
    }
    Ok(())
}

fn number(report: &Value, pointer: &str) -> Option<f64> {
    report.pointer(pointer).and_then(Value::as_f64)
}
