//! What a stranger is told: nothing about what the claimed tenant has.

use std::collections::BTreeSet;

use identity::{IntermediateFault, Refusal, Registry};
use rcgen::{BasicConstraints, CertificateParams, CustomExtension, IsCa, date_time_ymd};
use rustls_pki_types::CertificateDer;

use crate::openssl::{Openssl, P256, long, soon_after};
use crate::pki::{CA_END, Ca, NOW, SECOND, add, judge_at, new_key, plain, trusting};

/// Tenants that differ in all that a stranger, who knows the name of the CA and has not its key, might want to know.
fn tenants() -> Vec<Registry> {
    let ca = || Ca::root_with("Root", new_key(), long);
    let narrow = Ca::root_with("Root", new_key(), |params| {
        long(params);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    });
    let mut pending = trusting("acme", &[]);
    add(&mut pending, 1, &ca());
    let mut revoked = trusting("acme", &[&ca()]);
    revoked.revoke_authority(NOW, 1).unwrap();
    let expired = Ca::root_with("Root", new_key(), |params| params.not_after = date_time_ymd(2026, 3, 2));
    let mut onboarded = trusting("acme", &[&ca()]);
    let own = ca();
    add(&mut onboarded, 2, &own);
    onboarded.verify_authority(NOW, 2, &crate::pki::code(2)).unwrap();
    let judgement = judge_at(NOW, &onboarded, "acme_pump7", &[&own.agent("pump7")]).unwrap();
    onboarded.onboard(NOW, &judgement).unwrap();
    let mut locked = onboarded.clone();
    locked.revoke_agent(NOW, judgement.client_id()).unwrap();
    vec![
        trusting("acme", &[]),
        trusting("acme", &[&Ca::root("Other")]),
        trusting("acme", &[&ca()]),
        trusting("acme", &[&ca(), &ca()]),
        trusting("acme", &[&narrow]),
        trusting("acme", &[&expired]),
        pending,
        revoked,
        onboarded,
        locked,
    ]
}

/// Chains of a stranger who made a CA of the same name.
fn forgeries() -> Vec<Vec<CertificateDer<'static>>> {
    let forged = Ca::root_with("Root", new_key(), long);
    let plant = forged.intermediate_with("Plant", new_key(), long);
    let faulty = |change: fn(&mut CertificateParams)| {
        let plant = forged.intermediate_with("Plant", new_key(), |params| {
            long(params);
            change(params);
        });
        vec![plant.agent_with("pump7", long), plant.der]
    };
    let critical = |params: &mut CertificateParams| {
        let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
        extension.set_criticality(true);
        params.custom_extensions = vec![extension];
    };
    let no_client =
        |params: &mut CertificateParams| params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let mut deep = vec![forged.intermediate_with("Level 0", new_key(), long)];
    for level in 1..8 {
        let below = deep[0].intermediate_with(&format!("Level {level}"), new_key(), long);
        deep.insert(0, below);
    }
    // One whose name is an authority's, and that is faulty.
    let root = Ca::root("Above").intermediate_with("Root", new_key(), |params| {
        long(params);
        params.is_ca = IsCa::NoCa;
    });
    let openssl = Openssl::with_ca(&forged);
    openssl.request(P256, "pump7");
    let v1 = openssl.sign("-days 2");
    let openssl = Openssl::with_ca(&plant);
    openssl.request(P256, "pump7");
    let v1_below = openssl.sign("-days 2");
    vec![
        vec![forged.agent_with("pump7", long)],
        vec![forged.agent_with("pump7", long), forged.der.clone()],
        vec![forged.agent_with("pump7", long), root.der.clone()],
        vec![forged.agent_with("pump7", |params| {
            long(params);
            critical(params);
        })],
        vec![plant.agent_with("pump7", long), plant.der.clone()],
        vec![plant.agent_with("pump7", long)],
        faulty(|params| params.is_ca = IsCa::NoCa),
        faulty(|params| params.not_after = date_time_ymd(2001, 1, 1)),
        faulty(critical),
        faulty(no_client),
        std::iter::once(deep[0].agent_with("pump7", long)).chain(deep.iter().map(|ca| ca.der.clone())).collect(),
        vec![v1],
        vec![v1_below, plant.der.clone()],
        vec![CertificateDer::from(b"nothing".to_vec())],
        Vec::new(),
    ]
}

