//! Every value of a publish has a verdict, and the counts balance.

use tenant::{Ledger, Limits, Outcome, Record, Refused, Verdict, VerdictKind};

use crate::bed::{Bed, NOW, PERSISTENT, SECOND, message, published, time_series_topic};

fn ledger(stored: u64, duplicate: u64, rejected: u64) -> Ledger {
    Ledger { stored, duplicate, parked: 0, rejected }
}

fn at(samples: &[(i64, &str)]) -> Vec<(i64, String)> {
    samples.iter().map(|(time_us, text)| (*time_us, (*text).to_owned())).collect()
}

#[test]
fn values_are_stored_with_their_exact_text() {
    let mut bed = Bed::new();
    let press = bed.agent("press");
    let texts = ["21.80", "-0", "007", "1e5", "on", "9223372036854775808", "-17"];
    let values: Vec<_> = (1..).zip(texts).map(|(n, text)| ("temp", NOW + n * SECOND, text)).collect();
    let verdict = bed.publish(&press, &message(&values));
    assert_eq!(verdict, Verdict { counts: ledger(7, 0, 0), kind: VerdictKind::Accepted, reason: None });
    let expected: Vec<_> = values.iter().map(|(_, time_us, text)| (*time_us, *text)).collect();
    assert_eq!(bed.samples("press", "temp"), at(&expected));
    assert_eq!(bed.ledger("press"), ledger(7, 0, 0));
    assert_eq!(bed.tenant.ledger(), ledger(7, 0, 0));
}

#[test]
fn the_same_value_at_the_same_time_is_a_duplicate() {
    let mut bed = Bed::new();
    let press = bed.agent("press");
    let payload = message(&[("temp", NOW, "1"), ("temp", NOW + 1000, "2")]);
    bed.publish(&press, &payload);
    let verdict = bed.publish(&press, &payload);
    assert_eq!((verdict.counts, verdict.kind), (ledger(0, 2, 0), VerdictKind::Accepted));
    assert_eq!(bed.ledger("press"), ledger(2, 2, 0));
    assert_eq!(bed.ledger("press").received(), 4);
    assert_eq!(bed.samples("press", "temp"), at(&[(NOW, "1"), (NOW + 1000, "2")]));
}

#[test]
fn a_later_value_for_a_time_replaces_the_earlier_one() {
    let mut bed = Bed::new();
    let press = bed.agent("press");
    bed.publish(&press, &message(&[("temp", NOW, "1")]));
    assert_eq!(bed.publish(&press, &message(&[("temp", NOW, "2")])).counts, ledger(1, 0, 0));
    assert_eq!(bed.samples("press", "temp"), at(&[(NOW, "2")]));
    let last = bed.tenant.agent("acme_press").unwrap().series()["temp"].last().unwrap().clone();
    assert_eq!((last.time_us, last.value.to_string()), (NOW, "2".to_owned()));
}

#[test]
fn a_late_value_finds_its_place_and_the_last_value_stays() {
    let mut bed = Bed::new();
    let press = bed.agent("press");
    bed.publish(&press, &message(&[("temp", NOW + SECOND, "2")]));
    bed.publish(&press, &message(&[("temp", NOW, "1")]));
    assert_eq!(bed.samples("press", "temp"), at(&[(NOW, "1"), (NOW + SECOND, "2")]));
    let last = bed.tenant.agent("acme_press").unwrap().series()["temp"].last().unwrap().clone();
    assert_eq!(last.time_us, NOW + SECOND);
}

#[test]
fn good_values_are_taken_beside_bad_ones() {
    let mut bed = Bed::new();
    let press = bed.agent("press");
    let payload = r#"{"timeseries":[
        {"timestamp":"2026-03-01T12:00:00Z","values":[
            {"dataPointId":"temp","value":"1","qualityCode":"0"},
            {"dataPointId":"temp","value":null,"qualityCode":"0"}]},
        {"timestamp":"yesterday","values":[{"dataPointId":"temp","value":"1","qualityCode":"0"}]}]}"#;
    let verdict = bed.publish(&press, payload);
    assert_eq!((verdict.counts, verdict.kind), (ledger(1, 0, 2), VerdictKind::Accepted));
    let reason = verdict.reason.unwrap();
    assert!(reason.starts_with("1 stored, 0 duplicate, 0 parked, 2 rejected; BAD_VALUE at "), "{reason}");
    let last_error = bed.tenant.agent("acme_press").unwrap().status().last_error.clone().unwrap();
    assert_eq!((last_error.at_us, &*last_error.code), (NOW, "BAD_TIMESTAMP"));
}

