//! Messages and their verdicts, case by case.

use crate::verdict_lines::{check, decoded, lines, one_value};

#[test]
fn each_value_becomes_a_row_in_the_order_of_the_message() {
    let payload = r#"
        {"timeseries": [
            {"timestamp": "2026-05-04T19:00:00.000Z", "values": [
                {"dataPointId": "inlet", "value": "17.20", "qualityCode": "0"},
                {"dataPointId": "strokes", "value": "88012", "qualityCode": "-1"},
                {"dataPointId": "door", "value": "open", "qualityCode": "0"}]},
            {"timestamp": "2026-05-04T19:00:01.25Z", "values": [
                {"dataPointId": "inlet", "value": "17.25", "qualityCode": "0"}]}]}"#;
    check(
        "two samplings",
        payload,
        &[
            "inlet 2026-05-04T19:00:00.000000Z 17.20 q0",
            "strokes 2026-05-04T19:00:00.000000Z 88012 q-1",
            "door 2026-05-04T19:00:00.000000Z open q0",
            "inlet 2026-05-04T19:00:01.250000Z 17.25 q0",
        ],
    );
}

#[test]
fn the_same_time_twice_is_two_rows() {
    let payload = r#"{"timeseries":[
        {"timestamp":"2026-05-04T19:00:00.5Z","values":[{"dataPointId":"a","value":"1","qualityCode":"0"}]},
        {"timestamp":"2026-05-04T19:00:00.5Z","values":[{"dataPointId":"b","value":"2","qualityCode":"0"}]}]}"#;
    check("split", payload, &["a 2026-05-04T19:00:00.500000Z 1 q0", "b 2026-05-04T19:00:00.500000Z 2 q0"]);
}

