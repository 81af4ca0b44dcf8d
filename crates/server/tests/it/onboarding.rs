//! The first connect makes the agent, and a newer connection takes over.

use std::time::Instant;

use mqtt::{ReasonCode, Version};

use crate::support::{Client, Dev, Hello, PATIENCE, Reply, Serve, Way, folder, output, sample};

#[test]
fn the_first_connect_is_closed_without_an_answer_and_the_second_is_accepted_at_once() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let (ca, agent) = (dev.server_ca(), dev.agent(0));
    let way = Way::new(dev.mqtts(), &ca, &agent);
    assert_eq!(dev.api().call("GET", &format!("/api/dinrail/v1/agents/{}", agent.client_id), None).0, 404);

    let mut first = Client::start(&way, &Hello::v311(&agent.client_id)).unwrap();
    // A packet queued behind that CONNECT is discarded with it.
    first.publish(&agent.outbound("mc_v3/ts"), &sample("early", "2026-03-01T10:00:00Z", "1"), 0, None);
    assert_eq!(first.receive(), Reply::Closed);
    let shown = dev.api().get(&format!("/agents/{}", agent.client_id));
    assert_eq!((&shown["state"], &shown["ledger"]["received"]), (&"OFFLINE".into(), &0.into()));

    let mut second = Client::start(&way, &Hello::v311(&agent.client_id)).unwrap();
    assert_eq!(second.receive(), Reply::Connack { reason: ReasonCode::Success, session_present: false, words: None });
    assert_eq!(dev.api().get(&format!("/agents/{}", agent.client_id))["state"], "ONLINE");
}

#[test]
fn racing_first_connects_make_one_agent() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let (ca, agent) = (dev.server_ca(), dev.agent(0));
    let way = Way::new(dev.mqtts(), &ca, &agent);
    let closed = std::thread::scope(|scope| {
        let racers: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| Client::start(&way, &Hello::v311(&agent.client_id)).unwrap().receive()))
            .collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).filter(|reply| *reply == Reply::Closed).count()
    });
    assert!(closed >= 1, "at least the one that made it was closed");
    let agents = dev.api().get("/agents?tenant=demo");
    let named =
        agents["agents"].as_array().unwrap().iter().filter(|shown| shown["clientId"] == agent.client_id.as_str());
    assert_eq!(named.count(), 1);
    let audit = dev.api().get("/tenants/demo/audit");
    let made = audit["audit"].as_array().unwrap().iter();
    let made = made.filter(|row| row["action"] == "agent.onboard" && row["subject"] == agent.client_id.as_str());
    assert_eq!(made.count(), 1);
}

#[test]
fn a_setting_lets_the_first_connect_stay() {
    let folder = folder();
    let text = "[eu1]\nfirst_connect = \"accept\"\n[[host]]\nname = \"localhost\"\nroles = [\"eu1\", \"api\"]\n";
    let serve = Serve::start(folder.path(), text);
    let (agent, _) = crate::support::own_tenant(&serve, folder.path(), "acme", "press");
    let ca = serve.data().join("pki/server-ca.pem");
    let mut client = Client::start(&Way::new(serve.port("mqtts"), &ca, &agent), &Hello::v5(&agent.client_id)).unwrap();
    assert!(matches!(client.receive(), Reply::Connack { reason: ReasonCode::Success, .. }));
    let (reason, _) =
        client.publish_acknowledged(&agent.outbound("mc_v3/ts"), &sample("p", "2026-03-01T10:00:00Z", "1"), 1);
    assert_eq!(reason, ReasonCode::Success);
}

#[test]
fn the_newer_connection_takes_over_and_the_older_one_is_told() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let (ca, agent) = (dev.server_ca(), dev.agent(0));
    let way = Way::new(dev.mqtts(), &ca, &agent);
    for version in [Version::V311, Version::V5] {
        let hello = Hello { version, ..Hello::v311(&agent.client_id) };
        let mut older = Client::connect(&way, &hello);
        let mut newer = Client::connect(&way, &hello);
        match version {
            Version::V5 => {
                assert!(matches!(older.receive(), Reply::Disconnect { reason: ReasonCode::SessionTakenOver, .. }));
            }
            Version::V311 => {}
        }
        assert_eq!(older.receive(), Reply::Closed);
        newer.send(&mqtt::Packet::Pingreq);
        assert_eq!(newer.receive(), Reply::Pingresp);
        newer.disconnect();
    }
}

#[test]
fn the_first_sample_is_stored_within_seconds_of_the_start() {
    let started = Instant::now();
    let folder = folder();
    let dev = Dev::start_with(folder.path(), &["--fleet", "1"]);
    crate::support::wait_for("the fleet's first sample", || {
        let list = dev.api().get("/agents");
        let stored =
            list["agents"].as_array()?.iter().map(|agent| agent["ledger"]["stored"].as_u64().unwrap_or(0)).sum::<u64>();
        (stored > 0).then_some(())
    });
    // The promise is 5 s on a quiet machine; a busy one is given more, so that the test tells a fault and not a neighbour.
    assert!(started.elapsed() < PATIENCE);
    output(&mut dev.cli(&["agent", "list"]));
}
