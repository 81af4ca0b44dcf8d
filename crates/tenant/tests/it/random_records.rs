//! Any record comes back from its bytes as it was, and any bytes are a record or an error.

use std::borrow::Cow;

use broker::{Face, Subscription};
use identity::Judgement;
use ingest::{Code, Finding, Row, State, Value};
use proptest::prelude::*;
use tenant::{Change, Connected, Connection, Published, Record};

use crate::record_format::judgement;

fn text() -> impl Strategy<Value = Cow<'static, str>> {
    "\\PC{0,12}".prop_map(Cow::Owned)
}

fn bytes() -> impl Strategy<Value = Cow<'static, [u8]>> {
    prop::collection::vec(any::<u8>(), 0..40).prop_map(Cow::Owned)
}

fn face() -> impl Strategy<Value = Face> {
    prop_oneof![Just(Face::Eu1), Just(Face::Hub), Just(Face::App)]
}

fn change() -> impl Strategy<Value = Change<'static>> {
    (text(), any::<i64>()).prop_map(|(actor, at_us)| Change { actor, at_us })
}

fn connection() -> impl Strategy<Value = Connection<'static>> {
    (face(), text(), any::<u64>()).prop_map(|(face, client_id, epoch)| Connection { face, client_id, epoch })
}

fn any_judgement() -> impl Strategy<Value = Judgement> {
    (any::<u128>(), any::<i64>(), "[0-9a-f]{0,40}")
        .prop_map(|(authority, at_us, serial)| judgement(authority, &serial, at_us))
}

fn value() -> impl Strategy<Value = Value<'static>> {
    prop_oneof![
        any::<i64>().prop_map(Value::Integer),
        (any::<i64>(), any::<u8>()).prop_map(|(mantissa, scale)| Value::Decimal { mantissa, scale }),
        any::<f64>().prop_filter("NaN is not equal to itself", |number| !number.is_nan()).prop_map(Value::Float),
        text().prop_map(Value::Text),
    ]
}

fn row() -> impl Strategy<Value = Row<'static>> {
    (text(), any::<i64>(), value(), any::<i64>()).prop_map(|(data_point, time_us, value, quality)| Row {
        data_point,
        time_us,
        value,
        quality,
    })
}

fn finding() -> impl Strategy<Value = Finding> {
    let state = prop_oneof![Just(State::Stored), Just(State::Parked), Just(State::Rejected)];
    let code = prop_oneof![Just(Code::BadPayload), Just(Code::FutureTimestamp), Just(Code::QuotaExceeded)];
    (state, code, text(), text(), prop::option::of(text()), any::<u32>()).prop_map(
        |(state, code, message, path, data_point, count)| Finding {
            state,
            code,
            message: message.into_owned(),
            path: path.into_owned(),
            data_point: data_point.map(Cow::into_owned),
            count,
        },
    )
}

fn subscription() -> impl Strategy<Value = Subscription> {
    (0..3_u8, any::<bool>(), any::<Option<u32>>()).prop_map(|(qos, retain_as_published, identifier)| Subscription {
        qos,
        retain_as_published,
        identifier,
    })
}

fn control() -> impl Strategy<Value = Record<'static>> {
    prop_oneof![
        change().prop_map(Record::TenantCreated),
        (change(), any::<u128>(), text(), bytes(), text()).prop_map(|(change, authority, name, der, code)| {
            Record::AuthorityAdded { change, authority, name, der, code }
        }),
        (change(), any::<u128>(), text()).prop_map(|(change, authority, code)| Record::AuthorityVerified {
            change,
            authority,
            code
        }),
        (change(), any::<u128>(), text()).prop_map(|(change, authority, code)| Record::CodeRenewed {
            change,
            authority,
            code
        }),
        (change(), any::<u128>()).prop_map(|(change, authority)| Record::AuthorityRevoked { change, authority }),
        (any_judgement(), any::<i64>()).prop_map(|(judgement, at_us)| Record::AgentOnboarded { judgement, at_us }),
        (change(), text()).prop_map(|(change, agent)| Record::AgentRevoked { change, agent }),
        (change(), text()).prop_map(|(change, agent)| Record::AgentRestored { change, agent }),
        (change(), text(), bytes(), 0..2_u8).prop_map(|(change, topic, payload, qos)| Record::Sent {
            change,
            topic,
            payload,
            qos
        }),
        any::<i64>().prop_map(|at_us| Record::Restarted { at_us }),
        any::<i64>().prop_map(|now_us| Record::Timeout { now_us }),
        (any::<usize>(), any::<i64>()).prop_map(|(agents_max, at_us)| {
            let limits = tenant::Limits { agents_max, ..tenant::Limits::default() };
            Record::LimitsSet { limits, at_us }
        }),
    ]
}

