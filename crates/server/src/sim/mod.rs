//! `dinrail sim`: a fleet of agents that connect, publish and measure, against this server or any other MQTT broker;
//! and afterwards the question whether all that was acknowledged is there.
//!
//! The client is its own, over the codec of the `mqtt` crate: a simulator must cost less than what it measures.

mod agent;
mod check;
mod connection;
mod cpu;
mod credentials;
mod fault;
mod fleet;
mod outbox;
mod report;
mod source;
mod tally;
mod wire;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::MissedTickBehavior;

use crate::clock;
use crate::door::{self, Files};
use crate::failure::Failure;
use check::Checker;
use credentials::Mint;
use fleet::Fleet;
use report::{Connects, Cpu, Percentiles, Publishes};
use tally::Tally;

pub(crate) use agent::{Agent, Profile, Shared};
pub(crate) use check::Check;
pub(crate) use connection::{Behaviour, Endpoint, Gate};
pub(crate) use credentials::Tls;
pub(crate) use report::Report;
pub(crate) use source::Source;

/// Open files beside the agents' sockets: those of the runtimes, the API, and what the process was started with.
const FILES_BESIDE: u64 = 100;

/// How often it is looked whether all agents have tried to connect.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What to do.
pub(crate) struct Options {
    pub(crate) endpoint: Endpoint,
    pub(crate) behaviour: Behaviour,
    pub(crate) tenant: String,
    pub(crate) names: Names,
    pub(crate) agents: Agents,
    pub(crate) payload: Payload,
    /// Connections a second; 0 is no limit.
    pub(crate) connect_rate: f64,
    pub(crate) threads: usize,
    /// How long to publish.
    pub(crate) time: Duration,
    pub(crate) broker_pid: Option<u32>,
    pub(crate) check: Option<Check>,
    /// Tell on stderr every second what happens.
    pub(crate) tells: bool,
    /// The options as the report shows them.
    pub(crate) shown: Value,
}

/// Templates, in which `{tenant}`, `{cn}` and `{client_id}` are replaced.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) client_id: String,
    pub(crate) topic: String,
    pub(crate) filter: Option<String>,
}

/// Which agents.
pub(crate) enum Agents {
    /// So many, with certificates that are made here.
    Issued { tls: Tls, ca: Files, count: usize },
    /// Those whose certificates are in a folder; the first so many, or all.
    Found { tls: Tls, folder: PathBuf, count: Option<usize> },
    /// So many, without TLS.
    Plain { count: usize },
}

/// What messages are made of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Payload {
    /// A time series message with so many values.
    Values(u32),
    /// So many bytes.
    Raw(usize),
}

impl Payload {
    fn source(self, agent: u32) -> Box<dyn Source> {
        match self {
            Payload::Values(values) => Box::new(source::TimeSeries::new(agent, values)),
            Payload::Raw(size) => Box::new(source::Raw(size)),
        }
    }

    fn values(self) -> Option<u32> {
        match self {
            Payload::Values(values) => Some(values),
            Payload::Raw(_) => None,
        }
    }
}

/// Runs a fleet from its first connect to the check.
///
/// # Errors
/// Agents that cannot be made, none that could connect, a check that could not be made. What a check has found missing
/// is in the report.
pub(crate) async fn run(options: Options) -> Result<Report, Failure> {
    let mut profiles = profiles(&options)?;
    raise_limit(profiles.len())?;
    let Options { endpoint, behaviour, payload, check, broker_pid, .. } = options;
    let client_ids: Vec<_> = profiles.iter().map(|profile| profile.client_id.clone()).collect();
    let checker = match (check, payload.values()) {
        (Some(check), Some(values)) => Some(Checker::begin(check, &client_ids, values).await?),
        _ => None,
    };
    if let Some(checker) = &checker {
        profiles.iter_mut().for_each(|profile| profile.kept_max = checker.kept_max(&profile.client_id));
    }

    let started_at = ingest::format_time(clock::now_us());
    let fleet = Fleet::start(&Arc::new(endpoint), &behaviour, options.connect_rate, options.threads, profiles)?;
    let mut watch = Watch::new(fleet, options.tells)?;
    let connects = watch.connect(client_ids.len()).await;
    if connects.connected == 0 {
        let (_, last) = watch.fleet.end();
        watch.total.add(last);
        return Err(not_connected(&watch.total, client_ids.len()));
    }

    let has_acknowledgements = behaviour.qos > mqtt::QoS::AtMostOnce;
    let before = [cpu::seconds(None), broker_pid.and_then(|pid| cpu::seconds(Some(pid)))];
    let publishing = Instant::now();
    watch.publish(options.time).await;
    let seconds = publishing.elapsed().as_secs_f64();
    let after = [cpu::seconds(None), broker_pid.and_then(|pid| cpu::seconds(Some(pid)))];
    let counts = watch.total.counts;
    let messages = if has_acknowledgements { counts.acknowledged } else { counts.sent };
    let [own, broker] = [0, 1].map(|index| after[index].zip(before[index]).map(|(after, before)| after - before));

    let (finished, last) = watch.fleet.end();
    let mut total = watch.total;
    total.add(last);
    let checked = match &checker {
        Some(checker) => tokio::select! {
            checked = checker.finish(&finished) => Some(checked?),
            _ = watch.interrupt.recv() => return Err(Failure::Usage("the check was interrupted".into())),
        },
        None => None,
    };
    Ok(Report {
        version: env!("CARGO_PKG_VERSION"),
        started_at,
        options: options.shown,
        connect: connects,
        publish: Publishes::of(seconds, messages, payload.values(), &total, has_acknowledgements),
        reconnects: total.counts.reconnected,
        received: total.counts.received,
        errors: report::errors(&total),
        cpu: Cpu::of(own, broker, messages),
        check: checked,
    })
}