#[test]
fn a_value_may_be_any_scalar_and_keeps_its_literal_text() {
    let literals = [
        ("1.50", "1.50"),
        ("-0", "-0"),
        ("1e400", "1e400"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("0.30000000000000000001", "0.30000000000000000001"),
        ("true", "true"),
        ("false", "false"),
        (r#""""#, ""),
        (r#""NaN""#, "NaN"),
        (r#"" 1""#, " 1"),
        (r#""\u0031\u00b0\n\ud83d\ude00""#, "1°\n😀"),
        (r#""1,2,3""#, "1,2,3"),
    ];
    for (literal, text) in literals {
        let payload = one_value(&format!(r#""dataPointId":"p","value":{literal},"qualityCode":0"#));
        check(literal, &payload, &[&format!("p 2026-05-04T19:00:00.000000Z {text} q0")]);
    }
}

#[test]
fn what_is_no_value_is_rejected() {
    for literal in ["null", "{}", "[1]", r#"{"value":1}"#, r#""\ud800""#, r#""\udc00 and \ud83d""#] {
        let payload = one_value(&format!(r#""dataPointId":"p","value":{literal},"qualityCode":"0""#));
        check(literal, &payload, &["REJECTED BAD_VALUE $.timeseries[0].values[0].value x1"]);
    }
    let missing = one_value(r#""dataPointId":"p","qualityCode":"0""#);
    check("missing", &missing, &["REJECTED BAD_VALUE $.timeseries[0].values[0].value x1"]);
}

#[test]
fn a_quality_code_is_an_integer_as_text_or_number() {
    for (literal, quality) in
        [("\"0\"", 0), ("-1", -1), ("\"-1\"", -1), ("192", 192), ("\"9223372036854775807\"", i64::MAX)]
    {
        let payload = one_value(&format!(r#""dataPointId":"p","value":"1","qualityCode":{literal}"#));
        check(literal, &payload, &[&format!("p 2026-05-04T19:00:00.000000Z 1 q{quality}")]);
    }
    for literal in
        ["\"true\"", "true", "1.5", "\"\"", "\" 0\"", "{}", "[]", "1e2", "9223372036854775808", "\"\\ud800\""]
    {
        let payload = one_value(&format!(r#""dataPointId":"p","value":"1","qualityCode":{literal}"#));
        check(literal, &payload, &["REJECTED BAD_QUALITY_CODE $.timeseries[0].values[0].qualityCode x1"]);
    }
}

#[test]
fn missing_quality_codes_are_zero_with_one_note_a_message() {
    let payload = r#"{"timeseries":[{"timestamp":"2026-05-04T19:00:00Z","values":[
        {"dataPointId":"a","value":"1","qualityCode":"3"},
        {"dataPointId":"b","value":"2"},
        {"dataPointId":"c","value":"3","qualityCode":null},
        {"dataPointId":"d","value":null}]}]}"#;
    check(
        "missing",
        payload,
        &[
            "a 2026-05-04T19:00:00.000000Z 1 q3",
            "b 2026-05-04T19:00:00.000000Z 2 q0",
            "c 2026-05-04T19:00:00.000000Z 3 q0",
            "REJECTED BAD_VALUE $.timeseries[0].values[3].value x1",
            "STORED MISSING_QUALITY_CODE $.timeseries[0].values[1].qualityCode x2",
        ],
    );
}

#[test]
fn a_data_point_id_is_a_text_of_1_to_255_characters() {
    for id in ["p".to_owned(), "é".repeat(255), "+/# with space".to_owned()] {
        let payload = one_value(&format!(r#""dataPointId":"{id}","value":"1","qualityCode":"0""#));
        check(&id, &payload, &[&format!("{id} 2026-05-04T19:00:00.000000Z 1 q0")]);
    }
    let long = format!("\"{}\"", "é".repeat(256));
    for literal in ["\"\"", &long, "7", "null", "[\"p\"]", "\"\\udfff\""] {
        let payload = one_value(&format!(r#""dataPointId":{literal},"value":"1","qualityCode":"0""#));
        check(literal, &payload, &["REJECTED BAD_DATA_POINT_ID $.timeseries[0].values[0].dataPointId x1"]);
    }
    let missing = one_value(r#""value":"1","qualityCode":"0""#);
    check("missing", &missing, &["REJECTED BAD_DATA_POINT_ID $.timeseries[0].values[0].dataPointId x1"]);
}

#[test]
fn a_malformed_value_leaves_the_others_alone() {
    let payload = r#"{"timeseries":[{"timestamp":"2026-05-04T19:00:00Z","values":[
        {"dataPointId":"a","value":"1","qualityCode":"0"},
        {"dataPointId":"b","value":"2","qualityCode":"good"},
        7, "text", null, true, -1, 0.5, [[]], {},
        {"dataPointId":"c","value":"3","qualityCode":"0"}]}]}"#;
    let expected: Vec<String> = ["a 2026-05-04T19:00:00.000000Z 1 q0", "c 2026-05-04T19:00:00.000000Z 3 q0"]
        .map(str::to_owned)
        .into_iter()
        .chain(["REJECTED BAD_QUALITY_CODE $.timeseries[0].values[1].qualityCode x1".to_owned()])
        .chain((2..9).map(|index| format!("REJECTED BAD_VALUE $.timeseries[0].values[{index}] x1")))
        .chain(["REJECTED BAD_DATA_POINT_ID $.timeseries[0].values[9].dataPointId x1".to_owned()])
        .collect();
    assert_eq!(lines(&decoded(payload.as_bytes())), expected);
}

#[test]
fn a_rejection_names_its_data_point_and_its_cause() {
    let payload = one_value(r#""dataPointId":"inlet","value":"1","qualityCode":"good""#);
    let finding = &decoded(payload.as_bytes()).findings[0];
    assert_eq!(finding.data_point.as_deref(), Some("inlet"));
    assert_eq!(finding.message, "The qualityCode is \"good\", not a 64-bit integer.");
}

#[test]
fn a_sampling_without_usable_time_takes_all_its_values_with_it() {
    let cases = [
        r#""timestamp":"yesterday","#,
        r#""timestamp":"2026-05-04T19:00:00","#,
        r#""timestamp":"2026-02-30T19:00:00Z","#,
        r#""timestamp":"2016-12-31T23:59:60Z","#,
        r#""timestamp":1777921200,"#,
        r#""timestamp":null,"#,
        r#""timestamp":"\ud800","#,
        "",
    ];
    for timestamp in cases {
        let payload = format!(
            r#"{{"timeseries":[{{{timestamp}"values":[{{"dataPointId":"a","value":"1"}},{{}},{{"dataPointId":"b","value":"2"}}]}},
            {{"timestamp":"2026-05-04T19:00:00Z","values":[{{"dataPointId":"c","value":"3","qualityCode":"0"}}]}}]}}"#
        );
        check(
            timestamp,
            &payload,
            &["c 2026-05-04T19:00:00.000000Z 3 q0", "REJECTED BAD_TIMESTAMP $.timeseries[0].timestamp x3"],
        );
    }
}

#[test]
fn the_order_of_fields_does_not_matter_and_other_fields_mean_nothing() {
    let payload = r#"{"version":{"timeseries":1,"timeseries":2},"timeseries":[{
        "values":[{"qualityCode":"0","unit":"°C","value":"1","dataPointId":"a","x":[{}],"x":1e999}],
        "note":"\ud800","timestamp":"2026-05-04T21:00:00+02:00"}],"sender":null}"#;
    check("order", payload, &["a 2026-05-04T19:00:00.000000Z 1 q0"]);
    let escaped = r#"{"time\u0073eries":[{"timestamp":"2026-05-04T19:00:00\u005a","values":[{"dataPointI\u0064":"a","value":"1","qualityCode":"0"}]}]}"#;
    check("escaped keys", escaped, &["a 2026-05-04T19:00:00.000000Z 1 q0"]);
}

#[test]
fn an_empty_message_is_legal() {
    check("no samplings", r#"{"timeseries":[]}"#, &[]);
    check("no values", r#"{"timeseries":[{"timestamp":"2026-05-04T19:00:00Z","values":[]}]}"#, &[]);
    check("no values at no time", r#"{"timeseries":[{"timestamp":"?","values":[]}]}"#, &[]);
}

#[test]
fn a_sampling_that_cannot_be_taken_apart_counts_as_one_value() {
    for sampling in ["7", "null", "\"text\"", "[{}]", "true"] {
        let payload = format!(r#"{{"timeseries":[{sampling}]}}"#);
        check(sampling, &payload, &["REJECTED BAD_PAYLOAD $.timeseries[0] x1"]);
    }
    for values in ["", r#","values":null"#, r#","values":{"a":1}"#, r#","values":7"#, r#","values":"x""#] {
        let payload = format!(r#"{{"timeseries":[{{"timestamp":"2026-05-04T19:00:00Z"{values}}}]}}"#);
        check(values, &payload, &["REJECTED BAD_PAYLOAD $.timeseries[0].values x1"]);
        let payload = format!(r#"{{"timeseries":[{{"timestamp":"never"{values}}}]}}"#);
        check(values, &payload, &["REJECTED BAD_TIMESTAMP $.timeseries[0].timestamp x1"]);
    }
}

#[test]
fn a_time_far_ahead_is_stored_with_a_note() {
    let payload = r#"{"timeseries":[
        {"timestamp":"2026-05-05T19:00:10Z","values":[{"dataPointId":"a","value":"1","qualityCode":"0"}]},
        {"timestamp":"2026-05-05T19:00:10.000001Z","values":[
            {"dataPointId":"a","value":"2","qualityCode":"0"},{"dataPointId":"b","value":null,"qualityCode":"0"}]},
        {"timestamp":"9999-12-31T23:59:59Z","values":[{"dataPointId":"a","value":"3","qualityCode":"0"}]}]}"#;
    check(
        "ahead",
        payload,
        &[
            "a 2026-05-05T19:00:10.000000Z 1 q0",
            "a 2026-05-05T19:00:10.000001Z 2 q0",
            "a 9999-12-31T23:59:59.000000Z 3 q0",
            "REJECTED BAD_VALUE $.timeseries[1].values[1].value x1",
            "STORED FUTURE_TIMESTAMP $.timeseries[1].timestamp x2",
        ],
    );
}

#[test]
fn what_is_no_message_is_refused_as_a_whole() {
    let value = r#"{"dataPointId":"a","value":"1","qualityCode":"0"}"#;
    let good = one_value(&value[1..value.len() - 1]);
    let bad = [
        ("empty", String::new()),
        ("blank", " ".to_owned()),
        ("byte order mark", format!("\u{feff}{good}")),
        ("trailing bytes", format!("{good}x")),
        ("two messages", format!("{good}{good}")),
        ("trailing NUL", format!("{good}\0")),
        ("cut off", good[..good.len() - 1].to_owned()),
        ("trailing comma", good.replace("\"0\"}", "\"0\",}")),
        ("single quotes", good.replace('"', "'")),
        ("bare NaN", good.replace("\"1\"", "NaN")),
        ("number with a leading zero", good.replace("\"1\"", "01")),
        ("control character", good.replace("\"1\"", "\"\u{1}\"")),
        ("unknown escape", good.replace("\"1\"", r#""\x31""#)),
        ("array", format!("[{good}]")),
        ("text", "\"timeseries\"".to_owned()),
        ("number", "5".to_owned()),
        ("null", "null".to_owned()),
        ("no timeseries", "{}".to_owned()),
        ("timeseries null", r#"{"timeseries":null}"#.to_owned()),
        ("timeseries an object", r#"{"timeseries":{"0":1}}"#.to_owned()),
        ("timeseries twice", format!(r#"{},"timeseries":[]}}"#, &good[..good.len() - 1])),
        ("timestamp twice", good.replace("\"values\"", r#""timestamp":"2026-05-04T19:00:00Z","values""#)),
        ("values twice", good.replace("}]}]}", r#"}],"values":[]}]}"#)),
        ("data point twice", good.replace("\"value\":", r#""dataPointId":"a","value":"#)),
        ("value twice", good.replace("\"value\":", r#""value":"1","v\u0061lue":"#)),
        ("quality code twice", good.replace("\"value\":", r#""qualityCode":"0","value":"#)),
    ];
    for (name, payload) in bad {
        check(name, &payload, &["REJECTED BAD_PAYLOAD $ x1"]);
    }
}

#[test]
fn a_refused_message_says_where_it_goes_wrong() {
    let message = |payload: &[u8]| decoded(payload).findings[0].message.clone();
    assert_eq!(message(b""), "The payload is empty.");
    assert_eq!(message(b"{\"a\":\xff}"), "The payload is no UTF-8 text from byte 5 on.");
    assert!(
        message(b"{\n \"timeseries\": [NaN]}").contains("line 2 column 17"),
        "{}",
        message(b"{\n \"timeseries\": [NaN]}")
    );
    let twice = br#"{"timeseries":[],"timeseries":[]}"#;
    assert!(message(twice).contains("duplicate field `timeseries` at line 1 column"), "{}", message(twice));
}