fn session() -> impl Strategy<Value = Record<'static>> {
    let connected = (face(), text(), any_judgement(), any::<bool>(), any::<u32>(), any::<u16>(), text(), any::<i64>());
    prop_oneof![
        connected.prop_map(|(face, client_id, judgement, clean_start, expiry_s, receive_maximum, address, at_us)| {
            Record::Connected(Connected {
                face,
                client_id,
                judgement,
                clean_start,
                expiry_s,
                receive_maximum,
                address,
                at_us,
            })
        }),
        (connection(), any::<Option<u32>>(), prop::option::of(text()), any::<i64>()).prop_map(
            |(connection, expiry_s, fault, at_us)| Record::Disconnected { connection, expiry_s, fault, at_us }
        ),
        (connection(), prop::collection::vec((text(), subscription()), 0..3))
            .prop_map(|(connection, filters)| Record::Subscribed { connection, filters }),
        (connection(), prop::collection::vec(text(), 0..3))
            .prop_map(|(connection, filters)| Record::Unsubscribed { connection, filters }),
        (connection(), any::<u16>()).prop_map(|(connection, packet_id)| Record::Released { connection, packet_id }),
        (connection(), prop::collection::vec(any::<u16>(), 0..4))
            .prop_map(|(connection, packet_ids)| Record::Acknowledged { connection, packet_ids }),
    ]
}

fn publish() -> impl Strategy<Value = Record<'static>> {
    let content = (prop::collection::vec(row(), 0..4), prop::collection::vec(finding(), 0..3));
    (connection(), any::<Option<u16>>(), 0..3_u8, any::<i64>(), text(), bytes(), any::<u16>(), content).prop_map(
        |(connection, packet_id, qos, received_us, topic, payload, decoder, (rows, findings))| {
            Record::Published(Published {
                connection,
                packet_id,
                qos,
                received_us,
                topic,
                payload,
                decoder,
                rows,
                findings,
            })
        },
    )
}

fn record() -> impl Strategy<Value = Record<'static>> {
    prop_oneof![control(), session(), publish()]
}

proptest! {
    #[test]
    fn a_record_comes_back_as_it_was(record in record()) {
        let bytes = record.encode();
        prop_assert_eq!(Record::decode(&bytes).unwrap(), record);
    }

    #[test]
    fn a_record_that_was_cut_short_is_none(record in record(), cut in any::<prop::sample::Index>()) {
        let bytes = record.encode();
        prop_assert!(Record::decode(&bytes[..cut.index(bytes.len())]).is_err());
    }

    #[test]
    fn any_bytes_are_a_record_or_an_error(mut bytes in prop::collection::vec(any::<u8>(), 0..200), version in any::<bool>()) {
        if let (true, Some(first)) = (version, bytes.first_mut()) {
            *first = 1;
        }
        if let Ok(record) = Record::decode(&bytes) {
            let again = record.encode();
            prop_assert_eq!(Record::decode(&again).unwrap().encode(), again);
        }
    }

    #[test]
    fn a_damaged_record_is_a_record_or_an_error(record in record(), at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let mut bytes = record.encode();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        let _ = Record::decode(&bytes);
    }
}
