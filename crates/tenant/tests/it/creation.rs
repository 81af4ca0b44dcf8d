//! A tenant comes to be.

use tenant::{Limits, Outcome, ProjectionRow, Record, Refused, Tenant};

use crate::bed::{Bed, NOW};

#[test]
fn a_tenant_is_created_once() {
    let mut bed = Bed::empty(Limits::default());
    assert_eq!(bed.tenant.created_us(), None);
    let record = Record::TenantCreated(bed.change());
    assert_eq!(bed.outcome(&record), Outcome::Done);
    bed.now_us += 1;
    let again = Record::TenantCreated(bed.change());
    assert_eq!(bed.outcome(&again), Outcome::Refused(Refused::TenantExists));
    assert_eq!(bed.tenant.created_us(), Some(NOW));
    let rows = bed.rows();
    assert_eq!(rows.len(), 1, "a refused change is no change: {rows:?}");
    assert!(
        matches!(&rows[0].row, ProjectionRow::Audit { action, subject, .. } if action == "tenant.create" && subject == "acme")
    );
}

#[test]
fn a_tenant_that_was_only_created_is_in_the_next_checkpoint() {
    let mut bed = Bed::empty(Limits::default());
    assert!(!bed.tenant.is_dirty());
    let record = Record::TenantCreated(bed.change());
    bed.apply(&record);
    bed.rows();
    assert!(bed.tenant.is_dirty(), "or the floor would rise above its only record");
    let failed = bed.tenant.checkpoint();
    bed.tenant.checkpoint_failed(&failed);
    assert!(bed.tenant.is_dirty());
    let checkpoint = bed.tenant.checkpoint();
    bed.tenant.checkpointed(&checkpoint);
    assert!(!bed.tenant.is_dirty());
    let parts = checkpoint.parts.into_iter().filter_map(|part| Some((part.key, part.value?)));
    let restored = Tenant::restore(bed.tenant.id().clone(), Limits::default(), checkpoint.position, 0, parts).unwrap();
    assert_eq!(restored.created_us(), Some(NOW));
}
