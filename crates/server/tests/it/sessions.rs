//! Sessions: subscriptions, what waits for an absent agent, redelivery.

use mqtt::{Packet, ReasonCode, Version};
use serde_json::json;

use crate::support::{Agent, Client, Dev, Hello, Reply, Way, folder, output};

fn send(dev: &Dev, agent: &Agent, payload: &str, qos: u8) -> u64 {
    let body = json!({"topic": "cmd_v3/c", "payload": payload, "qos": qos});
    dev.api().post(&format!("/agents/{}/messages", agent.client_id), body)["sessions"].as_u64().unwrap()
}

fn delivery(reply: Reply) -> (String, Option<u16>, bool) {
    match reply {
        Reply::Publish { payload, packet_id, dup, .. } => (String::from_utf8(payload).unwrap(), packet_id, dup),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_agent_subscribes_to_its_own_topics_and_to_no_others() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let (ca, agent) = (dev.server_ca(), dev.agent(0));
    let way = Way::new(dev.mqtts(), &ca, &agent);
    let own = [agent.inbound("cmd_v3/c"), agent.inbound("#"), agent.inbound("+/c"), agent.outbound("amo_v3/ip")];
    let foreign =
        ["#", "tc/demo/#", "tc/demo/+/i/#", "tc/demo/demo_other/i/cmd_v3/c", "$SYS/#", "$share/g/tc/demo/x/i/a"];
    for version in [Version::V311, Version::V5] {
        let mut client = Client::connect(&way, &Hello { version, ..Hello::v311(&agent.client_id) });
        let own: Vec<_> = own.iter().map(String::as_str).collect();
        assert_eq!(client.subscribe(&own, 1), [ReasonCode::GrantedQoS1; 4]);
        let codes = client.subscribe(&foreign, 1);
        assert!(codes.iter().all(|code| *code >= ReasonCode::UnspecifiedError), "{codes:?}");
        if version == Version::V5 {
            assert_eq!(codes[0], ReasonCode::NotAuthorized);
        }
        client.send(&Packet::Pingreq);
        assert_eq!(client.receive(), Reply::Pingresp, "the connection stays up");
    }
}

#[test]
fn what_an_absent_agent_missed_waits_for_it() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let (ca, agent) = (dev.server_ca(), dev.agent(0));
    let way = Way::new(dev.mqtts(), &ca, &agent);
    let hello = Hello { clean_start: false, ..Hello::v311(&agent.client_id) };
    let mut client = Client::connect(&way, &hello);
    client.subscribe(&[&agent.inbound("cmd_v3/c")], 1);
    client.disconnect();
    assert_eq!(send(&dev, &agent, "first", 1), 1);
    assert_eq!(send(&dev, &agent, "at QoS 0 it does not wait", 0), 0);
    assert_eq!(send(&dev, &agent, "second", 1), 1);
    let shown = dev.api().get(&format!("/agents/{}", agent.client_id));
    assert_eq!(shown["queued"], 2);

    let mut client = Client::start(&way, &hello).unwrap();
    assert_eq!(client.receive(), Reply::Connack { reason: ReasonCode::Success, session_present: true, words: None });
    assert_eq!(delivery(client.receive()), ("first".into(), Some(1), false));
    assert_eq!(delivery(client.receive()), ("second".into(), Some(2), false));
    client.puback(1);
    drop(client);

    let mut client = Client::start(&way, &hello).unwrap();
    assert!(matches!(client.receive(), Reply::Connack { session_present: true, .. }));
    assert_eq!(delivery(client.receive()), ("second".into(), Some(2), true), "with its id, and as a duplicate");
    client.puback(2);
    assert_eq!(send(&dev, &agent, "third", 1), 1);
    assert_eq!(delivery(client.receive()).0, "third");
    client.disconnect();

    let mut client = Client::start(&way, &Hello::v311(&agent.client_id)).unwrap();
    assert!(matches!(client.receive(), Reply::Connack { session_present: false, .. }), "a clean session discards it");
    assert_eq!(send(&dev, &agent, "nobody", 1), 0);
}

#[test]
fn no_more_is_under_way_than_the_client_takes() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let (ca, agent) = (dev.server_ca(), dev.agent(0));
    let way = Way::new(dev.mqtts(), &ca, &agent);
    let mut client = Client::connect(&way, &Hello { receive_maximum: Some(2), ..Hello::v5(&agent.client_id) });
    client.subscribe(&[&agent.inbound("#")], 1);
    for payload in ["1", "2", "3"] {
        send(&dev, &agent, payload, 1);
    }
    assert_eq!(delivery(client.receive()).0, "1");
    assert_eq!(delivery(client.receive()).0, "2");
    assert!(client.is_silent_for(std::time::Duration::from_millis(200)), "the third waits for an acknowledgement");
    client.puback(1);
    assert_eq!(delivery(client.receive()).0, "3");
}

