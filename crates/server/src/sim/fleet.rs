//! The threads that agents run on. Each has a runtime and counts of its own.

use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::agent::{Agent, Finished, Profile, Shared};
use super::connection::{Behaviour, Endpoint, Gate};
use super::tally::Tally;
use crate::failure::Failure;

/// Agents that run.
pub(super) struct Fleet {
    threads: Vec<(Arc<Shared>, JoinHandle<Vec<Finished>>)>,
    /// Agents may publish.
    pub(super) go: CancellationToken,
    /// Agents are to end.
    pub(super) stop: CancellationToken,
}

impl Fleet {
    /// Starts the agents; they connect at once, and publish after `go`.
    pub(super) fn start(
        endpoint: &Arc<Endpoint>,
        behaviour: &Behaviour,
        connect_rate: f64,
        threads: usize,
        profiles: Vec<Profile>,
    ) -> Result<Fleet, Failure> {
        let (go, stop) = (CancellationToken::new(), CancellationToken::new());
        let gate = Arc::new(Gate::new(connect_rate));
        let mut shares: Vec<Vec<Profile>> = (0..threads).map(|_| Vec::new()).collect();
        for (index, profile) in profiles.into_iter().enumerate() {
            shares[index % threads].push(profile);
        }
        let mut fleet = Fleet { threads: Vec::new(), go, stop };
        for (index, share) in shares.into_iter().enumerate() {
            let signals = [fleet.go.clone(), fleet.stop.clone()];
            let shared = Arc::new(Shared::new(endpoint.clone(), behaviour.clone(), gate.clone(), signals));
            let impossible = |cause: std::io::Error| Failure::Usage(format!("no thread for agents: {cause}"));
            let runtime = Builder::new_current_thread().enable_all().build().map_err(impossible)?;
            let agents: Vec<_> = share.into_iter().map(|profile| Agent::new(profile, shared.clone())).collect();
            let thread = std::thread::Builder::new().name(format!("agents-{index}"));
            let handle = thread.spawn(move || run(&runtime, agents)).map_err(impossible)?;
            fleet.threads.push((shared, handle));
        }
        Ok(fleet)
    }

    /// What was counted since the last time.
    pub(super) fn take(&self) -> Tally {
        let mut sum = Tally::new();
        self.threads.iter().for_each(|(shared, _)| sum.add(shared.take()));
        sum
    }

    /// Ends the agents. Gives what is left of them, and what was counted last. Blocks while they wait for what is not
    /// acknowledged.
    pub(super) fn end(self) -> (Vec<Finished>, Tally) {
        self.stop.cancel();
        // Whoever waits to publish sees that there is nothing to wait for.
        self.go.cancel();
        let mut sum = Tally::new();
        let mut finished = Vec::new();
        for (shared, thread) in self.threads {
            finished.extend(thread.join().unwrap_or_default());
            sum.add(shared.take());
        }
        (finished, sum)
    }
}

fn run(runtime: &Runtime, agents: Vec<Agent>) -> Vec<Finished> {
    runtime.block_on(async {
        let mut tasks: JoinSet<_> = agents.into_iter().map(Agent::run).collect();
        let mut finished = Vec::new();
        while let Some(ended) = tasks.join_next().await {
            finished.extend(ended);
        }
        finished
    })
}
