//! What an agent may publish and subscribe to, and what each topic means.

use ingest::{Code, MessageKind, State, diagnostics_topic, inbound_topic, may_subscribe, message_kind};
use proptest::prelude::*;

const TENANT: &str = "acme";
const CLIENT_ID: &str = "acme_press-07";

/// What becomes of a publish: a word for what is taken, a code for what is refused, nothing for what is forbidden.
fn verdict(topic: &str) -> String {
    match message_kind(TENANT, CLIENT_ID, topic) {
        Ok(MessageKind::TimeSeries) => "time series".to_owned(),
        Ok(MessageKind::Refused(finding)) => {
            assert_eq!((finding.state, finding.path.as_str(), finding.count), (State::Rejected, "$", 1));
            finding.code.as_str().to_owned()
        }
        Err(forbidden) => {
            let message = forbidden.to_string();
            assert_eq!(
                message,
                "an agent publishes below its own tc/acme/acme_press-07/o/ and c/acme_press-07/o/ only"
            );
            "forbidden".to_owned()
        }
    }
}

#[test]
fn each_topic_has_its_verdict() {
    let own = "tc/acme/acme_press-07/o";
    let cases = [
        (format!("{own}/mc_v3/ts"), "time series"),
        (format!("{own}/mc_v3/e"), "NOT_SERVED"),
        (format!("{own}/mc_v3/f"), "NOT_SERVED"),
        (format!("{own}/agm_v3/t"), "NOT_SERVED"),
        (format!("{own}/cmd_v3/u"), "NOT_SERVED"),
        (format!("{own}/amo_v3/m"), "NOT_SERVED"),
        (format!("{own}/amo_v3/i"), "NOT_SERVED"),
        (format!("{own}/amo_v4/mi"), "NOT_SERVED"),
        (format!("{own}/amo_v4/m"), "NOT_SERVED"),
        ("c/acme_press-07/o/opcua/v3/u/m/t".to_owned(), "NOT_SERVED"),
        ("c/acme_press-07/o/opcua/v3/u/d/f".to_owned(), "NOT_SERVED"),
        (format!("{own}/mc_v4/ts"), "UNKNOWN_TOPIC"),
        (format!("{own}/mc_v3/TS"), "UNKNOWN_TOPIC"),
        (format!("{own}/mc_v3/ts/"), "UNKNOWN_TOPIC"),
        (format!("{own}/mc_v3"), "UNKNOWN_TOPIC"),
        (format!("{own}/amo_v3/ip"), "UNKNOWN_TOPIC"),
        (format!("{own}/"), "UNKNOWN_TOPIC"),
        (format!("{own}//mc_v3/ts"), "UNKNOWN_TOPIC"),
        (format!("{own}/opcua/v3/u/m/t"), "UNKNOWN_TOPIC"),
        ("c/acme_press-07/o/opcua/v3/u/m/x".to_owned(), "UNKNOWN_TOPIC"),
        ("c/acme_press-07/o/mc_v3/ts".to_owned(), "UNKNOWN_TOPIC"),
        (own.to_owned(), "forbidden"),
        ("tc/acme/acme_press-07/i/mc_v3/d".to_owned(), "forbidden"),
        ("tc/acme/acme_press-07/mc_v3/ts".to_owned(), "forbidden"),
        ("tc/acme/acme_press-08/o/mc_v3/ts".to_owned(), "forbidden"),
        ("tc/acme/acme_press-077/o/mc_v3/ts".to_owned(), "forbidden"),
        ("tc/other/acme_press-07/o/mc_v3/ts".to_owned(), "forbidden"),
        ("tc/acmee/acme_press-07/o/mc_v3/ts".to_owned(), "forbidden"),
        ("TC/acme/acme_press-07/o/mc_v3/ts".to_owned(), "forbidden"),
        ("/tc/acme/acme_press-07/o/mc_v3/ts".to_owned(), "forbidden"),
        ("tc//acme/acme_press-07/o/mc_v3/ts".to_owned(), "forbidden"),
        ("c/acme_press-08/o/opcua/v3/u/m/t".to_owned(), "forbidden"),
        ("mc_v3/ts".to_owned(), "forbidden"),
        ("$SYS/broker".to_owned(), "forbidden"),
        (String::new(), "forbidden"),
    ];
    for (topic, expected) in cases {
        assert_eq!(verdict(&topic), expected, "{topic}");
    }
}

