//! The bytes of a record are a promise: what an earlier version wrote is read as what it meant.
//!
//! `records_v1.txt` has one record of each variant as it was first released. A line of it is never changed.

use broker::{Face, Subscription};
use identity::Judgement;
use ingest::{Code, Finding, Row, State, Value};
use tenant::{Change, Connected, Connection, Published, Record, RecordError};

const VERSION_1: &str = include_str!("records_v1.txt");

/// A judgement with these values; else only verification makes one.
pub(crate) fn judgement(authority: u128, serial: &str, at_us: i64) -> Judgement {
    let (not_after_us, trusted_until_us) = (at_us.saturating_add(2), at_us.saturating_add(1));
    let fingerprint = [7; 32];
    // Not by way of a JSON value, which has no number of 128 bits.
    let plain = format!(
        r#"{{"client_id": "acme_press", "fingerprint": {fingerprint:?}, "authority": {authority}, "serial": "{serial}",
            "subject": "CN=press", "issuer": "CN=Works", "not_before_us": {at_us}, "not_after_us": {not_after_us},
            "trusted_until_us": {trusted_until_us}}}"#
    );
    serde_json::from_str(&plain).unwrap()
}

fn change() -> Change<'static> {
    Change { actor: "token:7".into(), at_us: 1_772_366_400_000_001 }
}

fn connection() -> Connection<'static> {
    Connection { face: Face::Eu1, client_id: "acme_press".into(), epoch: 300 }
}

fn rows() -> Vec<Row<'static>> {
    let values =
        [Value::Integer(-17), Value::Decimal { mantissa: 2180, scale: 2 }, Value::Float(0.5), Value::Text("on".into())];
    (1..)
        .zip(values)
        .map(|(n, value)| Row { data_point: "temp".into(), time_us: n * 1000, value, quality: n })
        .collect()
}

fn findings() -> Vec<Finding> {
    let finding = |state, code, data_point: Option<&str>| Finding {
        state,
        code,
        message: "There is no value.".to_owned(),
        path: "$.timeseries[0].values[1].value".to_owned(),
        data_point: data_point.map(str::to_owned),
        count: 3,
    };
    vec![
        finding(State::Rejected, Code::BadValue, Some("temp")),
        finding(State::Stored, Code::MissingQualityCode, None),
        finding(State::Parked, Code::QuotaExceeded, None),
    ]
}

/// One of each variant, by name.
fn records() -> Vec<(&'static str, Record<'static>)> {
    let authority = u128::MAX - 7;
    let subscription = Subscription { qos: 1, retain_as_published: true, identifier: Some(200) };
    vec![
        ("TenantCreated", Record::TenantCreated(change())),
        (
            "AuthorityAdded",
            Record::AuthorityAdded {
                change: change(),
                authority,
                name: "Works".into(),
                der: vec![0x30, 0, 0xff].into(),
                code: "00ff".into(),
            },
        ),
        ("AuthorityVerified", Record::AuthorityVerified { change: change(), authority, code: "00ff".into() }),
        ("CodeRenewed", Record::CodeRenewed { change: change(), authority, code: "ff00".into() }),
        ("AuthorityRevoked", Record::AuthorityRevoked { change: change(), authority }),
        ("AgentOnboarded", Record::AgentOnboarded { judgement: judgement(5, "12ab", 7), at_us: 9 }),
        ("AgentRevoked", Record::AgentRevoked { change: change(), agent: "acme_press".into() }),
        ("AgentRestored", Record::AgentRestored { change: change(), agent: "acme_press".into() }),
        (
            "Connected",
            Record::Connected(Connected {
                face: Face::Hub,
                client_id: "acme_press".into(),
                judgement: judgement(5, "12ab", 7),
                clean_start: true,
                expiry_s: u32::MAX,
                receive_maximum: 65_535,
                address: "192.0.2.7:49152".into(),
                at_us: 11,
            }),
        ),
        (
            "Disconnected",
            Record::Disconnected {
                connection: connection(),
                expiry_s: Some(60),
                fault: Some("malformed".into()),
                at_us: 12,
            },
        ),
        (
            "Subscribed",
            Record::Subscribed {
                connection: connection(),
                filters: vec![("tc/acme/acme_press/i/#".into(), subscription)],
            },
        ),
        (
            "Unsubscribed",
            Record::Unsubscribed { connection: connection(), filters: vec!["tc/acme/acme_press/i/#".into()] },
        ),
        (
            "Published",
            Record::Published(Published {
                connection: Connection { face: Face::App, ..connection() },
                packet_id: Some(515),
                qos: 2,
                received_us: 13,
                topic: "tc/acme/acme_press/o/mc_v3/ts".into(),
                payload: vec![0, 1, 0xfe].into(),
                decoder: 1,
                rows: rows(),
                findings: findings(),
            }),
        ),
        ("Released", Record::Released { connection: connection(), packet_id: 515 }),
        ("Acknowledged", Record::Acknowledged { connection: connection(), packet_ids: vec![1, 515] }),
        (
            "Sent",
            Record::Sent {
                change: change(),
                topic: "tc/acme/acme_press/i/cmd".into(),
                payload: b"go".to_vec().into(),
                qos: 1,
            },
        ),
        ("Restarted", Record::Restarted { at_us: -14 }),
        ("Timeout", Record::Timeout { now_us: 15 }),
        ("LimitsSet", Record::LimitsSet { limits: limits(), at_us: 16 }),
    ]
}

