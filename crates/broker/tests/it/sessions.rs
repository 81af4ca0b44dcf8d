//! Sessions over connections, take-overs and expiry.

use broker::{Broker, Connect, Disconnected, Face, Limits, Received, SessionKey, Subscription};

const FOR_EVER: u32 = u32::MAX;

fn connect(epoch: u64, clean_start: bool, expiry_s: u32) -> Connect {
    Connect { epoch, clean_start, expiry_s, receive_maximum: 2, now_us: 0 }
}

fn at_qos(qos: u8) -> Subscription {
    Subscription { qos, retain_as_published: false, identifier: None }
}

fn press() -> SessionKey {
    SessionKey::eu1("acme_press")
}

fn positions(broker: &Broker, epoch: u64) -> Vec<u64> {
    broker.inflight(&press(), epoch).map(|entry| entry.position).collect()
}

#[test]
fn a_persistent_session_keeps_what_it_missed() {
    let mut broker = Broker::default();
    broker.connect(press(), connect(1, false, FOR_EVER));
    assert!(broker.subscribe(&press(), 1, "i/#", at_qos(1)));
    assert_eq!(broker.disconnect(&press(), 1, None, 0), Disconnected::Kept);
    assert!(broker.route("i/a", 1, 50).wake.is_empty());
    assert!(broker.route("i/b", 0, 60).at_once.is_empty(), "QoS 0 is not kept");
    assert!(broker.connect(press(), connect(100, false, FOR_EVER)).session_present);
    assert_eq!(positions(&broker, 100), [50]);
}

#[test]
fn a_session_without_expiry_ends_with_its_connection() {
    let mut broker = Broker::default();
    broker.connect(press(), connect(1, true, 0));
    broker.subscribe(&press(), 1, "i/#", at_qos(1));
    assert_eq!(broker.disconnect(&press(), 1, None, 0), Disconnected::Ended);
    assert!(broker.session(&press()).is_none());
    assert!(!broker.connect(press(), connect(2, false, 0)).session_present);
    assert!(broker.listeners("i/a").is_empty());
}

#[test]
fn a_clean_start_discards_queue_and_subscriptions() {
    let mut broker = Broker::default();
    broker.connect(press(), connect(1, false, FOR_EVER));
    broker.subscribe(&press(), 1, "i/#", at_qos(1));
    broker.disconnect(&press(), 1, None, 0);
    broker.route("i/a", 1, 50);
    assert!(!broker.connect(press(), connect(2, true, FOR_EVER)).session_present);
    assert_eq!(positions(&broker, 2), []);
    assert!(broker.route("i/a", 1, 60).wake.is_empty());
}

#[test]
fn the_newer_connection_takes_over_on_any_face() {
    let mut broker = Broker::default();
    broker.connect(press(), connect(1, false, 60));
    let hub = SessionKey { face: Face::Hub, client_id: "acme_press".into() };
    let connected = broker.connect(hub.clone(), connect(2, true, 0));
    assert_eq!(connected.superseded, [(press(), 1)]);
    assert_eq!(broker.live_connections("acme_press"), [(hub, 2)]);
    assert_eq!(broker.poll_timeout(), Some(60_000_000), "the session left behind expires");
    assert_eq!(broker.disconnect(&press(), 1, None, 0), Disconnected::Stale);
}

#[test]
fn a_stale_connection_can_change_nothing() {
    let mut broker = Broker::default();
    broker.connect(press(), connect(1, false, FOR_EVER));
    broker.subscribe(&press(), 1, "i/#", at_qos(1));
    broker.route("i/a", 1, 50);
    broker.connect(press(), connect(2, false, FOR_EVER));
    assert!(!broker.acknowledge(&press(), 1, 1));
    assert!(!broker.subscribe(&press(), 1, "i/x", at_qos(1)));
    assert!(!broker.unsubscribe(&press(), 1, "i/#"));
    assert_eq!(positions(&broker, 2), [50]);
    assert!(broker.acknowledge(&press(), 2, 1));
    assert_eq!(positions(&broker, 2), []);
}

#[test]
fn overlapping_subscriptions_deliver_once_at_the_highest_qos() {
    let mut broker = Broker::default();
    broker.connect(press(), connect(1, false, FOR_EVER));
    broker.subscribe(&press(), 1, "i/#", at_qos(0));
    broker.subscribe(&press(), 1, "i/a", at_qos(1));
    let routed = broker.route("i/a", 1, 50);
    assert_eq!((routed.wake, routed.at_once), (vec![press()], vec![]));
}

#[test]
fn an_expired_session_is_gone_and_one_resumed_in_time_is_not() {
    let mut broker = Broker::default();
    broker.connect(press(), connect(1, false, 10));
    broker.disconnect(&press(), 1, None, 1_000_000);
    assert_eq!(broker.poll_timeout(), Some(11_000_000));
    broker.connect(press(), connect(2, false, 10));
    assert_eq!(broker.poll_timeout(), None);
    broker.disconnect(&press(), 2, Some(20), 1_000_000);
    assert!(broker.expire(20_999_999).is_empty());
    assert_eq!(broker.expire(21_000_000), [press()]);
    assert!(broker.session(&press()).is_none());
}

#[test]
fn a_full_queue_refuses_the_message_for_everybody() {
    let mut broker = Broker::new(Limits { queued_per_session_max: 1, ..Limits::default() });
    let lathe = SessionKey::eu1("acme_lathe");
    for (key, epoch) in [(press(), 1), (lathe.clone(), 2)] {
        broker.connect(key.clone(), connect(epoch, false, FOR_EVER));
        broker.subscribe(&key, epoch, "x", at_qos(1));
    }
    assert!(broker.route("x", 1, 50).full.is_empty());
    broker.acknowledge(&lathe, 2, 1);
    assert_eq!(broker.route("x", 1, 60).full, [press()]);
    assert_eq!(broker.inflight(&lathe, 2).count(), 0, "nothing half delivered");
}

#[test]
fn an_incoming_qos_2_id_counts_once_until_it_is_released() {
    let mut broker = Broker::default();
    broker.connect(press(), connect(1, false, FOR_EVER));
    assert_eq!(broker.receive_exactly_once(&press(), 1, 7), Received::New);
    broker.connect(press(), connect(2, false, FOR_EVER));
    assert_eq!(broker.receive_exactly_once(&press(), 2, 7), Received::Again, "also over a reconnect");
    assert_eq!(broker.receive_exactly_once(&press(), 1, 8), Received::Stale, "it is sent again on the new connection");
    assert_eq!(broker.receive_exactly_once(&press(), 2, 8), Received::New);
    assert!(broker.release(&press(), 2, 7));
    assert!(!broker.release(&press(), 2, 7));
    assert_eq!(broker.receive_exactly_once(&press(), 2, 7), Received::New);
}

#[test]
fn a_restored_broker_behaves_like_the_one_it_was_taken_from() {
    let mut broker = Broker::default();
    broker.connect(press(), connect(1, false, 30));
    broker.subscribe(&press(), 1, "i/#", at_qos(1));
    broker.disconnect(&press(), 1, None, 0);
    broker.route("i/a", 1, 50);
    let mut restored = Broker::default();
    for (key, session) in broker.sessions() {
        restored.restore(key.clone(), session.clone());
    }
    assert_eq!(restored.poll_timeout(), Some(30_000_000));
    restored.route("i/a", 1, 60);
    restored.connect(press(), connect(9, false, 30));
    assert_eq!(positions(&restored, 9), [50, 60]);
}
