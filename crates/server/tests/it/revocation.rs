//! What is revoked has no live connection a second later, and is not let in again.

use std::time::{Duration, Instant};

use mqtt::ReasonCode;

use crate::support::{Agent, Client, Dev, Hello, Reply, Way, folder, make_ca, output, prove};

/// The promise.
const GONE_WITHIN: Duration = Duration::from_secs(1);

fn assert_closed_in_time(client: &mut Client, since: Instant) {
    assert!(matches!(client.receive(), Reply::Disconnect { reason: ReasonCode::NotAuthorized, .. }));
    assert_eq!(client.receive(), Reply::Closed);
    assert!(since.elapsed() < GONE_WITHIN, "it took {:?}", since.elapsed());
}

#[test]
fn a_revoked_agent_is_disconnected_and_kept_out_until_it_is_restored() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let (ca, agent, other) = (dev.server_ca(), dev.agent(0), dev.agent(1));
    let way = Way::new(dev.mqtts(), &ca, &agent);
    let mut client = Client::connect(&way, &Hello::v5(&agent.client_id));
    let mut bystander = Client::connect(&Way::new(dev.mqtts(), &ca, &other), &Hello::v5(&other.client_id));

    let since = Instant::now();
    output(&mut dev.cli(&["agent", "revoke", &agent.client_id]));
    assert_closed_in_time(&mut client, since);
    bystander.send(&mqtt::Packet::Pingreq);
    assert_eq!(bystander.receive(), Reply::Pingresp);
    assert_eq!(dev.api().get(&format!("/agents/{}", agent.client_id))["state"], "REVOKED");

    let mut again = Client::start(&way, &Hello::v5(&agent.client_id)).unwrap();
    match again.receive() {
        Reply::Connack { reason: ReasonCode::NotAuthorized, words: Some(words), .. } => {
            assert!(words.contains("revoked"), "{words}");
        }
        other => panic!("{other:?}"),
    }
    output(&mut dev.cli(&["agent", "restore", &agent.client_id]));
    let mut restored = Client::start(&way, &Hello::v5(&agent.client_id)).unwrap();
    assert!(matches!(restored.receive(), Reply::Connack { reason: ReasonCode::Success, .. }));
}

#[test]
fn a_revoked_authority_takes_its_agents_along_and_leaves_those_of_another() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let path = |name: &str| folder.path().join(name);
    let (second, second_key) = make_ca(folder.path(), "second");
    prove(&mut |arguments| dev.cli(arguments), "demo", &second, &second_key);
    let (ca, old, new) =
        (dev.server_ca(), dev.agent(0), Agent::issue(&path("agents2"), (&second, &second_key), "demo", "lathe"));
    let mut of_old = Client::connect(&Way::new(dev.mqtts(), &ca, &old), &Hello::v5(&old.client_id));
    let mut of_new = Client::connect(&Way::new(dev.mqtts(), &ca, &new), &Hello::v5(&new.client_id));

    let list = dev.api().get("/tenants/demo/authorities");
    let first =
        list["authorities"].as_array().unwrap().iter().find(|authority| authority["name"] == "dinrail dev").unwrap();
    let since = Instant::now();
    output(&mut dev.cli(&["ca", "revoke", "--tenant", "demo", first["id"].as_str().unwrap()]));
    assert_closed_in_time(&mut of_old, since);
    of_new.send(&mqtt::Packet::Pingreq);
    assert_eq!(of_new.receive(), Reply::Pingresp);
    let mut again = Client::start(&Way::new(dev.mqtts(), &ca, &old), &Hello::v5(&old.client_id)).unwrap();
    assert!(matches!(again.receive(), Reply::Connack { reason: ReasonCode::NotAuthorized, .. }));

    // The same agent, re-issued under the other authority, keeps its history.
    let renewed =
        Agent::issue(&path("renewed"), (&second, &second_key), "demo", old.client_id.strip_prefix("demo_").unwrap());
    let mut client = Client::start(&Way::new(dev.mqtts(), &ca, &renewed), &Hello::v5(&old.client_id)).unwrap();
    assert!(matches!(client.receive(), Reply::Connack { reason: ReasonCode::Success, .. }), "it is onboarded already");
    assert_eq!(dev.api().get(&format!("/agents/{}", old.client_id))["credentials"].as_array().unwrap().len(), 2);
}

#[test]
fn a_revoked_agent_that_does_not_read_is_gone_all_the_same() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let (ca, agent) = (dev.server_ca(), dev.agent(0));
    let mut client = Client::connect(&Way::new(dev.mqtts(), &ca, &agent), &Hello::v311(&agent.client_id));
    client.subscribe(&[&agent.inbound("#")], 1);
    // More than the buffers of the system hold, so that the server cannot send on.
    let payload = "x".repeat(100_000);
    for _ in 0..100 {
        let body = serde_json::json!({"topic": "cmd_v3/c", "payload": payload});
        dev.api().post(&format!("/agents/{}/messages", agent.client_id), body);
    }
    let since = Instant::now();
    output(&mut dev.cli(&["agent", "revoke", &agent.client_id]));
    crate::support::wait_for("the end of the connection", || {
        let shown = dev.api().get(&format!("/agents/{}/sessions", agent.client_id))["sessions"][0].clone();
        (shown["connected"] != true).then_some(())
    });
    assert!(since.elapsed() < GONE_WITHIN, "it took {:?}", since.elapsed());
    // What was on its way is not more than the window, and the socket is really closed.
    let mut received = 0;
    while matches!(client.receive(), Reply::Publish { .. }) {
        received += 1;
    }
    assert!(received < 100, "{received} deliveries");
}
