//! What was refused is kept with its bytes, once.

use tenant::{Limits, ProjectionRow, Record, Tenant};

use crate::bed::{Bed, NOW, message, published, time_series_topic};

#[test]
fn a_message_with_bad_values_is_one_row_with_its_bytes_and_reasons() {
    let mut bed = Bed::new();
    let press = bed.agent("press");
    bed.rows();
    let payload = r#"{"timeseries":[{"timestamp":"2026-03-01T12:00:00Z","values":[
        {"dataPointId":"temp","value":null,"qualityCode":"0"},{"dataPointId":"","value":"1","qualityCode":"0"}]}]}"#;
    let position = bed.position;
    bed.publish(&press, payload);
    bed.publish(&press, &message(&[("temp", NOW, "1")]));
    let rows = bed.rows();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].position, position);
    let ProjectionRow::Reject { agent, received_us, topic, payload: bytes, entries } = &rows[0].row else { panic!() };
    assert_eq!((&**agent, *received_us, &**topic), ("acme_press", NOW, "tc/acme/acme_press/o/mc_v3/ts"));
    assert_eq!(bytes, payload.as_bytes());
    let entries: Vec<_> = entries.iter().map(|entry| (&*entry.state, &*entry.code, &*entry.path)).collect();
    let path = |index, field| format!("$.timeseries[0].values[{index}].{field}");
    let (first, second) = (path(0, "value"), path(1, "dataPointId"));
    assert_eq!(entries, [("REJECTED", "BAD_VALUE", &*first), ("REJECTED", "BAD_DATA_POINT_ID", &*second)]);
    assert_eq!(bed.tenant.outbox_len(), 0);
}

#[test]
fn a_note_is_told_to_the_agent_and_not_kept() {
    let mut bed = Bed::new();
    let press = bed.agent("press");
    bed.rows();
    bed.publish(
        &press,
        r#"{"timeseries":[{"timestamp":"2026-03-01T12:00:00Z","values":[{"dataPointId":"t","value":"1"}]}]}"#,
    );
    assert_eq!(bed.rows(), []);
}

#[test]
fn rows_that_could_not_be_written_stay_in_front() {
    let mut bed = Bed::new();
    let press = bed.agent("press");
    let taken = bed.rows();
    bed.publish(&press, "x");
    bed.tenant.return_outbox(taken.clone());
    let rows = bed.rows();
    assert_eq!(rows[..taken.len()], taken);
    assert!(rows.is_sorted_by_key(|row| row.position));
    assert_eq!(rows.len(), taken.len() + 1);
}

#[test]
fn recovery_makes_no_row_again_that_is_in_the_projection() {
    let mut bed = Bed::new();
    let press = bed.agent("press");
    let checkpoint = bed.tenant.checkpoint();
    let topic = time_series_topic(&press);
    let records: Vec<_> = (0..3)
        .map(|n| {
            let position = bed.position;
            let record = published(&press, &topic, 0, None, "x", NOW + n).encode();
            bed.apply(&Record::decode(&record).unwrap());
            (position, record)
        })
        .collect();
    let projected = records[1].0;
    let parts = checkpoint.parts.into_iter().filter_map(|part| Some((part.key, part.value?)));
    let id = bed.tenant.id().clone();
    let mut restored = Tenant::restore(id, Limits::default(), checkpoint.position, projected, parts).unwrap();
    for (position, record) in &records {
        restored.apply(*position, &Record::decode(record).unwrap(), &mut Vec::new());
    }
    let positions: Vec<_> = restored.take_outbox().iter().map(|row| row.position).collect();
    assert_eq!(positions, [records[2].0]);
}
