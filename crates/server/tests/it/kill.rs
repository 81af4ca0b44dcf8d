//! `kill -9` at random moments: what was acknowledged is there, once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mqtt::ReasonCode;

use crate::support::{Agent, Client, Dev, Hello, Reply, Way, folder, samples};

/// Rounds in CI; `DINRAIL_CRASH_ROUNDS` asks for more.
const ROUNDS: u64 = 5;

/// Messages that one agent has under way.
const WINDOW: usize = 20;

/// Values by their times, as they were acknowledged.
type Acknowledged = Mutex<BTreeMap<u64, String>>;

fn rounds() -> u64 {
    std::env::var("DINRAIL_CRASH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS)
}

/// Microseconds since an epoch of the test's own, as a timestamp.
fn timestamp(number: u64) -> String {
    let (seconds, micros) = (number / 1000, number % 1000 * 1000);
    format!(
        "2026-03-{:02}T{:02}:{:02}:{:02}.{micros:06}Z",
        1 + seconds / 86_400,
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// Publishes numbered samples until the connection ends; notes those that are acknowledged. Gives the next number.
fn publish_until_the_end(
    dev: &Way<'_>,
    agent: &Agent,
    from: u64,
    acknowledged: &Acknowledged,
    started: &AtomicBool,
) -> u64 {
    let mut next = from;
    let Ok(mut client) = Client::start(dev, &Hello::v311(&agent.client_id)) else { return next };
    match client.receive() {
        Reply::Connack { reason: ReasonCode::Success, .. } => {}
        _ => return next,
    }
    let mut under_way = std::collections::VecDeque::new();
    loop {
        while under_way.len() < WINDOW {
            let packet_id = u16::try_from(next % 60_000 + 1).unwrap();
            client.publish(
                &agent.outbound("mc_v3/ts"),
                &samples(&[("x", &timestamp(next), &next.to_string())]),
                1,
                Some(packet_id),
            );
            under_way.push_back(next);
            next += 1;
        }
        match client.receive() {
            Reply::Puback { .. } => {
                let number = under_way.pop_front().unwrap();
                acknowledged.lock().unwrap_or_else(PoisonError::into_inner).insert(number, number.to_string());
                started.store(true, Ordering::Relaxed);
            }
            _ => return next,
        }
    }
}

#[test]
fn every_acknowledged_sample_survives_kill_9_at_random_moments_and_is_there_once() {
    let folder = folder();
    let acknowledged: [Acknowledged; 2] = Default::default();
    let mut next = [0; 2];
    for round in 0..rounds() {
        let dev = Dev::start(folder.path());
        let (ca, agents) = (dev.server_ca(), [dev.agent(0), dev.agent(1)]);
        if round == 0 {
            for agent in &agents {
                Client::connect(&Way::new(dev.mqtts(), &ca, agent), &Hello::v311(&agent.client_id)).disconnect();
            }
        }
        check(&dev, &agents, &acknowledged);
        let started = AtomicBool::new(false);
        let port = dev.mqtts();
        next = std::thread::scope(|scope| {
            let publishers = [0, 1].map(|index| {
                let (ca, agent, acknowledged, started) = (&ca, &agents[index], &acknowledged[index], &started);
                let from = next[index];
                scope.spawn(move || {
                    publish_until_the_end(&Way::new(port, ca, agent), agent, from, acknowledged, started)
                })
            });
            crate::support::wait_for("the first acknowledgement", || started.load(Ordering::Relaxed).then_some(()));
            // Moments that differ from round to round, and fall before, within and after checkpoints and commits.
            std::thread::sleep(Duration::from_micros(round.wrapping_mul(7_919_317) % 400_000));
            dev.kill();
            publishers.map(|publisher| publisher.join().unwrap())
        });
    }
    let dev = Dev::start(folder.path());
    let agents = [dev.agent(0), dev.agent(1)];
    check(&dev, &agents, &acknowledged);
    assert!(acknowledged.iter().all(|acknowledged| !acknowledged.lock().unwrap().is_empty()));
}

fn check(dev: &Dev, agents: &[Agent; 2], acknowledged: &[Acknowledged; 2]) {
    for (agent, acknowledged) in agents.iter().zip(acknowledged) {
        let acknowledged = acknowledged.lock().unwrap();
        if acknowledged.is_empty() {
            continue;
        }
        let mut stored = BTreeMap::new();
        let mut from = String::new();
        loop {
            let page = dev.api().get(&format!("/agents/{}/datapoints/x/samples?limit=10000{from}", agent.client_id));
            for sample in page["samples"].as_array().unwrap() {
                let value = sample["value"].as_str().unwrap().to_owned();
                let number: u64 = value.parse().unwrap();
                assert_eq!(sample["timestamp"], timestamp(number), "a sample that was never sent");
                assert!(stored.insert(number, value).is_none(), "{number} is there twice");
            }
            let Some(next) = page["next"].as_str() else { break };
            from = format!("&from={next}");
        }
        let lost: Vec<_> = acknowledged.keys().filter(|number| !stored.contains_key(number)).collect();
        assert!(lost.is_empty(), "{} of {} acknowledged samples are lost: {lost:?}", lost.len(), acknowledged.len());
        let shown = dev.api().get(&format!("/agents/{}", agent.client_id));
        let count = |name: &str| shown["ledger"][name].as_u64().unwrap();
        assert_eq!(count("received"), count("stored") + count("duplicate") + count("parked") + count("rejected"));
        assert_eq!(count("stored"), stored.len() as u64, "the ledger tells what is there");
    }
}
