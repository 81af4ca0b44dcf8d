//! A client may send before it has its CONNACK [MQTT-3.1.4-6].

use std::time::Duration;

use dinrail_mqtt::{Accept, ConnectRefusal, Connection, Event, Limits};

use crate::client::{VERSIONS, connect, publish};

#[test]
fn what_follows_the_connect_waits_until_it_is_accepted() {
    for version in VERSIONS {
        let input = [connect(version), publish(version, 0, 0), publish(version, 1, 7)].concat();
        let mut connection = Connection::new(Limits::default(), Duration::ZERO);
        let mut rest = &input[..];
        let mut next = |connection: &mut Connection| connection.handle_input(Duration::ZERO, &mut rest).unwrap();
        assert!(matches!(next(&mut connection), Some(Event::Connect(_))));
        assert_eq!(next(&mut connection), None);
        assert_eq!(next(&mut connection), None);
        connection.accept(Accept::default());
        assert!(matches!(next(&mut connection), Some(Event::Publish(publish)) if publish.packet_id.is_none()));
        assert!(matches!(next(&mut connection), Some(Event::Publish(publish)) if publish.packet_id == Some(7)));
        assert_eq!(next(&mut connection), None);
        assert!(rest.is_empty());
    }
}

#[test]
fn what_follows_the_connect_is_dropped_when_it_is_refused() {
    for version in VERSIONS {
        let input = [connect(version), publish(version, 0, 0)].concat();
        let mut connection = Connection::new(Limits::default(), Duration::ZERO);
        let mut rest = &input[..];
        connection.handle_input(Duration::ZERO, &mut rest).unwrap();
        connection.refuse(ConnectRefusal::NotAuthorized, None);
        assert_eq!(connection.handle_input(Duration::ZERO, &mut rest), Ok(None));
        assert_eq!(rest, publish(version, 0, 0));
    }
}

#[test]
fn what_is_wrong_behind_the_connect_is_told_after_the_connack() {
    for version in VERSIONS {
        let input = [connect(version), connect(version)].concat();
        let mut connection = Connection::new(Limits::default(), Duration::ZERO);
        let mut rest = &input[..];
        connection.handle_input(Duration::ZERO, &mut rest).unwrap();
        assert_eq!(connection.handle_input(Duration::ZERO, &mut rest), Ok(None));
        connection.accept(Accept::default());
        let error = connection.handle_input(Duration::ZERO, &mut rest).unwrap_err();
        assert_eq!(error.label(), "second_connect");
    }
}
