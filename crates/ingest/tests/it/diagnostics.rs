//! What an agent is told.

use ingest::{Code, Finding, State, diagnostics, parse_ulid};
use serde_json::{Value, json};

fn finding(state: State, code: Code, data_point: Option<&str>) -> Finding {
    Finding {
        state,
        code,
        message: "Words with \"quotes\".".to_owned(),
        path: "$.timeseries[0].values[3].qualityCode".to_owned(),
        data_point: data_point.map(str::to_owned),
        count: 1,
    }
}

#[test]
fn a_message_carries_its_ids_the_topic_and_an_entry_for_each_finding() {
    let findings = [
        finding(State::Rejected, Code::BadQualityCode, Some("inlet")),
        finding(State::Stored, Code::FutureTimestamp, None),
        finding(State::Parked, Code::NotServed, None),
    ];
    let text = diagnostics(7, u128::MAX, 1_777_921_200_120_000, "tc/acme/acme_a/o/mc_v3/ts", &findings);
    let message: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(parse_ulid(message["id"].as_str().unwrap()), Some(7));
    let entry = |severity, state, code| {
        json!({"severity": severity, "state": state, "code": code, "message": "Words with \"quotes\".",
               "path": "$.timeseries[0].values[3].qualityCode"})
    };
    let mut rejected = entry("ERROR", "REJECTED", "BAD_QUALITY_CODE");
    rejected["dataPointId"] = json!("inlet");
    let expected = json!({
        "id": "00000000000000000000000007",
        "correlationId": "7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
        "data": {
            "timestamp": "2026-05-04T19:00:00.120000Z",
            "topic": "tc/acme/acme_a/o/mc_v3/ts",
            "entries": [rejected, entry("INFO", "STORED", "FUTURE_TIMESTAMP"), entry("WARN", "PARKED", "NOT_SERVED")],
        },
    });
    assert_eq!(message, expected);
}
