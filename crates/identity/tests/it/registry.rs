//! A tenant's authorities and agents: how they come, change and go.

use std::collections::BTreeSet;

use identity::{
    AUTHORITY_NAME_LENGTH_MAX, AdmissionError, Agent, AgentError, Authority, AuthorityError, AuthorityStatus,
    CREDENTIALS_PER_AGENT_MAX, Fingerprint, Judgement, REGISTRATION_CODE_LIFETIME_US, RETIRED_AUTHORITIES_MAX,
    REVOKED_CREDENTIALS_PER_AGENT_MAX, Registry,
};
use rcgen::date_time_ymd;

use crate::pki::{CA_END, Ca, DAY, NOW, SECOND, add, assert_says, client, code, judge, new_key, tenant, trusting};

fn judgement(registry: &Registry, ca: &Ca, name: &str) -> Judgement {
    judge(registry, &format!("acme_{name}"), &[&ca.agent(name)]).unwrap()
}

fn status(registry: &Registry, id: u128) -> AuthorityStatus {
    registry.authority(id).unwrap().status(NOW)
}

#[test]
fn an_authority_waits_for_its_proof_and_is_trusted_then() {
    let ca = Ca::root("Root");
    let mut registry = Registry::new(tenant("acme"));
    registry.add_authority(NOW, 7, " Our CA ", &ca.der, &code(7), 2).unwrap();
    let authority = registry.authority(7).unwrap();
    assert_eq!((authority.id(), authority.name(), authority.created_us()), (7, "Our CA", NOW));
    assert_eq!(authority.fingerprint(), Fingerprint::of(&ca.der));
    assert_eq!(authority.certificate().der(), &*ca.der);
    assert_eq!(authority.status(NOW), AuthorityStatus::PendingVerification);
    let (given, expires_us) = authority.registration_code().unwrap();
    assert_eq!((given.as_str(), expires_us), (&*code(7), NOW + REGISTRATION_CODE_LIFETIME_US));
    assert_eq!((authority.verified_us(), authority.revoked_us()), (None, None));

    registry.verify_authority(NOW + 1, 7, &code(7)).unwrap();
    let authority = registry.authority(7).unwrap();
    assert_eq!(authority.status(NOW), AuthorityStatus::Verified);
    assert_eq!((authority.registration_code(), authority.verified_us()), (None, Some(NOW + 1)));

    registry.revoke_authority(NOW + 2, 7).unwrap();
    let authority = registry.authority(7).unwrap();
    assert_eq!(authority.status(NOW), AuthorityStatus::Revoked);
    assert_eq!((authority.verified_us(), authority.revoked_us()), (Some(NOW + 1), Some(NOW + 2)));
}

#[test]
fn an_authority_without_a_name_has_its_subject() {
    let mut registry = Registry::new(tenant("acme"));
    add(&mut registry, 1, &Ca::root("Root"));
    assert_eq!(registry.authority(1).unwrap().name(), "CN=Root");
    let long = "x".repeat(AUTHORITY_NAME_LENGTH_MAX + 1);
    for name in [&long, "a\nb", "\u{1b}[2J"] {
        let refused = registry.add_authority(NOW, 2, name, &Ca::root("Other").der, &code(2), 2);
        assert_eq!(refused, Err(AuthorityError::Name));
    }
    registry.add_authority(NOW, 2, &long[1..], &Ca::root("Other").der, &code(2), 2).unwrap();
    // The subject itself may be longer.
    let ca = Ca::root_with("Third", new_key(), |params| {
        params.distinguished_name.push(rcgen::DnType::OrganizationName, long.clone());
    });
    let subject = identity::Certificate::parse(&ca.der).unwrap().subject().to_owned();
    registry.add_authority(NOW, 3, &subject, &ca.der, &code(3), 3).unwrap();
    assert_eq!(registry.authority(3).unwrap().name(), subject);
}

#[test]
fn the_words_of_the_api_name_the_status() {
    let words = [
        (AuthorityStatus::PendingVerification, "PENDING_VERIFICATION"),
        (AuthorityStatus::Verified, "VERIFIED"),
        (AuthorityStatus::Expired, "EXPIRED"),
        (AuthorityStatus::Revoked, "REVOKED"),
    ];
    assert!(words.iter().all(|(status, word)| status.to_string() == *word && status.as_str() == *word));
}

