//! Operators' messages wait for agents that are away.

use broker::Inflight;
use tenant::{Effect, Limits, Message, Outcome, ProjectionRow, Record, Refused};

use crate::bed::{Bed, CLEAN, PERSISTENT, Wish, session};

#[test]
fn a_message_at_qos_1_waits_for_an_absent_session() {
    let mut bed = Bed::new();
    let press = bed.agent("press");
    bed.subscribe(&press, "#", 1);
    bed.disconnect(&press);
    let position = bed.position;
    assert_eq!(bed.send("press", "cmd", 1, "start"), (Outcome::Sent { sessions: 1 }, vec![]));
    assert_eq!(bed.send("press", "cmd", 0, "now"), (Outcome::Sent { sessions: 0 }, vec![]), "QoS 0 waits for nobody");
    let press = bed.connect("press", PERSISTENT);
    assert_eq!(bed.inflight(&press), [(1, position)]);
    assert_eq!(bed.tenant.queued_below(u64::MAX), [position]);
}

#[test]
fn a_message_reaches_a_connected_agent_at_the_lower_qos() {
    let mut bed = Bed::new();
    let press = bed.agent("press");
    bed.subscribe(&press, "cmd", 1);
    bed.subscribe(&press, "news", 0);
    assert_eq!(bed.send("press", "cmd", 1, "a").1, [Effect::Wake(session("press"))]);
    for (tail, qos) in [("cmd", 0), ("news", 1)] {
        let (outcome, effects) = bed.send("press", tail, qos, "b");
        assert_eq!(outcome, Outcome::Sent { sessions: 1 });
        let message = Message { topic: format!("tc/acme/acme_press/i/{tail}"), payload: b"b".to_vec() };
        assert_eq!(effects, [Effect::Deliver { session: session("press"), message: message.into() }]);
    }
}

#[test]
fn nobody_who_did_not_subscribe_gets_anything() {
    let mut bed = Bed::new();
    let (press, pump) = (bed.agent("press"), bed.agent("pump"));
    bed.subscribe(&press, "#", 1);
    bed.subscribe(&pump, "other", 1);
    assert_eq!(bed.send("pump", "cmd", 1, "a"), (Outcome::Sent { sessions: 0 }, vec![]));
    let filter = "tc/acme/acme_press/i/#".into();
    let record = Record::Unsubscribed { connection: press.clone(), filters: vec![filter, "tc/acme/x".into()] };
    assert_eq!(bed.outcome(&record), Outcome::Unsubscribed(vec![true, false]));
    assert_eq!(bed.send("press", "cmd", 1, "a").0, Outcome::Sent { sessions: 0 });
}

#[test]
fn a_full_queue_refuses_and_an_acknowledgement_makes_room() {
    let broker = broker::Limits { queued_per_session_max: 2, ..broker::Limits::default() };
    let mut bed = Bed::with(Limits { broker, ..Limits::default() });
    let press = bed.agent("press");
    bed.subscribe(&press, "#", 1);
    bed.rows();
    for n in 0..2 {
        assert_eq!(bed.send("press", "cmd", 1, &n.to_string()).0, Outcome::Sent { sessions: 1 });
    }
    let refused = Outcome::Refused(Refused::Quota("the session's queue", 2));
    assert_eq!(bed.send("press", "cmd", 1, "2"), (refused, vec![]));
    assert_eq!(bed.rows().len(), 2, "what was refused is not in the audit");
    assert_eq!(bed.send("press", "cmd", 0, "3").0, Outcome::Sent { sessions: 1 }, "QoS 0 takes no room");
    let record = Record::Acknowledged { connection: press.clone(), packet_ids: vec![1] };
    assert_eq!(bed.apply(&record), (Outcome::Done, vec![Effect::Wake(session("press"))]));
    assert_eq!(bed.send("press", "cmd", 1, "4").0, Outcome::Sent { sessions: 1 });
}

#[test]
fn an_acknowledgement_of_nothing_wakes_nobody() {
    let mut bed = Bed::new();
    let older = bed.agent("press");
    bed.subscribe(&older, "#", 1);
    bed.send("press", "cmd", 1, "a");
    let newer = bed.connect("press", PERSISTENT);
    let stale = Record::Acknowledged { connection: older, packet_ids: vec![1] };
    assert_eq!(bed.effects(&stale), []);
    let unknown = Record::Acknowledged { connection: newer.clone(), packet_ids: vec![9] };
    assert_eq!(bed.effects(&unknown), []);
    assert_eq!(bed.inflight(&newer).len(), 1);
}

#[test]
fn a_redelivery_has_the_packet_id_and_the_epoch_of_the_first_delivery() {
    let mut bed = Bed::new();
    let first = bed.agent("press");
    bed.subscribe(&first, "#", 1);
    let position = bed.position;
    bed.send("press", "cmd", 1, "a");
    let second = bed.connect("press", PERSISTENT);
    let inflight: Vec<_> = bed.tenant.broker().inflight(&session("press"), second.epoch).collect();
    assert_eq!(inflight, [Inflight { packet_id: 1, position, epoch: first.epoch }]);
    assert_eq!(bed.inflight(&first), [], "the first connection sends nothing more");
}

#[test]
fn the_window_of_each_connection_is_kept_to() {
    let mut bed = Bed::new();
    let press = bed.agent("press");
    bed.subscribe(&press, "#", 1);
    for n in 0..3 {
        bed.send("press", "cmd", 1, &n.to_string());
    }
    assert_eq!(bed.inflight(&press).len(), 3);
    let press = bed.connect("press", Wish { receive_maximum: 1, ..PERSISTENT });
    assert_eq!(bed.inflight(&press).iter().map(|(id, _)| *id).collect::<Vec<_>>(), [1]);
    let record = Record::Acknowledged { connection: press.clone(), packet_ids: vec![1] };
    assert_eq!(bed.effects(&record), [Effect::Wake(session("press"))]);
    assert_eq!(bed.inflight(&press).iter().map(|(id, _)| *id).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_session_that_ends_waits_for_nothing() {
    let mut bed = Bed::new();
    bed.onboard("press");
    let press = bed.connect("press", CLEAN);
    bed.subscribe(&press, "#", 1);
    assert_eq!(bed.send("press", "cmd", 1, "a").0, Outcome::Sent { sessions: 1 });
    bed.disconnect(&press);
    assert_eq!(bed.tenant.queued_below(u64::MAX), [0_u64; 0]);
}

#[test]
fn a_record_gives_the_message_that_a_queue_entry_stands_for() {
    let bed = Bed::new();
    let sent = Record::Sent { change: bed.change(), topic: "t".into(), payload: b"p".as_slice().into(), qos: 1 };
    assert_eq!(sent.message(), Some(Message { topic: "t".to_owned(), payload: b"p".to_vec() }));
    assert_eq!(Record::Timeout { now_us: 0 }.message(), None);
}

#[test]
fn a_message_is_in_the_audit() {
    let mut bed = Bed::new();
    bed.rows();
    bed.send("press", "cmd", 1, "a");
    let rows = bed.rows();
    assert!(
        matches!(&rows[..], [row] if matches!(&row.row, ProjectionRow::Audit { action, .. } if action == "agent.send"))
    );
}