/// Who looks at a running fleet.
struct Watch {
    fleet: Fleet,
    total: Tally,
    started: Instant,
    tells: bool,
    /// Ctrl-C: no more messages, and the report of those that were sent.
    interrupt: Signal,
    is_interrupted: bool,
}

impl Watch {
    fn new(fleet: Fleet, tells: bool) -> Result<Watch, Failure> {
        let interrupt = signal(SignalKind::interrupt()).map_err(|cause| Failure::Usage(cause.to_string()))?;
        Ok(Watch { fleet, total: Tally::new(), started: Instant::now(), tells, interrupt, is_interrupted: false })
    }

    /// Until every agent has connected, or has failed to once.
    async fn connect(&mut self, agents: usize) -> Connects {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut told = Instant::now();
        let mut since = Tally::new();
        while !self.is_interrupted && self.total.counts.settled + since.counts.settled < agents as u64 {
            tokio::select! {
                _ = look.tick() => {}
                _ = self.interrupt.recv() => self.is_interrupted = true,
            }
            since.add(self.fleet.take());
            if told.elapsed() >= Duration::from_secs(1) {
                self.tell(std::mem::replace(&mut since, Tally::new()));
                told = Instant::now();
            }
        }
        self.total.add(since);
        let seconds = self.started.elapsed().as_secs_f64();
        let counts = self.total.counts;
        Connects {
            agents,
            connected: counts.connected(),
            onboarded: counts.onboarded,
            seconds: report::rounded(seconds),
            per_second: report::rounded(counts.opened as f64 / seconds),
            latency_us: Percentiles::of(&self.total.connects),
        }
    }

    /// Lets the agents publish for a time, or until the user has had enough.
    async fn publish(&mut self, time: Duration) {
        self.fleet.go.cancel();
        let end = tokio::time::sleep(time);
        tokio::pin!(end);
        let mut second = tokio::time::interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        second.tick().await;
        while !self.is_interrupted {
            tokio::select! {
                _ = second.tick() => {
                    let since = self.fleet.take();
                    self.tell(since);
                }
                () = &mut end => break,
                _ = self.interrupt.recv() => self.is_interrupted = true,
            }
        }
        self.total.add(self.fleet.take());
    }

    /// Adds a second to the total, and says what it had.
    fn tell(&mut self, since: Tally) {
        let (counts, failures) = (since.counts, since.failures());
        let [p50, p99] = [0.5, 0.99].map(|share| since.acknowledgements.quantile_us(share) as f64 / 1000.0);
        self.total.add(since);
        if self.tells {
            eprintln!(
                "{:>5} s  connected {:>6}  sent {:>8}  acknowledged {:>8}  p50 {p50:>7.2} ms  p99 {p99:>7.2} ms  errors {failures:>4}",
                self.started.elapsed().as_secs(),
                self.total.counts.connected(),
                counts.sent,
                counts.acknowledged,
            );
        }
    }
}

fn profiles(options: &Options) -> Result<Vec<Profile>, Failure> {
    let issued = |count: usize| (1..=count).map(|number| format!("sim-{number:05}"));
    let agents: Vec<_> = match &options.agents {
        Agents::Plain { count } => issued(*count).map(|cn| (cn, None)).collect(),
        Agents::Issued { tls, ca, count } => {
            let mint = Mint::new(ca)?;
            let make = |cn: String| mint.make(&cn).map(|key| (cn, Some(tls.with(key))));
            issued(*count).map(make).collect::<Result<_, _>>()?
        }
        Agents::Found { tls, folder, count } => {
            let found = credentials::find(folder)?.into_iter().take(count.unwrap_or(usize::MAX));
            let load = |(cn, files): (String, Files)| {
                let key = files.load(&door::provider()).map_err(|cause| Failure::Usage(cause.to_string()))?;
                Ok((cn, Some(tls.with(key))))
            };
            found.map(load).collect::<Result<_, Failure>>()?
        }
    };
    if agents.is_empty() {
        return Err(Failure::Usage("there are no agents; --agents-folder takes NAME.pem beside NAME.key".into()));
    }
    let count = agents.len();
    let profile = |(index, (cn, tls)): (usize, (String, _))| {
        let Names { client_id, topic, filter } = &options.names;
        let client_id = fill(client_id, &options.tenant, &cn, "");
        let filled = |template: &String| fill(template, &options.tenant, &cn, &client_id);
        Profile {
            topic: filled(topic),
            filter: filter.as_ref().map(filled),
            tls,
            source: options.payload.source(index as u32),
            offset: index as f64 / count as f64,
            kept_max: 0,
            client_id,
        }
    };
    Ok(agents.into_iter().enumerate().map(profile).collect())
}

fn fill(template: &str, tenant: &str, cn: &str, client_id: &str) -> String {
    template.replace("{tenant}", tenant).replace("{cn}", cn).replace("{client_id}", client_id)
}

/// A socket is a file, and the usual limit is 1024.
fn raise_limit(agents: usize) -> Result<(), Failure> {
    let needed = agents as u64 + FILES_BESIDE;
    let limit = rlimit::increase_nofile_limit(needed).unwrap_or(0);
    if limit >= needed {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "{agents} agents need {needed} open files, and the limit is {limit}; raise it with `ulimit -n {needed}`"
    )))
}

fn not_connected(total: &Tally, agents: usize) -> Failure {
    let most = total.faults.iter().max_by_key(|(_, (count, _))| *count);
    let why =
        most.map_or_else(|| "it took too long".to_owned(), |(fault, (_, cause))| format!("{} ({cause})", fault.name()));
    Failure::NotConnected(format!("none of {agents} agents could connect: {why}"))
}
