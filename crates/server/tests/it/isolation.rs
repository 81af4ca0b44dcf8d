//! Two tenants with the same CN, the same data points and one shared CA never see each other.

use mqtt::{Packet, ReasonCode};
use serde_json::{Value, json};

use crate::support::{Agent, Api, Client, Dev, Hello, Reply, Way, folder, output, prove, sample};

/// Tenants `demo` and `other`, which trust the same CA, each with an agent `press`.
struct Twins {
    _folder: tempfile::TempDir,
    dev: Dev,
    demo: Agent,
    other: Agent,
}

impl Twins {
    fn new() -> Twins {
        let folder = folder();
        let dev = Dev::start(folder.path());
        let (ca, key) = dev.ca();
        output(&mut dev.cli(&["tenant", "create", "other"]));
        prove(&mut |arguments| dev.cli(arguments), "other", &ca, &key);
        // The same certificate, in two tenants.
        let demo = Agent::issue(&folder.path().join("twins"), (&ca, &key), "demo", "press");
        let other = Agent { client_id: "other_press".into(), ..demo.clone() };
        Twins { _folder: folder, dev, demo, other }
    }

    fn connect(&self, agent: &Agent) -> Client {
        Client::connect(&Way::new(self.dev.mqtts(), &self.dev.server_ca(), agent), &Hello::v5(&agent.client_id))
    }

    fn api(&self, tenant: &str) -> Api {
        let token = self.dev.api().token(tenant, "admin");
        self.dev.api().with_token(Some(&token))
    }
}

#[test]
fn the_same_certificate_is_an_agent_in_each_tenant_that_trusts_it_and_neither_takes_the_other_over() {
    let twins = Twins::new();
    let mut demo = twins.connect(&twins.demo);
    let mut other = twins.connect(&twins.other);
    let at = "2026-03-01T10:00:00Z";
    for (client, agent, value) in [(&mut demo, &twins.demo, "1"), (&mut other, &twins.other, "2")] {
        let (reason, _) = client.publish_acknowledged(&agent.outbound("mc_v3/ts"), &sample("pressure", at, value), 1);
        assert_eq!(reason, ReasonCode::Success);
    }
    assert_eq!(twins.api("demo").values("demo_press", "pressure"), ["1"]);
    assert_eq!(twins.api("other").values("other_press", "pressure"), ["2"]);
    for client in [&mut demo, &mut other] {
        client.send(&Packet::Pingreq);
        assert_eq!(client.receive(), Reply::Pingresp);
    }
}

#[test]
fn messages_reach_the_tenant_they_are_for_and_no_other() {
    let twins = Twins::new();
    let (mut demo, mut other) = (twins.connect(&twins.demo), twins.connect(&twins.other));
    demo.subscribe(&[&twins.demo.inbound("#")], 1);
    other.subscribe(&[&twins.other.inbound("#")], 1);
    assert_eq!(demo.subscribe(&["tc/other/other_press/i/#"], 1), [ReasonCode::NotAuthorized]);
    let body = json!({"topic": "cmd_v3/c", "payload": "for demo"});
    twins.api("demo").post("/agents/demo_press/messages", body);
    assert!(matches!(demo.receive(), Reply::Publish { payload, .. } if payload == b"for demo"));
    assert!(other.is_silent_for(std::time::Duration::from_millis(300)));
    let (reason, words) = demo.publish_acknowledged("tc/other/other_press/o/mc_v3/ts", "{}", 1);
    assert_eq!(reason, ReasonCode::NotAuthorized);
    assert!(!words.unwrap().contains("other"), "and it is not told whether the other is there");
}

#[test]
fn a_token_of_one_tenant_finds_nothing_of_another() {
    let twins = Twins::new();
    twins.connect(&twins.other).publish_acknowledged(
        &twins.other.outbound("mc_v3/ts"),
        &sample("secret", "2026-03-01T10:00:00Z", "42"),
        1,
    );
    let demo = twins.api("demo");
    let paths = [
        "/agents/other_press",
        "/agents/other_press/datapoints",
        "/agents/other_press/datapoints/secret/samples",
        "/agents/other_press/rejects",
        "/tenants/other",
        "/tenants/other/authorities",
        "/tenants/other/audit",
    ];
    for path in paths {
        let foreign = demo.call("GET", &format!("/api/dinrail/v1{path}"), None);
        let missing = demo.call("GET", &format!("/api/dinrail/v1{}", path.replace("other", "nobody")), None);
        assert_eq!(foreign.0, 404, "{path}");
        assert_eq!(foreign.1["detail"], missing.1["detail"], "{path}: foreign and missing look alike");
    }
    assert_eq!(demo.call("GET", "/api/dinrail/v1/agents?tenant=other", None).0, 404);
    let metrics = demo.call("GET", "/metrics", None).1;
    let metrics = metrics.as_str().unwrap();
    assert!(metrics.contains("tenant=\"demo\"") && !metrics.contains("other"), "{metrics}");
    assert!(twins.dev.api().call("GET", "/metrics", None).1.as_str().unwrap().contains("tenant=\"other\""));
    for list in ["/agents", "/tenants", "/tokens", "/handshakes"] {
        let text = demo.get(list).to_string();
        assert!(!text.contains("other"), "{list}: {text}");
    }
}

#[test]
fn the_command_line_with_a_tenants_token_sees_that_tenant_alone() {
    let twins = Twins::new();
    drop(twins.connect(&twins.other));
    drop(twins.connect(&twins.demo));
    let token = twins.dev.api().token("demo", "reader");
    let url = twins.dev.json["api"]["url"].as_str().unwrap().to_owned();
    let list =
        output(twins.dev.cli(&["agent", "list", "-o", "json"]).env("DINRAIL_SERVER", url).env("DINRAIL_TOKEN", token));
    let list: Value = serde_json::from_str(&list).unwrap();
    assert!(list["agents"].as_array().unwrap().iter().all(|agent| agent["tenant"] == "demo"), "{list}");
}

#[test]
fn a_refused_stranger_is_shown_to_the_tenant_whose_authority_it_names_and_to_no_other() {
    let twins = Twins::new();
    let stranger = Agent { client_id: "other_wrong".into(), ..twins.demo.clone() };
    let way = Way::new(twins.dev.mqtts(), &twins.dev.server_ca(), &stranger).port;
    let ca = twins.dev.server_ca();
    let mut client = Client::start(&Way::new(way, &ca, &stranger), &Hello::v5("other_wrong")).unwrap();
    assert!(matches!(client.receive(), Reply::Connack { reason: ReasonCode::NotAuthorized, .. }));
    let shown = crate::support::wait_for("the record", || {
        let list = twins.api("other").get("/handshakes");
        list["handshakes"].as_array().unwrap().first().cloned()
    });
    assert_eq!(shown["hint"], "client id must be other_press, got other_wrong");
    assert_eq!(twins.api("demo").get("/handshakes")["handshakes"], json!([]));
}
