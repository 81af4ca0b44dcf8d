//! What a restart and the passing of time do.

use tenant::{Outcome, Presence, Record};

use crate::bed::{Bed, CLEAN, NOW, PERSISTENT, SECOND, Wish, session};

#[test]
fn after_a_restart_nobody_is_connected() {
    let mut bed = Bed::new();
    let press = bed.agent("press");
    bed.onboard("pump");
    bed.connect("pump", CLEAN);
    bed.now_us += SECOND;
    assert_eq!(bed.apply(&Record::Restarted { at_us: bed.now_us }), (Outcome::Done, vec![]));
    for name in ["press", "pump"] {
        let client_id = format!("acme_{name}");
        assert_eq!(bed.tenant.broker().live_connections(&client_id), []);
        assert_eq!(bed.tenant.agent(&client_id).unwrap().status().presence, Presence::Offline(NOW + SECOND));
    }
    assert!(bed.tenant.broker().session(&press.session()).is_some(), "a persistent session waits");
    assert!(bed.tenant.broker().session(&session("pump")).is_none(), "a clean one has ended");
}

#[test]
fn the_time_of_an_absent_session_begins_with_the_restart() {
    let mut bed = Bed::new();
    bed.onboard("press");
    bed.connect("press", Wish { expiry_s: 60, ..PERSISTENT });
    assert_eq!(bed.tenant.poll_timeout(), None, "a connected session does not expire");
    bed.apply(&Record::Restarted { at_us: NOW + SECOND });
    assert_eq!(bed.tenant.poll_timeout(), Some(NOW + 61 * SECOND));
}

#[test]
fn an_absent_session_ends_when_its_time_is_over() {
    let mut bed = Bed::new();
    bed.onboard("press");
    let press = bed.connect("press", Wish { expiry_s: 60, ..PERSISTENT });
    bed.subscribe(&press, "#", 1);
    bed.disconnect(&press);
    bed.apply(&Record::Timeout { now_us: NOW + 59 * SECOND });
    assert!(bed.tenant.broker().session(&session("press")).is_some());
    bed.apply(&Record::Timeout { now_us: NOW + 60 * SECOND });
    assert!(bed.tenant.broker().session(&session("press")).is_none());
    assert_eq!(bed.send("press", "cmd", 1, "a").0, Outcome::Sent { sessions: 0 });
    assert_eq!(bed.tenant.poll_timeout(), None);
}
