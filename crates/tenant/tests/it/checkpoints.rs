//! What a checkpoint takes, what a failed one gives back, and what a restart makes of it.

use std::collections::BTreeMap;

use tenant::{Checkpoint, ImageError, Limits, Outcome, Part, Record, SEAL_AGE_US, Tenant};

use crate::bed::{Bed, NOW, PERSISTENT, SECOND, message};

fn keys(checkpoint: &Checkpoint) -> Vec<&str> {
    checkpoint.parts.iter().map(|part| &*part.key).collect()
}

fn write(image: &mut BTreeMap<String, Vec<u8>>, checkpoint: &Checkpoint) {
    for Part { key, value } in &checkpoint.parts {
        match value {
            Some(value) => drop(image.insert(key.clone(), value.clone())),
            None => drop(image.remove(key)),
        }
    }
}

fn restore(bed: &Bed, position: u64, image: BTreeMap<String, Vec<u8>>) -> Tenant {
    Tenant::restore(bed.tenant.id().clone(), Limits::default(), position, 0, image).unwrap()
}

fn busy() -> (Bed, tenant::Connection<'static>) {
    let mut bed = Bed::new();
    let press = bed.agent("press");
    bed.subscribe(&press, "#", 1);
    bed.publish(&press, &message(&[("temp", NOW, "1")]));
    bed.send("press", "cmd", 1, "a");
    (bed, press)
}

#[test]
fn a_checkpoint_has_what_changed_since_the_last_one() {
    let (mut bed, press) = busy();
    let first = bed.tenant.checkpoint();
    assert_eq!(first.position, bed.tenant.applied());
    let expected = [
        "tenant/",
        "authority/00000000000000000000000000000001",
        "agent/acme_press",
        "status/acme_press",
        "heads/acme_press",
        "session/eu1/acme_press",
    ];
    assert_eq!(keys(&first), expected);
    bed.tenant.checkpointed(&first);
    assert!(!bed.tenant.is_dirty());
    bed.publish(&press, &message(&[("temp", NOW + 1000, "2")]));
    assert_eq!(keys(&bed.tenant.checkpoint()), ["status/acme_press", "heads/acme_press"]);
}

#[test]
fn a_failed_checkpoint_gives_back_what_it_took() {
    let (mut bed, _) = busy();
    let failed = bed.tenant.checkpoint();
    bed.tenant.checkpoint_failed(&failed);
    assert_eq!(bed.tenant.checkpoint(), failed);
}

#[test]
fn chunks_stay_readable_until_they_are_written_and_later_ones_after_that() {
    let (mut bed, press) = busy();
    bed.now_us += SEAL_AGE_US;
    bed.apply(&Record::Timeout { now_us: bed.now_us });
    let checkpoint = bed.tenant.checkpoint();
    assert_eq!(checkpoint.chunks.len(), 1);
    // While it is being written, another head is sealed.
    bed.publish(&press, &message(&[("temp", NOW + SECOND, "2")]));
    bed.now_us += SEAL_AGE_US;
    bed.apply(&Record::Timeout { now_us: bed.now_us });
    let both = [(NOW, "1".to_owned()), (NOW + SECOND, "2".to_owned())];
    assert_eq!(bed.samples("press", "temp"), both);
    bed.tenant.checkpoint_failed(&checkpoint);
    assert_eq!(bed.samples("press", "temp"), both);
    let checkpoint = bed.tenant.checkpoint();
    assert_eq!(checkpoint.chunks.iter().map(|chunk| chunk.sequence).collect::<Vec<_>>(), [0, 1]);
    bed.tenant.checkpointed(&checkpoint);
    assert_eq!(bed.samples("press", "temp"), []);
    assert_eq!(bed.tenant.sealed_samples(), 0);
}

#[test]
fn checkpoints_written_over_one_another_restore_the_state() {
    let (mut bed, press) = busy();
    let mut image = BTreeMap::new();
    write(&mut image, &bed.tenant.checkpoint());
    bed.onboard("pump");
    bed.publish(&press, "x");
    let record = Record::Disconnected { connection: press, expiry_s: Some(0), fault: None, at_us: bed.now_us };
    bed.apply(&record);
    let second = bed.tenant.checkpoint();
    write(&mut image, &second);
    assert!(!image.contains_key("session/eu1/acme_press"), "a session that ended leaves nothing behind");
    let restored = restore(&bed, second.position, image);
    assert_eq!(restored.image(), bed.tenant.image());
    assert_eq!(restored.applied(), bed.tenant.applied());
    assert!(!restored.is_dirty());
    assert_eq!(restored.ledger(), bed.tenant.ledger());
}

#[test]
fn a_restored_tenant_goes_on_where_it_was() {
    let (mut bed, _) = busy();
    let checkpoint = bed.tenant.checkpoint();
    let mut image = BTreeMap::new();
    write(&mut image, &checkpoint);
    bed.tenant = restore(&bed, checkpoint.position, image);
    assert_eq!(bed.apply_connect("press", PERSISTENT).0, Outcome::Connected { session_present: true });
    assert_eq!(bed.send("press", "cmd", 1, "b").0, Outcome::Sent { sessions: 1 }, "its subscription is there");
    assert_eq!(bed.tenant.queued_below(u64::MAX).len(), 2);
}

#[test]
fn an_image_of_a_newer_version_is_refused_by_name() {
    let refused = |key: &str, value: &[u8]| {
        let parts = [(key.to_owned(), value.to_vec())];
        Tenant::restore("acme".parse().unwrap(), Limits::default(), 1, 0, parts).unwrap_err()
    };
    for key in ["jobs/1", "nothing", "tenant/x", "session/eu9/acme_press", "session/eu1"] {
        let error = refused(key, &[]);
        assert!(matches!(&error, ImageError::UnknownPart(part) if part == key), "{key}: {error}");
    }
    for key in [
        "tenant/",
        "authority/1",
        "agent/acme_press",
        "status/acme_press",
        "heads/acme_press",
        "session/eu1/acme_press",
    ] {
        let error = refused(key, &[0xff; 3]);
        assert!(matches!(&error, ImageError::Malformed { key: part, .. } if part == key), "{key}: {error}");
    }
}