#[test]
fn a_tenant_has_a_quota_of_authorities_that_are_pending_or_verified() {
    let (first, second, third) = (Ca::root("1"), Ca::root("2"), Ca::root("3"));
    let mut registry = Registry::new(tenant("acme"));
    registry.add_authority(NOW, 1, "", &first.der, &code(1), 2).unwrap();
    registry.add_authority(NOW, 2, "", &second.der, &code(2), 2).unwrap();
    let refused = registry.add_authority(NOW, 3, "", &third.der, &code(3), 2).unwrap_err();
    assert_eq!(refused, AuthorityError::Quota(2));
    assert_says(&refused, &["2 authorities", "revoke one"]);
    registry.revoke_authority(NOW, 1).unwrap();
    registry.add_authority(NOW, 3, "", &third.der, &code(3), 2).unwrap();
    // What has expired does not count.
    let late = Ca::root_with("4", new_key(), |params| params.not_after = date_time_ymd(2027, 1, 1));
    registry.add_authority(CA_END + SECOND, 4, "", &late.der, &code(4), 2).unwrap();
}

#[test]
fn one_certificate_is_one_authority_of_a_tenant() {
    let ca = Ca::root("Root");
    let mut registry = trusting("acme", &[&ca]);
    let refused = registry.add_authority(NOW, 2, "Again", &ca.der, &code(2), 2).unwrap_err();
    assert_eq!(refused, AuthorityError::Duplicate { name: "CN=Root".to_owned() });
    let refused = registry.add_authority(NOW, 1, "", &Ca::root("Other").der, &code(2), 2);
    assert_eq!(refused, Err(AuthorityError::IdInUse));
    // Revoked, it can be uploaded and proven anew.
    registry.revoke_authority(NOW, 1).unwrap();
    registry.add_authority(NOW, 2, "", &ca.der, &code(2), 2).unwrap();
    registry.verify_authority(NOW, 2, &code(2)).unwrap();
    assert_eq!((status(&registry, 1), status(&registry, 2)), (AuthorityStatus::Revoked, AuthorityStatus::Verified));
    assert_eq!(judgement(&registry, &ca, "pump7").authority(), 2);
}

#[test]
fn what_is_not_well_formed_is_not_recorded() {
    let ca = Ca::root("Root");
    let mut registry = Registry::new(tenant("acme"));
    let refused = registry.add_authority(NOW, 1, "", b"nothing", &code(1), 2);
    assert!(matches!(refused, Err(AuthorityError::Certificate(_))));
    let refused = registry.add_authority(NOW, 1, "", &ca.der, "code", 2);
    assert!(matches!(refused, Err(AuthorityError::MalformedCode(_))));
    assert!(!registry.is_dirty());
    assert_eq!(registry.authorities().count(), 0);
}

#[test]
fn a_code_is_good_for_its_authority_once_and_for_seven_days() {
    let mut registry = Registry::new(tenant("acme"));
    add(&mut registry, 1, &Ca::root("1"));
    add(&mut registry, 2, &Ca::root("2"));
    let late = NOW + REGISTRATION_CODE_LIFETIME_US + 1;
    assert_eq!(registry.verify_authority(NOW, 3, &code(3)), Err(AuthorityError::Unknown));
    assert_eq!(registry.verify_authority(NOW, 1, &code(2)), Err(AuthorityError::OtherCode));
    assert_eq!(registry.verify_authority(late, 1, &code(1)), Err(AuthorityError::CodeExpired));
    assert_eq!(registry.verify_authority(late - 1, 1, &code(1)), Ok(()));
    let again = AuthorityError::NotPending(AuthorityStatus::Verified);
    assert_eq!(registry.verify_authority(NOW, 1, &code(1)), Err(again));
    assert_eq!(status(&registry, 2), AuthorityStatus::PendingVerification);
}

