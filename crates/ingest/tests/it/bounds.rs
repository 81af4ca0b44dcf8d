//! What a hostile message can cost, and that its ledger stays exact.

use ingest::{Code, FINDINGS_MAX, Limits, decode};

use crate::verdict_lines::{accounted, check, decoded, lines, one_value, received_us};

fn message(samplings: usize, values: usize) -> String {
    let value = r#"{"dataPointId":"a","value":"1","qualityCode":"0"}"#;
    let sampling = format!(r#"{{"timestamp":"2026-05-04T19:00:00Z","values":[{}]}}"#, vec![value; values].join(","));
    format!(r#"{{"timeseries":[{}]}}"#, vec![sampling; samplings].join(","))
}

#[test]
fn deep_nesting_is_passed_over_or_refused_without_recursion() {
    const DEPTH: usize = 100_000;
    let shapes = [
        ("[", "]", "REJECTED BAD_PAYLOAD $.timeseries[0] x1"),
        ("{\"a\":", "}", "REJECTED BAD_TIMESTAMP $.timeseries[0].timestamp x1"),
    ];
    for (open, close, as_sampling) in shapes {
        let deep = format!("{}0{}", open.repeat(DEPTH), close.repeat(DEPTH));
        let value = one_value(&format!(r#""dataPointId":"p","value":{deep}"#));
        check("as a value", &value, &["REJECTED BAD_VALUE $.timeseries[0].values[0].value x1"]);
        let unknown = one_value(&format!(r#""dataPointId":"p","x":{deep},"value":"1","qualityCode":"0""#));
        check("as an unknown field", &unknown, &["p 2026-05-04T19:00:00.000000Z 1 q0"]);
        check("as a sampling", &format!(r#"{{"timeseries":[{deep}]}}"#), &[as_sampling]);
        check("as the message", &deep, &["REJECTED BAD_PAYLOAD $ x1"]);
        check("unclosed", &open.repeat(DEPTH), &["REJECTED BAD_PAYLOAD $ x1"]);
    }
}

#[test]
fn findings_beyond_the_bound_are_counted_in_one() {
    let values = vec!["{}"; FINDINGS_MAX + 37].join(",");
    let payload = format!(r#"{{"timeseries":[{{"timestamp":"2026-05-04T19:00:00Z","values":[{values}]}}]}}"#);
    let decoded = decoded(payload.as_bytes());
    assert_eq!(decoded.findings.len(), FINDINGS_MAX + 1);
    assert_eq!(accounted(&decoded), FINDINGS_MAX + 37);
    let last = lines(&decoded).pop().unwrap();
    assert_eq!(last, format!("REJECTED BAD_DATA_POINT_ID $.timeseries[0].values[{FINDINGS_MAX}] x37"));
}

#[test]
fn a_bad_timestamp_takes_back_what_was_counted_in_its_sampling() {
    let values = vec!["{}"; FINDINGS_MAX + 5].join(",");
    let payload = format!(r#"{{"timeseries":[{{"values":[{values}],"timestamp":"never"}}]}}"#);
    check("all", &payload, &[&format!("REJECTED BAD_TIMESTAMP $.timeseries[0].timestamp x{}", FINDINGS_MAX + 5)]);
}

#[test]
fn values_beyond_a_quota_are_rejected_and_the_others_taken() {
    let limits = Limits { samplings_per_message_max: 3, values_per_message_max: 1_000 };
    let samplings = message(5, 2);
    let decoded = decode(samplings.as_bytes(), &limits, received_us());
    assert_eq!((decoded.rows.len(), accounted(&decoded)), (6, 10));
    assert_eq!(lines(&decoded)[6..], ["REJECTED QUOTA_EXCEEDED $.timeseries[3].values[0] x4"]);

    let limits = Limits { samplings_per_message_max: 100, values_per_message_max: 7 };
    let decoded = decode(samplings.as_bytes(), &limits, received_us());
    assert_eq!((decoded.rows.len(), accounted(&decoded)), (7, 10));
    assert_eq!(lines(&decoded)[7..], ["REJECTED QUOTA_EXCEEDED $.timeseries[3].values[1] x3"]);
}

#[test]
fn a_full_message_within_the_payload_limit_meets_no_quota() {
    let payload = message(300, 5);
    let decoded = decoded(payload.as_bytes());
    assert_eq!((decoded.rows.len(), decoded.findings.len()), (1_500, 0));
}

#[test]
fn a_huge_foreign_text_is_not_repeated_in_a_finding() {
    let huge = "x".repeat(100_000);
    let payloads = [
        one_value(&format!(r#""dataPointId":"p","value":"1","qualityCode":"{huge}""#)),
        one_value(&format!(r#""dataPointId":"{huge}","value":"1""#)),
        one_value(&format!(r#""dataPointId":{},"value":"1""#, "9".repeat(100_000))),
        format!(r#"{{"timeseries":[{{"timestamp":"{huge}","values":[1]}}]}}"#),
        format!(r#"{{"timeseries":"{huge}"}}"#),
        format!("\"{huge}\""),
    ];
    for payload in payloads {
        let decoded = decoded(payload.as_bytes());
        assert_eq!(accounted(&decoded), 1);
        assert_ne!(decoded.findings[0].code, Code::MissingQualityCode);
        assert!(decoded.findings[0].message.len() < 300, "{}", decoded.findings[0].message);
    }
}