/// A new variant does not compile here until it has a name, and then has no line in the file.
fn limits() -> tenant::Limits {
    let broker = broker::Limits { queued_per_session_max: 1, subscriptions_per_session_max: 2 };
    tenant::Limits { agents_max: 3, data_points_per_agent_max: 4, authorities_max: 300, broker }
}

fn name(record: &Record<'_>) -> &'static str {
    match record {
        Record::TenantCreated(_) => "TenantCreated",
        Record::AuthorityAdded { .. } => "AuthorityAdded",
        Record::AuthorityVerified { .. } => "AuthorityVerified",
        Record::CodeRenewed { .. } => "CodeRenewed",
        Record::AuthorityRevoked { .. } => "AuthorityRevoked",
        Record::AgentOnboarded { .. } => "AgentOnboarded",
        Record::AgentRevoked { .. } => "AgentRevoked",
        Record::AgentRestored { .. } => "AgentRestored",
        Record::Connected(_) => "Connected",
        Record::Disconnected { .. } => "Disconnected",
        Record::Subscribed { .. } => "Subscribed",
        Record::Unsubscribed { .. } => "Unsubscribed",
        Record::Published(_) => "Published",
        Record::Released { .. } => "Released",
        Record::Acknowledged { .. } => "Acknowledged",
        Record::Sent { .. } => "Sent",
        Record::Restarted { .. } => "Restarted",
        Record::Timeout { .. } => "Timeout",
        Record::LimitsSet { .. } => "LimitsSet",
    }
}

#[test]
fn records_of_version_1_are_read_as_what_they_meant() {
    let lines: Vec<_> = VERSION_1.lines().map(|line| line.split_once(' ').unwrap()).collect();
    let records = records();
    let now: String =
        records.iter().map(|(name, record)| format!("{name} {}\n", hex::encode(record.encode()))).collect();
    assert_eq!(lines.len(), records.len(), "what is written now:\n{now}");
    for ((label, digits), (expected_name, record)) in lines.into_iter().zip(&records) {
        let bytes = hex::decode(digits).unwrap();
        assert_eq!((label, name(record)), (*expected_name, *expected_name));
        assert_eq!(&Record::decode(&bytes).unwrap(), record, "{label}");
        assert_eq!(
            hex::encode(record.encode()),
            digits,
            "{label} is written in another way; what is written now:\n{now}"
        );
    }
}

#[test]
fn what_is_no_record_says_why() {
    assert!(matches!(Record::decode(&[]), Err(RecordError::Empty)));
    assert!(matches!(Record::decode(&[2, 0]), Err(RecordError::Version(2))));
    assert!(matches!(Record::decode(&[1]), Err(RecordError::Malformed(_))));
    assert!(matches!(Record::decode(&[1, 200]), Err(RecordError::Malformed(_))), "an unknown variant");
    // A length that the bytes do not hold is not believed.
    assert!(matches!(Record::decode(&[1, 0, 0xff, 0xff, 0xff, 0xff, 0x0f]), Err(RecordError::Malformed(_))));
}