#[test]
fn only_an_expired_code_is_renewed() {
    let mut registry = Registry::new(tenant("acme"));
    add(&mut registry, 1, &Ca::root("1"));
    let late = NOW + REGISTRATION_CODE_LIFETIME_US + 1;
    assert_eq!(registry.renew_code(late - 1, 1, &code(8)), Err(AuthorityError::CodeStillGood));
    assert_eq!(registry.renew_code(late, 2, &code(8)), Err(AuthorityError::Unknown));
    assert!(matches!(registry.renew_code(late, 1, "x"), Err(AuthorityError::MalformedCode(_))));
    registry.renew_code(late, 1, &code(8)).unwrap();
    let (given, expires_us) = registry.authority(1).unwrap().registration_code().unwrap();
    assert_eq!((given.as_str(), expires_us), (&*code(8), late + REGISTRATION_CODE_LIFETIME_US));
    // Two who ask at once get the same.
    assert_eq!(registry.renew_code(late, 1, &code(9)), Err(AuthorityError::CodeStillGood));
    assert_eq!(registry.verify_authority(late, 1, &code(1)), Err(AuthorityError::OtherCode));
    registry.verify_authority(late, 1, &code(8)).unwrap();
    let refused = registry.renew_code(late, 1, &code(9));
    assert_eq!(refused, Err(AuthorityError::NotPending(AuthorityStatus::Verified)));
}

#[test]
fn to_revoke_an_authority_names_its_agents_and_keeps_them() {
    let (first, second) = (Ca::root("1"), Ca::root("2"));
    let mut registry = trusting("acme", &[&first, &second]);
    for (ca, name) in [(&first, "a"), (&second, "b"), (&first, "c"), (&second, "c")] {
        let judgement = judgement(&registry, ca, name);
        registry.onboard(NOW, &judgement).unwrap();
    }
    let named = |ids: &[&str]| ids.iter().map(|id| client(id)).collect::<Vec<_>>();
    assert_eq!(registry.agents_of(1).cloned().collect::<Vec<_>>(), named(&["acme_a", "acme_c"]));
    assert_eq!(registry.revoke_authority(NOW, 1), Ok(named(&["acme_a", "acme_c"])));
    assert_eq!(registry.revoke_authority(NOW + 1, 1), Ok(Vec::new()));
    assert_eq!(registry.authority(1).unwrap().revoked_us(), Some(NOW));
    assert_eq!(registry.revoke_authority(NOW, 9), Err(AuthorityError::Unknown));
    assert_eq!(registry.agents().count(), 3);
}

#[test]
fn to_revoke_an_intermediate_names_the_agents_that_it_issued_under_the_root() {
    let root = Ca::root("Root");
    let plant = root.intermediate("Plant");
    let mut registry = trusting("acme", &[&root]);
    let verified = judge(&registry, "acme_a", &[&plant.agent("a"), &plant.der]).unwrap();
    registry.onboard(NOW, &verified).unwrap();
    let other = judgement(&registry, &root, "b");
    registry.onboard(NOW, &other).unwrap();
    add(&mut registry, 2, &plant);
    assert_eq!(registry.revoke_authority(NOW, 2), Ok(vec![client("acme_a")]));
}

#[test]
fn retired_authorities_are_kept_up_to_a_bound_and_the_expired_go_first() {
    let mut registry = Registry::new(tenant("acme"));
    let count = u128::try_from(RETIRED_AUTHORITIES_MAX).unwrap();
    let (key, later) = (new_key(), CA_END + DAY);
    let add_and_revoke = |registry: &mut Registry, id: u128| {
        let ca = Ca::root_with(&format!("CA {id}"), key.clone(), |params| {
            // The second ends before the others.
            let year = if id == 2 { 2026 } else { 2028 };
            params.not_after = date_time_ymd(year, 6, 1);
        });
        let now = NOW + i64::try_from(id).unwrap();
        registry.add_authority(now, id, "", &ca.der, &code(id), 1).unwrap();
        registry.revoke_authority(now, id).unwrap();
    };
    (1..=count).for_each(|id| add_and_revoke(&mut registry, id));
    assert_eq!(registry.authorities().count(), RETIRED_AUTHORITIES_MAX);
    registry.take_dirty_authorities();
    for (id, forgotten) in [(count + 1, 2), (count + 2, 1), (count + 3, 3)] {
        let ca = Ca::root_with(&format!("CA {id}"), key.clone(), |params| params.not_after = date_time_ymd(2028, 6, 1));
        registry.add_authority(later, id, "", &ca.der, &code(id), 1).unwrap();
        registry.revoke_authority(later, id).unwrap();
        assert_eq!(registry.authority(forgotten), None);
        assert_eq!(registry.authorities().count(), RETIRED_AUTHORITIES_MAX);
        // So that the checkpoint deletes it.
        assert_eq!(registry.take_dirty_authorities(), BTreeSet::from([id, forgotten]));
    }
}