#[test]
fn a_removed_subscription_delivers_nothing_more() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let (ca, agent) = (dev.server_ca(), dev.agent(0));
    let mut client = Client::connect(&Way::new(dev.mqtts(), &ca, &agent), &Hello::v5(&agent.client_id));
    let filter = agent.inbound("#");
    client.subscribe(&[&filter], 0);
    assert_eq!(send(&dev, &agent, "hello", 1), 1);
    assert_eq!(delivery(client.receive()), ("hello".into(), None, false), "at the lower QoS of the two");
    let filters = vec![&filter[..], "other"];
    client.send(&Packet::Unsubscribe(mqtt::Unsubscribe {
        packet_id: 2,
        filters,
        properties: mqtt::Properties::default(),
    }));
    assert_eq!(
        client.receive(),
        Reply::Unsuback { codes: vec![ReasonCode::Success, ReasonCode::NoSubscriptionExisted] }
    );
    assert_eq!(send(&dev, &agent, "nobody", 1), 0);
}

#[test]
fn a_client_that_is_silent_for_longer_than_its_keep_alive_is_gone() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let (ca, agent) = (dev.server_ca(), dev.agent(0));
    let hello = Hello { keep_alive: 1, ..Hello::v5(&agent.client_id) };
    let mut client = Client::connect(&Way::new(dev.mqtts(), &ca, &agent), &hello);
    assert!(client.is_silent_for(std::time::Duration::from_millis(1200)), "it has one and a half times its Keep Alive");
    assert!(matches!(client.receive(), Reply::Disconnect { reason: ReasonCode::KeepAliveTimeout, .. }));
    assert_eq!(client.receive(), Reply::Closed);
    let shown = crate::support::wait_for("the end of the connection", || {
        let shown = dev.api().get(&format!("/agents/{}", agent.client_id));
        (shown["state"] == "OFFLINE").then_some(shown)
    });
    assert_eq!(shown["lastError"]["code"], "keep_alive_timeout");
}

#[test]
fn a_kicked_client_is_told_and_its_session_stays() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let (ca, agent) = (dev.server_ca(), dev.agent(0));
    let way = Way::new(dev.mqtts(), &ca, &agent);
    let hello = Hello { clean_start: false, session_expiry_s: Some(3600), ..Hello::v5(&agent.client_id) };
    let mut client = Client::connect(&way, &hello);
    client.subscribe(&[&agent.inbound("#")], 1);
    output(&mut dev.cli(&["session", "kick", &agent.client_id]));
    assert!(matches!(client.receive(), Reply::Disconnect { reason: ReasonCode::AdministrativeAction, .. }));
    assert_eq!(client.receive(), Reply::Closed);
    let shown = crate::support::wait_for("the end of the connection", || {
        let shown = dev.api().get(&format!("/agents/{}/sessions", agent.client_id))["sessions"][0].clone();
        (shown["connected"] == false).then_some(shown)
    });
    assert!(shown["expiresAt"].is_string());
    send(&dev, &agent, "waits", 1);
    let table = output(&mut dev.cli(&["session", "show", &agent.client_id]));
    assert!(table.contains(&agent.inbound("#")), "{table}");
    let listed = output(&mut dev.cli(&["session", "list", "--tenant", "demo", "-o", "json"]));
    assert!(listed.contains("\"queued\": 1"), "{listed}");
    let again = crate::support::failure(&mut dev.cli(&["session", "kick", &agent.client_id]));
    assert!(again.contains("not connected"), "{again}");
    let mut client = Client::start(&way, &hello).unwrap();
    assert!(matches!(client.receive(), Reply::Connack { session_present: true, .. }));
}

#[test]
fn more_filters_than_one_subscribe_may_have_are_refused_one_by_one() {
    let folder = folder();
    let dev = Dev::start(folder.path());
    let (ca, agent) = (dev.server_ca(), dev.agent(0));
    let mut client = Client::connect(&Way::new(dev.mqtts(), &ca, &agent), &Hello::v5(&agent.client_id));
    let filters: Vec<_> = (0..10).map(|number| agent.inbound(&format!("app/{number}"))).collect();
    let codes = client.subscribe(&filters.iter().map(String::as_str).collect::<Vec<_>>(), 1);
    assert_eq!(codes[..8], [ReasonCode::GrantedQoS1; 8]);
    assert_eq!(codes[8..], [ReasonCode::QuotaExceeded; 2]);
}
