//! An agent that listens is told what became of its messages.

use std::sync::Arc;

use tenant::{Effect, Message, Outcome, Record};

use crate::bed::{Bed, NOW, PERSISTENT, message, published, session, time_series_topic};

fn delivered(effects: Vec<Effect>) -> Vec<(broker::SessionKey, Arc<Message>)> {
    let of = |effect| match effect {
        Effect::Deliver { session, message } => (session, message),
        other => panic!("{other:?}"),
    };
    effects.into_iter().map(of).collect()
}

#[test]
fn only_the_agent_that_listens_is_told() {
    let mut bed = Bed::new();
    let (press, pump) = (bed.agent("press"), bed.agent("pump"));
    bed.subscribe(&pump, "mc_v3/d", 0);
    assert_eq!(bed.apply_publish(&press, &time_series_topic(&press), 0, None, "x").1, [], "press does not listen");
    bed.subscribe(&press, "mc_v3/d", 0);
    let told = delivered(bed.apply_publish(&press, &time_series_topic(&press), 0, None, "x").1);
    assert_eq!(told.len(), 1);
    assert_eq!((&told[0].0, &*told[0].1.topic), (&session("press"), "tc/acme/acme_press/i/mc_v3/d"));
    let content: serde_json::Value = serde_json::from_slice(&told[0].1.payload).unwrap();
    assert_eq!(content["data"]["topic"], "tc/acme/acme_press/o/mc_v3/ts");
    assert_eq!(content["data"]["entries"][0]["code"], "BAD_PAYLOAD");
    assert_ne!(content["id"], content["correlationId"]);
}

#[test]
fn nothing_is_told_when_there_is_nothing_to_tell_or_nobody_there() {
    let mut bed = Bed::new();
    let press = bed.agent("press");
    bed.subscribe(&press, "#", 1);
    let topic = time_series_topic(&press);
    assert_eq!(bed.apply_publish(&press, &topic, 0, None, &message(&[("temp", NOW, "1")])).1, []);
    bed.disconnect(&press);
    assert_eq!(bed.apply_publish(&press, &topic, 0, None, "x").1, []);
    let press = bed.connect("press", PERSISTENT);
    assert_eq!(bed.inflight(&press), [], "it is for those who are there, and waits for nobody");
}

#[test]
fn the_same_record_at_the_same_position_gives_the_same_message() {
    let told = || {
        let mut bed = Bed::new();
        let press = bed.agent("press");
        bed.subscribe(&press, "mc_v3/d", 0);
        let record = published(&press, "tc/acme/acme_press/o/mc_v3/ts", 0, None, "x", NOW).encode();
        let record = Record::decode(&record).unwrap();
        let first = delivered(bed.effects(&record)).remove(0).1;
        let second = delivered(bed.effects(&record)).remove(0).1;
        assert_ne!(first, second, "another position is another message");
        first
    };
    assert_eq!(told(), told());
}

#[test]
fn a_value_over_the_quota_is_told_too() {
    let limits = tenant::Limits { data_points_per_agent_max: 0, ..tenant::Limits::default() };
    let mut bed = Bed::with(limits);
    let press = bed.agent("press");
    bed.subscribe(&press, "+/d", 1);
    let (outcome, effects) =
        bed.apply_publish(&press, &time_series_topic(&press), 0, None, &message(&[("temp", NOW, "1")]));
    assert!(matches!(outcome, Outcome::Published(_)));
    let told = delivered(effects);
    assert!(String::from_utf8_lossy(&told[0].1.payload).contains("QUOTA_EXCEEDED"));
}