#[test]
fn first_connects_that_race_make_one_agent() {
    let ca = Ca::root("Root");
    let mut registry = trusting("acme", &[&ca]);
    let first = judgement(&registry, &ca, "pump7");
    let second = judgement(&registry, &ca, "pump7");
    assert_eq!(registry.see(NOW, &first), Err(AdmissionError::UnknownAgent));
    assert_eq!(registry.onboard(NOW, &first), Ok(true));
    assert_eq!(registry.onboard(NOW + 1, &second), Ok(false));
    assert_eq!(registry.onboard(NOW + 2, &first), Ok(false));
    let agent = registry.agent(&client("acme_pump7")).unwrap();
    assert_eq!((agent.created_us, agent.revoked_us, agent.restored_us), (NOW, None, None));
    let seen = agent.credentials().iter().map(|known| (known.first_seen_us, known.last_seen_us));
    assert_eq!(seen.collect::<Vec<_>>(), [(NOW, NOW + 2), (NOW + 1, NOW + 1)]);
}

#[test]
fn a_credential_is_what_was_judged() {
    let ca = Ca::root("Root");
    let mut registry = trusting("acme", &[&ca]);
    let judged = judgement(&registry, &ca, "pump7");
    registry.onboard(NOW, &judged).unwrap();
    registry.see(NOW + 5, &judged).unwrap();
    let agent = registry.agent(&client("acme_pump7")).unwrap();
    let known = agent.credential(&judged.fingerprint()).unwrap();
    assert_eq!((known.fingerprint, known.authority), (judged.fingerprint(), 1));
    assert_eq!((&*known.serial, &*known.subject, &*known.issuer), (judged.serial(), "CN=pump7", "CN=Root"));
    assert_eq!((known.not_before_us, known.not_after_us), (judged.not_before_us(), judged.not_after_us()));
    assert_eq!((known.trusted_until_us, known.revoked_us), (CA_END, None));
    assert_eq!((known.first_seen_us, known.last_seen_us), (NOW, NOW + 5));
}

#[test]
fn what_was_judged_is_checked_again_when_it_is_applied() {
    let ca = Ca::root("Root");
    let mut registry = trusting("acme", &[&ca]);
    let judged = judgement(&registry, &ca, "pump7");
    let mut other = trusting("other", &[&ca]);
    assert_eq!(other.onboard(NOW, &judged), Err(AdmissionError::OtherTenant));
    assert_eq!(trusting("acme", &[]).onboard(NOW, &judged), Err(AdmissionError::AuthorityNotTrusted));
    assert_eq!(registry.onboard(CA_END + 1, &judged), Err(AdmissionError::AuthorityNotTrusted));
    registry.revoke_authority(NOW, 1).unwrap();
    registry.take_dirty_authorities();
    assert_eq!(registry.onboard(NOW, &judged), Err(AdmissionError::AuthorityNotTrusted));
    assert_eq!(registry.agents().count(), 0);
    assert!(!registry.is_dirty() && !other.is_dirty());
}

#[test]
fn an_agent_is_revoked_and_restored() {
    let ca = Ca::root("Root");
    let mut registry = trusting("acme", &[&ca]);
    let judged = judgement(&registry, &ca, "pump7");
    registry.onboard(NOW, &judged).unwrap();
    let (id, nobody) = (client("acme_pump7"), client("acme_nobody"));
    assert_eq!(registry.restore_agent(NOW, &id), Ok(false));
    assert_eq!(registry.revoke_agent(NOW + 1, &id), Ok(true));
    assert_eq!(registry.revoke_agent(NOW + 2, &id), Ok(false));
    assert_eq!(registry.agent(&id).unwrap().revoked_us, Some(NOW + 1));
    assert_eq!(registry.restore_agent(NOW + 3, &id), Ok(true));
    let agent = registry.agent(&id).unwrap();
    assert_eq!((agent.revoked_us, agent.restored_us), (None, Some(NOW + 3)));
    assert_eq!(registry.revoke_agent(NOW, &nobody), Err(AgentError::Unknown));
    assert_eq!(registry.restore_agent(NOW, &nobody), Err(AgentError::Unknown));
    let refused = registry.revoke_credential(NOW, &nobody, &judged.fingerprint());
    assert_eq!(refused, Err(AgentError::Unknown));
}