#[test]
fn a_stranger_hears_the_same_of_every_tenant() {
    let tenants = tenants();
    let now = soon_after(&forgeries()[11][0]).max(CA_END + SECOND);
    for (index, chain) in forgeries().iter().enumerate() {
        let chain: Vec<_> = chain.iter().collect();
        let told: BTreeSet<_> = tenants
            .iter()
            .map(|registry| judge_at(now, registry, "acme_pump7", &chain).unwrap_err().peer_hint())
            .collect();
        assert_eq!(told.len(), 1, "chain {index}: {told:?}");
    }
}

#[test]
fn the_tenants_own_people_are_told_all() {
    let ca = Ca::root("Root");
    let refusal = crate::pki::judge(&trusting("acme", &[]), "acme_pump7", &[&ca.agent("pump7")]).unwrap_err();
    assert_eq!(refusal.hint(), refusal.to_string());
    assert_ne!(refusal.hint(), refusal.peer_hint());
    assert!(!refusal.peer_hint().contains("acme"));
}

#[test]
fn what_the_certificate_itself_shows_is_told_to_whoever_sent_it() {
    let ca = Ca::root("Root");
    let registry = trusting("acme", &[&ca]);
    for der in [ca.agent("pump8"), ca.agent("a/b"), ca.agent_with("pump7", |params| params.key_usages = ca_usages())] {
        let refusal = crate::pki::judge(&registry, "acme_pump7", &[&der]).unwrap_err();
        assert_eq!(refusal.peer_hint(), refusal.hint());
    }
}

fn ca_usages() -> Vec<rcgen::KeyUsagePurpose> {
    vec![rcgen::KeyUsagePurpose::KeyCertSign]
}

#[test]
fn every_refusal_has_a_word_of_its_own() {
    let ca = Ca::root("Root");
    let registry = trusting("acme", &[&ca]);
    let refused = |chain: &[&CertificateDer<'static>]| crate::pki::judge(&registry, "acme_pump7", chain).unwrap_err();
    let refusals = [
        refused(&[]),
        refused(&[&ca.der; 11]),
        refused(&[&CertificateDer::from(vec![0; 60_000])]),
        refused(&[&CertificateDer::from(vec![0])]),
        refused(&[&ca.agent("a/b")]),
        refused(&[&ca.agent("acme_")]),
        refused(&[&ca.agent("pump8")]),
        Refusal::Expired { not_after_us: 0, now_us: NOW },
        Refusal::NotYetValid { not_before_us: NOW, now_us: 0 },
        Refusal::Key(identity::KeyError::TooShort(1024)),
        Refusal::Algorithm("SHA-1 with RSA".to_owned()),
        Refusal::CaAsAgent,
        Refusal::KeyUsage,
        Refusal::ExtendedKeyUsage,
        Refusal::NoAuthority { tenant: crate::pki::tenant("acme") },
        refused(&[&Ca::root("Other").agent("pump7")]),
        Refusal::AuthorityNotTrusted { authority: "Root".to_owned(), status: identity::AuthorityStatus::Revoked },
        refused(&[&Ca::root_with("Root", new_key(), plain).agent("pump7")]),
        Refusal::Intermediate { subject: "CN=Plant".to_owned(), fault: IntermediateFault::NotCa },
        Refusal::NotDirect { version: 1 },
        Refusal::PathLength,
        Refusal::NameConstraints,
        Refusal::Path { cause: "BadDer".to_owned() },
        Refusal::CertificateRevoked { revoked_us: NOW },
        Refusal::AgentRevoked { revoked_us: NOW },
    ];
    let words: BTreeSet<_> = refusals.iter().map(Refusal::code).collect();
    assert_eq!(words.len(), refusals.len());
    assert!(words.iter().all(|word| word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')));
}
