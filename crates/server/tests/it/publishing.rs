//! What an agent publishes: verdicts, reason codes, diagnostics, the ledger.

use mqtt::ReasonCode;
use serde_json::{Value, json};

use crate::support::{Agent, Client, Dev, Hello, Reply, Way, folder, sample, samples};

struct Connected {
    _folder: tempfile::TempDir,
    dev: Dev,
    agent: Agent,
}

impl Connected {
    fn new() -> Connected {
        let folder = folder();
        let dev = Dev::start(folder.path());
        let agent = dev.agent(0);
        Connected { _folder: folder, dev, agent }
    }

    fn client(&self, hello: &Hello<'_>) -> Client {
        Client::connect(&Way::new(self.dev.mqtts(), &self.dev.server_ca(), &self.agent), hello)
    }

    fn v5(&self) -> Client {
        self.client(&Hello::v5(&self.agent.client_id))
    }

    fn topic(&self) -> String {
        self.agent.outbound("mc_v3/ts")
    }

    fn ledger(&self) -> [u64; 5] {
        let shown = self.dev.api().get(&format!("/agents/{}", self.agent.client_id));
        ["received", "stored", "duplicate", "parked", "rejected"].map(|name| shown["ledger"][name].as_u64().unwrap())
    }
}

#[test]
fn a_puback_means_that_the_value_can_be_read() {
    let it = Connected::new();
    let mut client = it.v5();
    for number in 1..=20_u16 {
        let text = format!("{number}.50");
        let message = sample("pressure", &format!("2026-03-01T10:00:{number:02}Z"), &text);
        assert_eq!(client.publish_acknowledged(&it.topic(), &message, number), (ReasonCode::Success, None));
        assert_eq!(it.dev.api().values(&it.agent.client_id, "pressure").last(), Some(&text), "right after its PUBACK");
    }
    assert_eq!(it.ledger(), [20, 20, 0, 0, 0]);
}