#[test]
fn a_credential_is_revoked_once() {
    let ca = Ca::root("Root");
    let mut registry = trusting("acme", &[&ca]);
    let judged = judgement(&registry, &ca, "pump7");
    registry.onboard(NOW, &judged).unwrap();
    let id = client("acme_pump7");
    assert_eq!(registry.revoke_credential(NOW, &id, &judged.fingerprint()), Ok(()));
    let again = registry.revoke_credential(NOW, &id, &judged.fingerprint());
    assert_eq!(again, Err(AgentError::UnknownCredential));
    let unknown = registry.revoke_credential(NOW, &id, &Fingerprint::of(b""));
    assert_eq!(unknown, Err(AgentError::UnknownCredential));
}

#[test]
fn a_new_credential_takes_the_place_of_the_one_not_seen_for_longest() {
    let ca = Ca::root("Root");
    let mut registry = trusting("acme", &[&ca]);
    let judged: Vec<_> = (0..=CREDENTIALS_PER_AGENT_MAX).map(|_| judgement(&registry, &ca, "pump7")).collect();
    let (last, first) = judged.split_last().unwrap();
    for (at, judgement) in (NOW..).zip(first) {
        registry.onboard(at, judgement).unwrap();
    }
    registry.see(NOW + DAY, &first[0]).unwrap();
    registry.see(NOW + DAY, last).unwrap();
    let agent = registry.agent(&client("acme_pump7")).unwrap();
    assert_eq!(agent.credentials().len(), CREDENTIALS_PER_AGENT_MAX);
    assert_eq!(agent.credential(&first[1].fingerprint()), None);
    assert!(agent.credential(&first[0].fingerprint()).is_some() && agent.credential(&last.fingerprint()).is_some());
}

#[test]
fn revoked_credentials_are_kept_until_they_expire_and_up_to_a_bound() {
    let ca = Ca::root_with("Root", new_key(), crate::openssl::long);
    let mut registry = trusting("acme", &[&ca]);
    let id = client("acme_pump7");
    let mut revoked = Vec::new();
    for _ in 0..REVOKED_CREDENTIALS_PER_AGENT_MAX {
        let judged = judgement(&registry, &ca, "pump7");
        registry.onboard(NOW, &judged).unwrap();
        registry.revoke_credential(NOW, &id, &judged.fingerprint()).unwrap();
        revoked.push(judged);
    }
    let fresh = judgement(&registry, &ca, "pump7");
    registry.see(NOW, &fresh).unwrap();
    let refused = registry.revoke_credential(NOW, &id, &fresh.fingerprint()).unwrap_err();
    assert_eq!(refused, AgentError::TooManyRevoked);
    assert_says(&refused, &["64", "revoke the agent"]);
    assert!(revoked.iter().all(|judged| registry.see(NOW, judged) == Err(AdmissionError::CredentialRevoked)));
    // When they have expired, they are refused for that and make room.
    let later = fresh.not_after_us() + DAY;
    let renewed = ca.agent_with("pump7", crate::openssl::long);
    let judged = crate::pki::judge_at(later, &registry, "acme_pump7", &[&renewed]).unwrap();
    registry.see(later, &judged).unwrap();
    let agent = registry.agent(&id).unwrap();
    assert_eq!(agent.credentials().len(), 2);
    assert_eq!(registry.revoke_credential(later, &id, &judged.fingerprint()), Ok(()));
}

