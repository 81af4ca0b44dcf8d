//! Random messages: nothing panics, and the ledger of every message balances.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value, json};

use crate::verdict_lines::{accounted, decoded};

/// What may stand where anything is expected.
fn anything() -> impl Strategy<Value = Value> {
    select(vec![
        json!(null),
        json!(true),
        json!(7),
        json!(-1.5),
        json!(""),
        json!("0"),
        json!("text"),
        json!("a\"\\\n"),
        json!([]),
        json!([1]),
        json!({}),
        json!({"value": "1"}),
        json!("2026-05-04T19:00:00Z"),
    ])
}

/// The usual or anything; sometimes nothing.
fn field(usual: &'static [&'static str]) -> impl Strategy<Value = Option<Value>> {
    prop_oneof![8 => select(usual).prop_map(|text| Some(json!(text))), 2 => anything().prop_map(Some), 1 => Just(None)]
}

fn object(fields: Vec<(&'static str, Option<Value>)>) -> Value {
    Value::Object(fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect::<Map<_, _>>())
}

fn value() -> impl Strategy<Value = Value> {
    let entry = (field(&["a", "b", "c"]), field(&["1", "2.50", "on"]), field(&["0", "-1"])).prop_map(
        |(data_point, value, quality)| {
            object(vec![("dataPointId", data_point), ("value", value), ("qualityCode", quality)])
        },
    );
    prop_oneof![9 => entry, 1 => anything()]
}

fn sampling() -> impl Strategy<Value = Value> {
    let values = prop_oneof![
        8 => prop::collection::vec(value(), 0..8).prop_map(|values| Some(Value::Array(values))),
        1 => anything().prop_map(Some),
        1 => Just(None)
    ];
    let timestamp = field(&["2026-05-04T19:00:00Z", "2026-05-04T19:00:00.204817+01:00", "9000-01-01T00:00:00Z"]);
    let sampling =
        (timestamp, values).prop_map(|(timestamp, values)| object(vec![("timestamp", timestamp), ("values", values)]));
    prop_oneof![9 => sampling, 1 => anything()]
}

fn message() -> impl Strategy<Value = Value> {
    prop::collection::vec(sampling(), 0..30).prop_map(|samplings| json!({"timeseries": samplings}))
}

/// How many values a message has, counted by other means.
fn values(message: &Value) -> usize {
    let count = |sampling: &Value| sampling.get("values").and_then(Value::as_array).map_or(1, Vec::len);
    message.get("timeseries").and_then(Value::as_array).map_or(1, |samplings| samplings.iter().map(count).sum())
}

proptest! {
    #[test]
    fn every_value_of_a_message_has_one_verdict(message in message()) {
        let payload = message.to_string();
        prop_assert_eq!(accounted(&decoded(payload.as_bytes())), values(&message));
    }

    #[test]
    fn a_damaged_message_is_counted_or_refused(message in message(), at in any::<Index>(), byte: u8, cut in any::<bool>()) {
        let mut payload = message.to_string().into_bytes();
        let index = at.index(payload.len());
        if cut { payload.truncate(index) } else { payload[index] = byte }
        let decoded = decoded(&payload);
        match serde_json::from_slice::<Value>(&payload) {
            // Refused as a whole, as where a key became another one's twin.
            _ if decoded.rows.is_empty() && decoded.findings.len() == 1 => prop_assert_ne!(accounted(&decoded), 0),
            Ok(damaged) => prop_assert_eq!(accounted(&decoded), values(&damaged)),
            Err(error) => prop_assert!(false, "taken, but {error}"),
        }
    }

    #[test]
    fn any_bytes_have_an_answer(payload: Vec<u8>) {
        prop_assert_eq!(accounted(&decoded(&payload)), 1);
    }

    #[test]
    fn any_json_like_text_has_an_answer(payload in "[\\[\\]{}:,\" \\\\u0-9a-eE+.-]{0,60}|\\{\"timeseries\":[\\[\\]{}:,\"0-9a-e]{0,40}\\}") {
        let decoded = decoded(payload.as_bytes());
        if serde_json::from_str::<Value>(&payload).is_err() {
            prop_assert_eq!(accounted(&decoded), 1);
        }
    }

    #[test]
    fn a_text_comes_back_from_a_message(text in any::<String>()) {
        let payload = json!({"timeseries": [{"timestamp": "2026-05-04T19:00:00Z",
            "values": [{"dataPointId": "p", "value": text, "qualityCode": "0"}]}]}).to_string();
        prop_assert_eq!(decoded(payload.as_bytes()).rows[0].value.to_string(), text);
    }
}