#[test]
fn an_unknown_topic_is_told_the_known_names() {
    let Ok(MessageKind::Refused(finding)) = message_kind(TENANT, CLIENT_ID, "tc/acme/acme_press-07/o/mc_v3/tz") else {
        panic!("an own topic is not forbidden");
    };
    assert_eq!(finding.code, Code::UnknownTopic);
    assert!(
        finding.message.starts_with("\"mc_v3/tz\" is not known; known here are: mc_v3/ts, mc_v3/e, "),
        "{}",
        finding.message
    );
    let long = format!("tc/acme/acme_press-07/o/{}", "x".repeat(60_000));
    let Ok(MessageKind::Refused(finding)) = message_kind(TENANT, CLIENT_ID, &long) else {
        panic!("an own topic is not forbidden");
    };
    assert!(finding.message.len() < 300);
}

#[test]
fn each_filter_has_its_verdict() {
    let cases = [
        ("tc/acme/acme_press-07/i/#", true),
        ("tc/acme/acme_press-07/i/amo_v4/#", true),
        ("tc/acme/acme_press-07/i/+/c", true),
        ("tc/acme/acme_press-07/i/mc_v3/d", true),
        ("tc/acme/acme_press-07/i/anything/of/its/own", true),
        ("tc/acme/acme_press-07/o/amo_v3/ip", true),
        ("tc/acme/acme_press-07/i", false),
        ("tc/acme/acme_press-07/o/amo_v3/#", false),
        ("tc/acme/acme_press-07/o/amo_v3/+", false),
        ("tc/acme/acme_press-07/o/#", false),
        ("tc/acme/acme_press-07/o/mc_v3/ts", false),
        ("tc/acme/acme_press-07/o/amo_v3/ip/#", false),
        ("tc/acme/acme_press-07/+/amo_v3/ip", false),
        ("tc/acme/acme_press-07/#", false),
        ("tc/acme/acme_press-07/+/#", false),
        ("tc/acme/+/i/#", false),
        ("tc/+/acme_press-07/i/#", false),
        ("+/acme/acme_press-07/i/#", false),
        ("tc/acme/#", false),
        ("#", false),
        ("+/+/+/+/+/+", false),
        ("tc/acme/acme_press-08/i/#", false),
        ("tc/other/acme_press-07/i/#", false),
        ("c/acme_press-07/i/#", false),
        ("$share/group/tc/acme/acme_press-07/i/#", false),
        ("", false),
    ];
    for (filter, expected) in cases {
        assert_eq!(may_subscribe(TENANT, CLIENT_ID, filter), expected, "{filter}");
    }
}

#[test]
fn an_agent_may_listen_where_it_is_spoken_to() {
    assert_eq!(diagnostics_topic(TENANT, CLIENT_ID), "tc/acme/acme_press-07/i/mc_v3/d");
    assert_eq!(inbound_topic(TENANT, CLIENT_ID, "cmd_v3/c"), "tc/acme/acme_press-07/i/cmd_v3/c");
    assert!(may_subscribe(TENANT, CLIENT_ID, &diagnostics_topic(TENANT, CLIENT_ID)));
}

proptest! {
    #[test]
    fn an_agent_never_reaches_another(other in "acme_[a-z0-9_-]{1,12}", tail in "[a-z_0-9/#+]{0,12}", way in "[io]") {
        prop_assume!(other != CLIENT_ID);
        let foreign = format!("tc/{TENANT}/{other}/{way}/{tail}");
        prop_assert!(!may_subscribe(TENANT, CLIENT_ID, &foreign));
        prop_assert!(message_kind(TENANT, CLIENT_ID, &foreign).is_err());
    }
}
