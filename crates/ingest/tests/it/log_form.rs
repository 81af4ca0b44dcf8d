//! The serialised form that log records hold: old records must stay readable, so these bytes never change.

use ingest::{Code, Finding, Row, State, Value};

#[test]
fn states_and_codes_keep_their_numbers() {
    let states = [State::Stored, State::Parked, State::Rejected];
    let codes = [
        Code::BadPayload,
        Code::BadTimestamp,
        Code::BadValue,
        Code::BadQualityCode,
        Code::BadDataPointId,
        Code::MissingQualityCode,
        Code::FutureTimestamp,
        Code::UnknownTopic,
        Code::NotServed,
        Code::QuotaExceeded,
    ];
    for (number, state) in (0_u8..).zip(states) {
        assert_eq!(postcard::to_allocvec(&state).unwrap(), [number]);
    }
    for (number, code) in (0_u8..).zip(codes) {
        assert_eq!(postcard::to_allocvec(&code).unwrap(), [number]);
    }
}

#[test]
fn a_finding_keeps_its_bytes() {
    let finding = Finding {
        state: State::Rejected,
        code: Code::BadValue,
        message: "m".to_owned(),
        path: "$".to_owned(),
        data_point: Some("p".to_owned()),
        count: 300,
    };
    let bytes = postcard::to_allocvec(&finding).unwrap();
    assert_eq!(bytes, [2, 2, 1, b'm', 1, b'$', 1, 1, b'p', 0xac, 0x02]);
    assert_eq!(postcard::from_bytes::<Finding>(&bytes).unwrap(), finding);
}

#[test]
fn a_row_keeps_its_bytes() {
    let cases: [(Value<'_>, &[u8]); 4] = [
        (Value::Integer(-1), &[0, 1]),
        (Value::Decimal { mantissa: 5, scale: 1 }, &[1, 10, 1]),
        (Value::Float(1.0), &[2, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f]),
        (Value::Text("x".into()), &[3, 1, b'x']),
    ];
    for (value, encoded) in cases {
        let row = Row { data_point: "p".into(), time_us: 1, value, quality: 0 };
        let bytes = postcard::to_allocvec(&row).unwrap();
        assert_eq!(bytes, [&[1, b'p', 2], encoded, &[0]].concat());
        assert_eq!(postcard::from_bytes::<Row<'_>>(&bytes).unwrap(), row);
    }
}
