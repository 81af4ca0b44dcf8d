//! Authorities come, are proven, and are bounded.

use identity::{AuthorityStatus, REGISTRATION_CODE_LIFETIME_US};
use tenant::{Limits, Outcome, ProjectionRow, Record, Refused};

use crate::bed::{Bed, add_authority, code, verify_authority};

fn actions(bed: &mut Bed) -> Vec<(String, String)> {
    let of = |row| match row {
        ProjectionRow::Audit { action, subject, .. } => (action, subject),
        other => panic!("{other:?}"),
    };
    bed.rows().into_iter().map(|projected| of(projected.row)).collect()
}

#[test]
fn an_authority_is_uploaded_and_then_verified_and_both_are_in_the_audit() {
    let mut bed = Bed::empty(Limits::default());
    assert_eq!(bed.outcome(&add_authority(bed.change(), 1)), Outcome::Done);
    let status = |bed: &Bed| bed.tenant.registry().authority(1).unwrap().status(bed.now_us);
    assert_eq!(status(&bed), AuthorityStatus::PendingVerification);
    assert_eq!(bed.outcome(&verify_authority(bed.change(), 1)), Outcome::Done);
    assert_eq!(status(&bed), AuthorityStatus::Verified);
    let expected = [("ca.add", ""), ("ca.verify", "CN=Works")];
    assert_eq!(actions(&mut bed), expected.map(|(action, subject)| (action.to_owned(), subject.to_owned())));
}

#[test]
fn another_code_proves_nothing() {
    let mut bed = Bed::empty(Limits::default());
    bed.apply(&add_authority(bed.change(), 1));
    let record = Record::AuthorityVerified { change: bed.change(), authority: 1, code: code(2).into() };
    assert!(matches!(bed.outcome(&record), Outcome::Refused(Refused::Authority(_))));
    assert_eq!(bed.tenant.registry().authority(1).unwrap().verified_us(), None);
}

#[test]
fn an_expired_code_can_be_renewed_and_a_good_one_cannot() {
    let mut bed = Bed::empty(Limits::default());
    bed.apply(&add_authority(bed.change(), 1));
    let renew = |bed: &Bed| Record::CodeRenewed { change: bed.change(), authority: 1, code: code(7).into() };
    assert!(matches!(bed.outcome(&renew(&bed)), Outcome::Refused(_)));
    bed.now_us += REGISTRATION_CODE_LIFETIME_US + 1;
    assert_eq!(bed.outcome(&renew(&bed)), Outcome::Done);
    let record = Record::AuthorityVerified { change: bed.change(), authority: 1, code: code(7).into() };
    assert_eq!(bed.outcome(&record), Outcome::Done);
}

#[test]
fn the_number_of_authorities_has_a_bound() {
    let mut bed = Bed::empty(Limits { authorities_max: 1, ..Limits::default() });
    bed.trust(1);
    bed.rows();
    assert!(matches!(bed.outcome(&add_authority(bed.change(), 2)), Outcome::Refused(Refused::Authority(_))));
    assert_eq!(actions(&mut bed), [], "nothing has changed");
    let revoke = Record::AuthorityRevoked { change: bed.change(), authority: 1 };
    assert_eq!(bed.outcome(&revoke), Outcome::Done);
    assert_eq!(bed.outcome(&add_authority(bed.change(), 2)), Outcome::Done, "a revoked one does not count");
}

#[test]
fn an_authority_that_is_not_there_is_told_apart() {
    let mut bed = Bed::new();
    bed.rows();
    for record in [
        verify_authority(bed.change(), 9),
        Record::CodeRenewed { change: bed.change(), authority: 9, code: code(9).into() },
        Record::AuthorityRevoked { change: bed.change(), authority: 9 },
    ] {
        assert!(matches!(bed.outcome(&record), Outcome::Refused(Refused::Authority(_))));
    }
    assert_eq!(actions(&mut bed), []);
}
