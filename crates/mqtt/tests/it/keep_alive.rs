//! A client that is silent for 1.5 times its Keep Alive is gone.

use std::time::Duration;

use dinrail_mqtt::{Accept, Limits, Timeout, Version};

use crate::client::{Peer, VERSIONS, connect, publish};
use crate::notation::bytes;

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A connection with this Keep Alive, accepted at time 0.
fn with_keep_alive(keep_alive: u16) -> Peer {
    let request = bytes(&format!("10 0d 0004'MQTT' 04 02 {keep_alive:04x} 0001'a'"));
    Peer::connected_with(Limits::default(), &request)
}

#[test]
fn it_is_one_and_a_half_times_the_keep_alive() {
    for version in VERSIONS {
        let mut peer = Peer::connected(version);
        assert_eq!(peer.connection.poll_timeout(), Some(s(90)));
        assert_eq!(peer.connection.handle_timeout(s(90) - Duration::from_nanos(1)), None);
        assert_eq!(peer.connection.handle_timeout(s(90)), Some(Timeout::KeepAlive));
    }
}

#[test]
fn a_keep_alive_of_one_second_is_not_rounded() {
    assert_eq!(with_keep_alive(1).connection.poll_timeout(), Some(Duration::from_millis(1_500)));
}

#[test]
fn the_longest_keep_alive_is_honoured() {
    assert_eq!(with_keep_alive(65_535).connection.poll_timeout(), Some(Duration::from_millis(98_302_500)));
}

#[test]
fn without_a_keep_alive_the_idle_time_is_capped() {
    assert_eq!(with_keep_alive(0).connection.poll_timeout(), Some(s(1_767)));
    let limits = Limits { idle_max: None, ..Limits::default() };
    let peer = Peer::connected_with(limits, &bytes("10 0d 0004'MQTT' 04 02 0000 0001'a'"));
    assert_eq!(peer.connection.poll_timeout(), None);
}

#[test]
fn the_server_may_say_another_one() {
    let mut peer = Peer::fresh(Limits::default());
    peer.receive(&connect(Version::V5)).unwrap().unwrap();
    peer.connection.accept(Accept { keep_alive: Some(10), ..Accept::default() });
    assert_eq!(peer.connection.poll_timeout(), Some(s(15)));
}

#[test]
fn every_packet_counts_and_half_a_packet_does_not() {
    for version in VERSIONS {
        let mut peer = Peer::connected(version);
        let message = publish(version, 0, 0);
        peer.receive_at(s(30), &message).unwrap().unwrap();
        assert_eq!(peer.connection.poll_timeout(), Some(s(120)));
        peer.receive_at(s(50), &bytes("c0 00")).unwrap().unwrap();
        assert_eq!(peer.connection.poll_timeout(), Some(s(140)));
        assert_eq!(peer.receive_at(s(100), &message[..3]), Ok(None));
        assert_eq!(peer.connection.poll_timeout(), Some(s(140)));
    }
}

#[test]
fn the_time_in_which_nobody_reads_does_not_count() {
    let mut peer = Peer::connected(Version::V311);
    peer.connection.suspend(s(80));
    assert_eq!(peer.connection.poll_timeout(), None);
    assert_eq!(peer.connection.handle_timeout(s(5_000)), None);
    peer.connection.resume(s(5_000));
    assert_eq!(peer.connection.poll_timeout(), Some(s(5_010)));
    assert_eq!(peer.connection.handle_timeout(s(5_010)), Some(Timeout::KeepAlive));
}

#[test]
fn saying_it_again_changes_nothing() {
    let mut peer = Peer::connected(Version::V311);
    peer.connection.resume(s(10));
    assert_eq!(peer.connection.poll_timeout(), Some(s(90)));
    peer.connection.suspend(s(80));
    peer.connection.suspend(s(85));
    peer.connection.resume(s(100));
    peer.connection.resume(s(105));
    assert_eq!(peer.connection.poll_timeout(), Some(s(110)));
}

#[test]
fn a_packet_that_was_read_before_is_heard_when_it_is_taken() {
    let mut peer = Peer::connected(Version::V311);
    peer.connection.suspend(s(80));
    peer.receive_at(s(200), &bytes("c0 00")).unwrap().unwrap();
    peer.connection.resume(s(300));
    assert_eq!(peer.connection.poll_timeout(), Some(s(390)));
}

#[test]
fn the_time_for_the_connect_runs_even_if_nobody_reads() {
    let mut peer = Peer::fresh(Limits::default());
    peer.connection.suspend(s(1));
    assert_eq!(peer.connection.poll_timeout(), Some(s(10)));
}