#[test]
fn what_changed_is_dirty_until_it_is_taken_and_again_when_it_is_given_back() {
    let ca = Ca::root("Root");
    let mut registry = Registry::new(tenant("acme"));
    assert!(!registry.is_dirty());
    add(&mut registry, 1, &ca);
    assert_eq!(registry.take_dirty_authorities(), BTreeSet::from([1]));
    registry.verify_authority(NOW, 1, &code(1)).unwrap();
    assert!(registry.is_dirty());
    assert_eq!(registry.take_dirty_authorities(), BTreeSet::from([1]));
    assert!(!registry.is_dirty());

    let judged = judgement(&registry, &ca, "pump7");
    let id = client("acme_pump7");
    let mut dirties = |change: &dyn Fn(&mut Registry)| {
        change(&mut registry);
        let (authorities, agents) = (registry.take_dirty_authorities(), registry.take_dirty_agents());
        assert!(!registry.is_dirty());
        (authorities.len(), agents.len())
    };
    assert_eq!(
        dirties(&|it| {
            it.onboard(NOW, &judged).unwrap();
        }),
        (0, 1)
    );
    assert_eq!(dirties(&|it| it.see(NOW, &judged).unwrap()), (0, 1));
    assert_eq!(
        dirties(&|it| {
            it.revoke_agent(NOW, &id).unwrap();
        }),
        (0, 1)
    );
    assert_eq!(
        dirties(&|it| {
            it.revoke_agent(NOW, &id).unwrap();
        }),
        (0, 0)
    );
    assert_eq!(
        dirties(&|it| {
            it.restore_agent(NOW, &id).unwrap();
        }),
        (0, 1)
    );
    assert_eq!(
        dirties(&|it| {
            it.restore_agent(NOW, &id).unwrap();
        }),
        (0, 0)
    );
    assert_eq!(dirties(&|it| it.revoke_credential(NOW, &id, &judged.fingerprint()).unwrap()), (0, 1));
    assert_eq!(
        dirties(&|it| {
            it.see(NOW, &judged).unwrap_err();
        }),
        (0, 0)
    );
    assert_eq!(dirties(&|it| drop(it.revoke_authority(NOW, 1).unwrap())), (1, 0));
    assert_eq!(dirties(&|it| drop(it.revoke_authority(NOW, 1).unwrap())), (0, 0));
    assert_eq!(dirties(&|it| it.mark_dirty_authority(1)), (1, 0));
    assert_eq!(dirties(&|it| it.mark_dirty_agents([id.clone()])), (0, 1));
}

#[test]
fn a_registry_is_restored_from_the_parts_that_checkpoints_wrote() {
    let (first, second) = (Ca::root("1"), Ca::root("2"));
    let mut registry = trusting("acme", &[&first]);
    add(&mut registry, 2, &second);
    for name in ["a", "b"] {
        let judged = judgement(&registry, &first, name);
        registry.onboard(NOW, &judged).unwrap();
    }
    registry.revoke_agent(NOW, &client("acme_b")).unwrap();

    let authorities: Vec<Authority> = registry
        .authorities()
        .map(|authority| postcard::from_bytes(&postcard::to_stdvec(authority).unwrap()).unwrap())
        .collect();
    let agents: Vec<(_, Agent)> = registry
        .agents()
        .map(|(id, agent)| (id.clone(), postcard::from_bytes(&postcard::to_stdvec(agent).unwrap()).unwrap()))
        .collect();
    let mut restored = Registry::restore(tenant("acme"), authorities, agents);

    assert!(!restored.is_dirty());
    assert_eq!(restored.tenant(), registry.tenant());
    assert!(restored.authorities().eq(registry.authorities()));
    assert!(restored.agents().eq(registry.agents()));
    // It judges alike, and goes on alike.
    let (known, fresh) = (first.agent("c"), second.agent("c"));
    for der in [&known, &fresh] {
        assert_eq!(judge(&restored, "acme_c", &[der]), judge(&registry, "acme_c", &[der]));
    }
    assert!(judge(&restored, "acme_b", &[&first.agent("b")]).is_err());
    for registry in [&mut restored, &mut registry] {
        registry.verify_authority(NOW, 2, &code(2)).unwrap();
        let judged = judge(registry, "acme_c", &[&fresh]).unwrap();
        registry.onboard(NOW, &judged).unwrap();
    }
    assert!(restored.authorities().eq(registry.authorities()));
    assert!(restored.agents().eq(registry.agents()));
}
