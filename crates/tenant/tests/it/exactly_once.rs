//! QoS 2: a message is taken once, however often it is sent within its session.

use tenant::{Connection, Ledger, Outcome, Record, Refused, Verdict, VerdictKind};

use crate::bed::{Bed, CLEAN, NOW, PERSISTENT, message, time_series_topic};

fn send(bed: &mut Bed, connection: &Connection<'static>, packet_id: u16, payload: &str) -> Outcome {
    bed.apply_publish(connection, &time_series_topic(connection), 2, Some(packet_id), payload).0
}

fn release(bed: &mut Bed, connection: &Connection<'static>, packet_id: u16) -> Outcome {
    bed.outcome(&Record::Released { connection: connection.clone(), packet_id })
}

fn stored(count: u64) -> Ledger {
    Ledger { stored: count, ..Ledger::default() }
}

fn counts(outcome: Outcome) -> Ledger {
    match outcome {
        Outcome::Published(verdict) => verdict.counts,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_repeat_is_answered_and_not_taken() {
    let mut bed = Bed::new();
    let press = bed.agent("press");
    let payload = message(&[("temp", NOW, "1")]);
    assert_eq!(counts(send(&mut bed, &press, 7, &payload)), stored(1));
    let nothing = Verdict { counts: Ledger::default(), kind: VerdictKind::Accepted, reason: None };
    assert_eq!(send(&mut bed, &press, 7, &payload), Outcome::Published(nothing));
    assert_eq!(bed.ledger("press"), stored(1), "not even as a duplicate");
}

#[test]
fn a_released_id_is_free_for_another_message() {
    let mut bed = Bed::new();
    let press = bed.agent("press");
    send(&mut bed, &press, 7, &message(&[("temp", NOW, "1")]));
    assert_eq!(release(&mut bed, &press, 7), Outcome::Released(true));
    assert_eq!(release(&mut bed, &press, 7), Outcome::Released(false));
    assert_eq!(counts(send(&mut bed, &press, 7, &message(&[("temp", NOW + 1000, "2")]))), stored(1));
}

#[test]
fn a_persistent_session_knows_the_id_on_its_next_connection() {
    let mut bed = Bed::new();
    let press = bed.agent("press");
    let payload = message(&[("temp", NOW, "1")]);
    send(&mut bed, &press, 7, &payload);
    bed.disconnect(&press);
    let press = bed.connect("press", PERSISTENT);
    assert_eq!(counts(send(&mut bed, &press, 7, &payload)), Ledger::default());
    assert_eq!(release(&mut bed, &press, 7), Outcome::Released(true));
}

#[test]
fn another_session_has_ids_of_its_own() {
    let mut bed = Bed::new();
    let press = bed.agent("press");
    send(&mut bed, &press, 7, &message(&[("temp", NOW, "1")]));
    bed.disconnect(&press);
    let press = bed.connect("press", CLEAN);
    assert_eq!(counts(send(&mut bed, &press, 7, &message(&[("temp", NOW + 1000, "2")]))), stored(1));
}

#[test]
fn what_a_dead_connection_sent_is_not_taken_because_it_will_come_again() {
    let mut bed = Bed::new();
    let older = bed.agent("press");
    let newer = bed.connect("press", PERSISTENT);
    let payload = message(&[("temp", NOW, "1")]);
    assert_eq!(send(&mut bed, &older, 7, &payload), Outcome::Refused(Refused::Stale));
    assert_eq!(release(&mut bed, &older, 7), Outcome::Released(false));
    assert_eq!(bed.ledger("press"), Ledger::default());
    assert_eq!(counts(send(&mut bed, &newer, 7, &payload)), stored(1));
}

#[test]
fn an_id_is_free_again_when_its_message_was_refused() {
    let mut bed = Bed::new();
    let press = bed.agent("press");
    let Outcome::Published(verdict) = send(&mut bed, &press, 7, "no JSON") else { panic!() };
    assert_eq!(verdict.kind, VerdictKind::Unusable);
    // PUBREC says so in version 5, and the client does not release: the next message with this id is a new one.
    assert_eq!(counts(send(&mut bed, &press, 7, &message(&[("temp", NOW, "1")]))), stored(1));
    assert_eq!(release(&mut bed, &press, 7), Outcome::Released(true));
}
