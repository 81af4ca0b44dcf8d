//! Connections come, take over and go.

use broker::Face;
use tenant::{CloseReason, Effect, Outcome, Presence, Record, Refused};

use crate::bed::{Bed, CLEAN, FOR_EVER, NOW, PERSISTENT, SECOND, Wish, session};

#[test]
fn a_connection_makes_the_agent_online_until_it_ends() {
    let mut bed = Bed::new();
    let connection = bed.agent("press");
    let status = bed.tenant.agent("acme_press").unwrap().status().clone();
    assert_eq!((status.presence, &*status.address), (Presence::Online(NOW), "192.0.2.7:49152"));
    bed.now_us += SECOND;
    assert_eq!(bed.disconnect(&connection), Outcome::Done);
    assert_eq!(bed.tenant.agent("acme_press").unwrap().status().presence, Presence::Offline(NOW + SECOND));
}

#[test]
fn the_newer_connection_takes_over_and_the_older_one_has_to_go() {
    let mut bed = Bed::new();
    let older = bed.agent("press");
    let epoch = bed.position;
    let (outcome, effects) = bed.apply_connect("press", PERSISTENT);
    assert_eq!(outcome, Outcome::Connected { session_present: true });
    let close = Effect::Close { session: session("press"), epoch: older.epoch, reason: CloseReason::TakenOver };
    assert_eq!(effects, [close]);
    assert_eq!(bed.tenant.broker().live_connections("acme_press"), [(session("press"), epoch)]);
    // What the older one still says changes nothing.
    assert_eq!(bed.disconnect(&older), Outcome::Refused(Refused::Stale));
    assert!(matches!(bed.tenant.agent("acme_press").unwrap().status().presence, Presence::Online(_)));
}

#[test]
fn a_connection_takes_over_across_faces() {
    let mut bed = Bed::new();
    let older = bed.agent("press");
    let hub = Wish { face: Face::Hub, ..PERSISTENT };
    let (outcome, effects) = bed.apply_connect("press", hub);
    assert_eq!(outcome, Outcome::Connected { session_present: false }, "each face has a session of its own");
    let close = Effect::Close { session: session("press"), epoch: older.epoch, reason: CloseReason::TakenOver };
    assert_eq!(effects, [close]);
    assert_eq!(bed.tenant.broker().live_connections("acme_press").len(), 1);
}

#[test]
fn a_resumed_session_is_woken_for_what_it_waits_for() {
    let mut bed = Bed::new();
    let connection = bed.agent("press");
    bed.subscribe(&connection, "#", 1);
    bed.disconnect(&connection);
    let (outcome, effects) = bed.send("press", "cmd", 1, "start");
    assert_eq!((outcome, effects), (Outcome::Sent { sessions: 1 }, vec![]));
    assert_eq!(bed.apply_connect("press", PERSISTENT).1, [Effect::Wake(session("press"))]);
}

#[test]
fn a_clean_start_forgets_what_a_persistent_one_keeps() {
    let mut bed = Bed::new();
    let connection = bed.agent("press");
    bed.subscribe(&connection, "#", 1);
    bed.disconnect(&connection);
    assert_eq!(bed.apply_connect("press", PERSISTENT).0, Outcome::Connected { session_present: true });
    assert_eq!(bed.apply_connect("press", CLEAN).0, Outcome::Connected { session_present: false });
    assert_eq!(bed.apply_connect("press", PERSISTENT).0, Outcome::Connected { session_present: false });
}

#[test]
fn a_disconnect_may_give_the_session_another_end() {
    let mut bed = Bed::new();
    let connection = bed.agent("press");
    let record =
        Record::Disconnected { connection: connection.clone(), expiry_s: Some(0), fault: None, at_us: bed.now_us };
    assert_eq!(bed.outcome(&record), Outcome::Done);
    assert!(bed.tenant.broker().session(&session("press")).is_none());
    let connection = bed.connect("press", Wish { expiry_s: 10, ..PERSISTENT });
    let record = Record::Disconnected { connection, expiry_s: Some(FOR_EVER), fault: None, at_us: bed.now_us };
    bed.apply(&record);
    assert_eq!(bed.tenant.poll_timeout(), None);
}

#[test]
fn a_fault_of_the_client_is_remembered_by_the_next_checkpoint_too() {
    let mut bed = Bed::new();
    let connection = bed.agent("press");
    let parts = bed.tenant.checkpoint();
    bed.tenant.checkpointed(&parts);
    let fault = Some("packet_too_large".into());
    let record = Record::Disconnected { connection, expiry_s: None, fault, at_us: bed.now_us };
    bed.apply(&record);
    let last_error = bed.tenant.agent("acme_press").unwrap().status().last_error.clone().unwrap();
    assert_eq!(last_error.code, "packet_too_large");
    let keys: Vec<_> = bed.tenant.checkpoint().parts.into_iter().map(|part| part.key).collect();
    assert!(keys.contains(&"status/acme_press".to_owned()), "{keys:?}");
}