#[test]
fn each_value_has_its_own_verdict_and_the_good_ones_are_taken() {
    let it = Connected::new();
    let mut client = it.v5();
    assert_eq!(client.subscribe(&[&it.agent.inbound("mc_v3/d")], 1), [ReasonCode::GrantedQoS1]);
    let message = json!({"timeseries": [
        {"timestamp": "2026-03-01T10:00:00Z", "values": [
            {"dataPointId": "good", "value": "1", "qualityCode": "0"},
            {"dataPointId": "bad", "value": {"no": "value"}, "qualityCode": "0"}]},
        {"timestamp": "yesterday", "values": [{"dataPointId": "late", "value": "2", "qualityCode": "0"}]},
    ]});
    client.publish(&it.topic(), &message.to_string(), 1, Some(1));
    let (mut words, mut diagnostics) = (None, None);
    for _ in 0..2 {
        match client.receive() {
            Reply::Puback { reason, words: said, .. } => {
                assert_eq!(reason, ReasonCode::Success);
                words = said;
            }
            Reply::Publish { topic, payload, .. } => {
                assert_eq!(topic, it.agent.inbound("mc_v3/d"));
                diagnostics = serde_json::from_slice::<Value>(&payload).ok();
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(words.unwrap().contains("2 rejected"));
    let entries = diagnostics.unwrap()["data"]["entries"].clone();
    let told: Vec<_> =
        entries.as_array().unwrap().iter().map(|entry| (entry["code"].clone(), entry["path"].clone())).collect();
    assert_eq!(
        told,
        [
            ("BAD_VALUE".into(), "$.timeseries[0].values[1].value".into()),
            ("BAD_TIMESTAMP".into(), "$.timeseries[1].timestamp".into()),
        ]
    );
    assert_eq!(it.ledger(), [3, 1, 0, 0, 2]);
    let rejects = it.dev.api().get(&format!("/agents/{}/rejects", it.agent.client_id));
    assert_eq!(rejects["rejects"][0]["payload"], message.to_string(), "its bytes are kept");
    let shown = it.dev.api().get(&format!("/agents/{}", it.agent.client_id));
    assert_eq!(shown["lastError"]["code"], "BAD_TIMESTAMP");
}

#[test]
fn version_5_hears_what_became_of_a_message_in_its_reason_code() {
    let it = Connected::new();
    let mut client = it.v5();
    let (reason, words) = client.publish_acknowledged(&it.topic(), "{\"timeseries\": [", 1);
    assert_eq!(reason, ReasonCode::PayloadFormatInvalid);
    assert!(words.unwrap().contains("BAD_PAYLOAD"));
    let (reason, words) = client.publish_acknowledged(&it.agent.outbound("mc_v3/nonsense"), "{}", 2);
    assert_eq!(reason, ReasonCode::TopicNameInvalid);
    assert!(words.unwrap().contains("mc_v3/ts"), "the known names are told");
    let (reason, _) = client.publish_acknowledged("tc/demo/demo_other/o/mc_v3/ts", "{}", 3);
    assert_eq!(reason, ReasonCode::NotAuthorized);
    let (reason, _) = client.publish_acknowledged(&it.topic(), "", 4);
    assert_eq!(reason, ReasonCode::PayloadFormatInvalid, "an empty message breaks nothing");
    assert_eq!(it.ledger(), [3, 0, 0, 0, 3], "what is forbidden never was the agent's");
}

#[test]
fn a_forbidden_publish_ends_a_connection_that_cannot_be_told() {
    let it = Connected::new();
    let mut client = it.client(&Hello::v311(&it.agent.client_id));
    client.publish("tc/demo/demo_other/o/mc_v3/ts", "{}", 1, Some(1));
    assert_eq!(client.receive(), Reply::Closed);
    let mut client = it.v5();
    client.publish("elsewhere", "{}", 0, None);
    assert!(matches!(client.receive(), Reply::Disconnect { reason: ReasonCode::NotAuthorized, .. }));
    assert_eq!(client.receive(), Reply::Closed);
}

#[test]
fn the_same_value_again_is_a_duplicate_and_another_one_replaces_it() {
    let it = Connected::new();
    let mut client = it.v5();
    let at = "2026-03-01T10:00:00Z";
    for (index, value) in ["1", "1", "1.0", "1.0"].into_iter().enumerate() {
        client.publish_acknowledged(&it.topic(), &sample("x", at, value), index as u16 + 1);
    }
    assert_eq!(it.dev.api().values(&it.agent.client_id, "x"), ["1.0"]);
    assert_eq!(it.ledger(), [4, 2, 2, 0, 0]);
}

#[test]
fn late_samples_are_read_in_their_place() {
    let it = Connected::new();
    let mut client = it.v5();
    let rows =
        [("x", "2026-03-01T10:00:02Z", "2"), ("x", "2024-01-01T00:00:00Z", "0"), ("x", "2026-03-01T10:00:01Z", "1")];
    client.publish_acknowledged(&it.topic(), &samples(&rows), 1);
    assert_eq!(it.dev.api().values(&it.agent.client_id, "x"), ["0", "1", "2"]);
    let points = it.dev.api().get(&format!("/agents/{}/datapoints", it.agent.client_id));
    assert_eq!(points["dataPoints"][0]["lastValue"]["value"], "2");
}

#[test]
fn qos_2_is_taken_once_however_often_it_is_sent() {
    let it = Connected::new();
    let hello = Hello { clean_start: false, session_expiry_s: Some(60), ..Hello::v5(&it.agent.client_id) };
    let mut client = it.client(&hello);
    client.publish(&it.topic(), "not a message", 2, Some(9));
    assert_eq!(client.receive(), Reply::Pubrec { packet_id: 9, reason: ReasonCode::PayloadFormatInvalid });
    client.publish(&it.topic(), &sample("x", "2026-03-01T10:00:00Z", "1"), 2, Some(10));
    assert_eq!(client.receive(), Reply::Pubrec { packet_id: 10, reason: ReasonCode::Success });
    drop(client);
    let mut client = it.client(&hello);
    client.publish(&it.topic(), &sample("x", "2026-03-01T10:00:00Z", "1"), 2, Some(10));
    assert_eq!(client.receive(), Reply::Pubrec { packet_id: 10, reason: ReasonCode::Success });
    client.send(&mqtt::Packet::Pubrel(mqtt::Ack::new(10, ReasonCode::Success)));
    assert_eq!(client.receive(), Reply::Pubcomp { packet_id: 10, reason: ReasonCode::Success });
    client.send(&mqtt::Packet::Pubrel(mqtt::Ack::new(10, ReasonCode::Success)));
    assert_eq!(client.receive(), Reply::Pubcomp { packet_id: 10, reason: ReasonCode::PacketIdentifierNotFound });
    assert_eq!(it.ledger(), [2, 1, 0, 0, 1], "neither stored nor counted again");
}

#[test]
fn a_payload_over_the_limit_is_refused_before_it_is_read() {
    let it = Connected::new();
    let mut client = it.v5();
    // A fixed header that announces 300 kB, and nothing more.
    client.send_bytes(&[0x32, 0xe0, 0xa7, 0x12]);
    assert!(matches!(client.receive(), Reply::Disconnect { reason: ReasonCode::PacketTooLarge, .. }));
    assert_eq!(client.receive(), Reply::Closed);
    crate::support::wait_for("the tenant to be told why", || {
        let shown = it.dev.api().get(&format!("/agents/{}", it.agent.client_id));
        shown["lastError"]["code"].as_str().map(str::to_owned)
    });
}

#[test]
fn hundreds_in_flight_are_all_answered_in_order() {
    let it = Connected::new();
    let mut client = it.client(&Hello::v311(&it.agent.client_id));
    for packet_id in 1..=1000_u16 {
        let at = format!("2026-03-01T10:{:02}:{:02}Z", packet_id / 60, packet_id % 60);
        client.publish(&it.topic(), &sample("x", &at, &packet_id.to_string()), 1, Some(packet_id));
    }
    for packet_id in 1..=1000_u16 {
        assert_eq!(client.receive(), Reply::Puback { packet_id, reason: ReasonCode::Success, words: None });
    }
    assert_eq!(it.dev.api().values(&it.agent.client_id, "x").len(), 1000);
}
