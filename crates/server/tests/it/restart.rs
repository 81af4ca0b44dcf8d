//! A second start goes on with the same data.

use mqtt::ReasonCode;
use serde_json::json;

use crate::support::{Client, Dev, Hello, Reply, Way, folder, output, sample, samples};

#[test]
fn a_second_start_has_the_same_tenant_agents_and_samples() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let (ca, agent) = (dev.server_ca(), dev.agent(0));
    let mut client = Client::connect(&Way::new(dev.mqtts(), &ca, &agent), &Hello::v311(&agent.client_id));
    // More than one head, so that chunks and heads both come back.
    let rows: Vec<_> = (0..700)
        .map(|number| (format!("2026-03-01T10:{:02}:{:02}Z", number / 60, number % 60), number.to_string()))
        .collect();
    let rows: Vec<_> = rows.iter().map(|(time, value)| ("x", time.as_str(), value.as_str())).collect();
    client.publish_acknowledged(&agent.outbound("mc_v3/ts"), &samples(&rows), 1);
    client.publish_acknowledged(&agent.outbound("mc_v3/ts"), "rubbish", 2);
    drop(client);
    let before = dev.api().get(&format!("/agents/{}", agent.client_id));
    let token = dev.json["api"]["token"].clone();
    dev.stop();

    let dev = Dev::start(folder.path());
    assert_eq!(dev.json["api"]["token"], token, "the operator's token still works");
    assert_eq!(dev.agent(0).client_id, agent.client_id, "the agents of before are listed first");
    assert_eq!(dev.json["agents"].as_array().unwrap().len(), 3, "and two of them are fresh again");
    assert_eq!(dev.api().values(&agent.client_id, "x").len(), 700);
    let after = dev.api().get(&format!("/agents/{}", agent.client_id));
    assert_eq!((&after["ledger"], &after["lastError"]), (&before["ledger"], &before["lastError"]));
    assert_eq!(after["state"], "OFFLINE");
    assert_eq!(dev.api().get(&format!("/agents/{}/rejects", agent.client_id))["rejects"].as_array().unwrap().len(), 1);
    // The agent is known: its next connect is no first one.
    let mut client =
        Client::start(&Way::new(dev.mqtts(), &dev.server_ca(), &agent), &Hello::v5(&agent.client_id)).unwrap();
    assert!(matches!(client.receive(), Reply::Connack { reason: ReasonCode::Success, .. }));
}

#[test]
fn a_killed_server_still_has_sessions_subscriptions_and_what_waits_in_them() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let agent = dev.agent(0);
    let hello = Hello { clean_start: false, ..Hello::v311(&agent.client_id) };
    let mut client = Client::connect(&Way::new(dev.mqtts(), &dev.server_ca(), &agent), &hello);
    client.subscribe(&[&agent.inbound("#")], 1);
    client.disconnect();
    dev.api().post(&format!("/agents/{}/messages", agent.client_id), json!({"topic": "cmd_v3/c", "payload": "before"}));
    dev.kill();

    let dev = Dev::start(folder.path());
    dev.api().post(&format!("/agents/{}/messages", agent.client_id), json!({"topic": "cmd_v3/c", "payload": "after"}));
    let mut client = Client::start(&Way::new(dev.mqtts(), &dev.server_ca(), &agent), &hello).unwrap();
    assert!(matches!(client.receive(), Reply::Connack { session_present: true, .. }));
    for expected in ["before", "after"] {
        assert!(
            matches!(client.receive(), Reply::Publish { payload, .. } if payload == expected.as_bytes()),
            "{expected}"
        );
    }
}

#[test]
fn clients_are_told_that_the_server_stops() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let agent = dev.agent(0);
    let mut client = Client::connect(&Way::new(dev.mqtts(), &dev.server_ca(), &agent), &Hello::v5(&agent.client_id));
    let (reason, _) =
        client.publish_acknowledged(&agent.outbound("mc_v3/ts"), &sample("x", "2026-03-01T10:00:00Z", "1"), 1);
    assert_eq!(reason, ReasonCode::Success);
    dev.stop();
    assert!(matches!(client.receive(), Reply::Disconnect { reason: ReasonCode::ServerShuttingDown, .. }));
    assert_eq!(client.receive(), Reply::Closed);
}

#[test]
fn two_servers_on_one_folder_are_refused_in_words() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let mut second = std::process::Command::new(crate::support::DINRAIL);
    second.args(["dev", "--fleet", "0", "--ports", "auto", "--data"]).arg(folder.path());
    let words = crate::support::failure(&mut second);
    assert!(words.contains("in use"), "{words}");
    output(&mut dev.cli(&["tenant", "list"]));
}