#[test]
fn nothing_usable_is_told_apart_from_nothing_wrong() {
    let mut bed = Bed::new();
    let press = bed.agent("press");
    assert_eq!(bed.publish(&press, "no JSON").kind, VerdictKind::Unusable);
    let empty = bed.publish(&press, r#"{"timeseries":[]}"#);
    assert_eq!((empty.counts, empty.kind, empty.reason), (Ledger::default(), VerdictKind::Accepted, None));
    assert_eq!(bed.ledger("press"), ledger(0, 0, 1));
}

#[test]
fn a_note_is_no_rejection() {
    let mut bed = Bed::new();
    let press = bed.agent("press");
    let payload = r#"{"timeseries":[{"timestamp":"2026-03-01T12:00:00Z","values":[{"dataPointId":"t","value":"1"}]}]}"#;
    let verdict = bed.publish(&press, payload);
    assert_eq!((verdict.counts, verdict.kind), (ledger(1, 0, 0), VerdictKind::Accepted));
    assert!(verdict.reason.unwrap().contains("MISSING_QUALITY_CODE"));
    assert_eq!(bed.tenant.agent("acme_press").unwrap().status().last_error, None);
}

#[test]
fn a_topic_that_means_nothing_is_one_rejected_value() {
    let mut bed = Bed::new();
    let press = bed.agent("press");
    for tail in ["mc_v9/ts", "mc_v3/f"] {
        let topic = format!("tc/acme/acme_press/o/{tail}");
        let Outcome::Published(verdict) = bed.apply_publish(&press, &topic, 1, Some(1), "{}").0 else { panic!() };
        assert_eq!((verdict.counts, verdict.kind), (ledger(0, 0, 1), VerdictKind::UnknownTopic));
    }
}

#[test]
fn data_points_beyond_the_quota_are_rejected_in_one_finding_and_known_ones_are_taken() {
    let mut bed = Bed::with(Limits { data_points_per_agent_max: 2, ..Limits::default() });
    let press = bed.agent("press");
    let verdict = bed.publish(&press, &message(&[("a", NOW, "1"), ("b", NOW, "1"), ("c", NOW, "1"), ("d", NOW, "1")]));
    assert_eq!((verdict.counts, verdict.kind), (ledger(2, 0, 2), VerdictKind::Accepted));
    let verdict = bed.publish(&press, &message(&[("c", NOW, "1")]));
    assert_eq!((verdict.counts, verdict.kind), (ledger(0, 0, 1), VerdictKind::OverQuota));
    assert_eq!(bed.publish(&press, &message(&[("b", NOW + 1000, "2")])).kind, VerdictKind::Accepted);
    assert_eq!(bed.ledger("press"), ledger(3, 0, 3));
    assert_eq!(bed.tenant.agent("acme_press").unwrap().series().len(), 2);
    let findings: Vec<_> = bed.rows().into_iter().filter_map(rejected).collect();
    assert_eq!(findings.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(findings[0][0].data_point, None, "it stands for several");
    assert_eq!(findings[1][0].data_point.as_deref(), Some("c"));
}

fn rejected(projected: tenant::Projected) -> Option<Vec<tenant::RejectEntry>> {
    match projected.row {
        tenant::ProjectionRow::Reject { entries, .. } => Some(entries),
        tenant::ProjectionRow::Audit { .. } => None,
    }
}

#[test]
fn a_connection_that_was_taken_over_may_still_have_a_publish_under_way() {
    let mut bed = Bed::new();
    let older = bed.agent("press");
    bed.connect("press", PERSISTENT);
    assert_eq!(bed.publish(&older, &message(&[("temp", NOW, "1")])).counts, ledger(1, 0, 0));
}

#[test]
fn a_publish_of_nobody_is_refused() {
    let mut bed = Bed::new();
    let press = bed.agent("press");
    let mut nobody = press.clone();
    nobody.client_id = "acme_nobody".into();
    let topic = time_series_topic(&press);
    let record = published(&press, &topic, 0, None, "{}", NOW);
    let Record::Published(mut published) = record else { panic!() };
    published.connection = nobody;
    assert_eq!(bed.outcome(&Record::Published(published)), Outcome::Refused(Refused::UnknownAgent));
}
