//! The short way for certificates that were let in before, and revocation.

use identity::{AdmissionError, AuthorityStatus, Fingerprint, Judgement, Refusal, Registry};
use rcgen::date_time_ymd;
use rustls_pki_types::CertificateDer;
use x509_parser::asn1_rs::FromDer;
use x509_parser::certificate::X509Certificate;

use crate::openssl::{Openssl, P256, long, soon_after};
use crate::pki::{CA_END, Ca, DAY, NOW, SECOND, assert_says, client, judge, judge_at, new_key, plain, tlv, trusting};

/// Judges a certificate and onboards its agent, `acme_pump7`.
fn onboard(registry: &mut Registry, chain: &[&CertificateDer<'static>]) -> Judgement {
    let judgement = judge(registry, "acme_pump7", chain).unwrap();
    registry.onboard(NOW, &judgement).unwrap();
    judgement
}

#[test]
fn the_short_way_gives_the_same_judgement_without_the_intermediates() {
    let root = Ca::root("Root");
    let plant = root.intermediate("Plant");
    let der = plant.agent("pump7");
    let mut registry = trusting("acme", &[&root]);
    let first = onboard(&mut registry, &[&der, &plant.der]);
    assert_eq!(judge(&registry, "acme_pump7", &[&der, &plant.der]), Ok(first.clone()));
    // That no path is verified shows in what is not needed for one.
    assert_eq!(judge(&registry, "acme_pump7", &[&der]), Ok(first));
}

#[test]
fn the_short_way_is_for_the_agent_that_was_let_in_and_nobody_else() {
    let ca = Ca::root("Root");
    let der = ca.agent("pump7");
    let mut registry = trusting("acme", &[&ca]);
    onboard(&mut registry, &[&der]);
    assert!(matches!(judge(&registry, "acme_pump8", &[&der]), Err(Refusal::ClientId { .. })));
    assert!(judge(&trusting("other", &[]), "other_pump7", &[&der]).is_err());
}

#[test]
fn the_short_way_ends_with_the_certificate() {
    let ca = Ca::root_with("Root", new_key(), long);
    let der = ca.agent("pump7");
    let mut registry = trusting("acme", &[&ca]);
    let end = onboard(&mut registry, &[&der]).not_after_us();
    assert!(judge_at(end, &registry, "acme_pump7", &[&der]).is_ok());
    let refusal = judge_at(end + DAY, &registry, "acme_pump7", &[&der]).unwrap_err();
    assert_eq!(refusal, Refusal::Expired { not_after_us: end, now_us: end + DAY });
    // The clock went back.
    assert!(matches!(judge_at(0, &registry, "acme_pump7", &[&der]), Err(Refusal::NotYetValid { .. })));
}

#[test]
fn the_short_way_ends_with_the_authority() {
    let ca = Ca::root("Root");
    let der = ca.agent("pump7");
    let mut registry = trusting("acme", &[&ca]);
    onboard(&mut registry, &[&der]);
    let status = |now, registry: &Registry| match judge_at(now, registry, "acme_pump7", &[&der]) {
        Err(Refusal::AuthorityNotTrusted { status, .. }) => status,
        other => panic!("{other:?}"),
    };
    assert!(judge_at(CA_END, &registry, "acme_pump7", &[&der]).is_ok());
    assert_eq!(status(CA_END + SECOND, &registry), AuthorityStatus::Expired);
    registry.revoke_authority(NOW, 1).unwrap();
    assert_eq!(status(NOW, &registry), AuthorityStatus::Revoked);
}

#[test]
fn the_short_way_ends_with_the_first_intermediate_of_the_path() {
    let root = Ca::root("Root");
    let plant = root.intermediate_with("Plant", new_key(), |params| params.not_after = date_time_ymd(2026, 4, 1));
    let der = plant.agent("pump7");
    let mut registry = trusting("acme", &[&root]);
    let end = onboard(&mut registry, &[&der, &plant.der]).trusted_until_us();
    assert!(judge_at(end, &registry, "acme_pump7", &[&der, &plant.der]).is_ok());
    let refusal = judge_at(end + 1, &registry, "acme_pump7", &[&der, &plant.der]).unwrap_err();
    assert!(matches!(refusal, Refusal::Intermediate { .. }), "{refusal:?}");
    // Its successor, of the same key, goes on.
    let renewed = root.intermediate_with("Plant", plant.key.clone(), plain);
    let judgement = judge_at(end + 1, &registry, "acme_pump7", &[&der, &renewed.der]).unwrap();
    assert_eq!(judgement.trusted_until_us(), CA_END);
}

#[test]
fn the_short_way_does_not_pass_a_link_that_was_revoked_as_an_authority_later() {
    let root = Ca::root("Root");
    let plant = root.intermediate("Plant");
    let line = plant.intermediate("Line");
    let (der, below) = (root.agent("pump7"), line.agent("pump8"));
    let mut registry = trusting("acme", &[&root]);
    onboard(&mut registry, &[&der]);
    let deep = judge(&registry, "acme_pump8", &[&below, &line.der, &plant.der]).unwrap();
    registry.onboard(NOW, &deep).unwrap();
    crate::pki::add(&mut registry, 2, &plant);
    assert!(judge(&registry, "acme_pump8", &[&below]).is_ok());
    registry.revoke_authority(NOW, 2).unwrap();
    assert!(judge(&registry, "acme_pump8", &[&below, &line.der, &plant.der]).is_err());
    assert!(judge(&registry, "acme_pump7", &[&der]).is_ok());
}

#[test]
fn an_agent_moves_on_to_a_new_authority() {
    let (old, new) = (Ca::root("Old"), Ca::root("New"));
    let der = old.agent("pump7");
    let mut registry = trusting("acme", &[&old, &new]);
    onboard(&mut registry, &[&der]);
    assert_eq!(registry.revoke_authority(NOW, 1), Ok(vec![client("acme_pump7")]));
    assert!(judge(&registry, "acme_pump7", &[&der]).is_err());
    let judgement = judge(&registry, "acme_pump7", &[&new.agent("pump7")]).unwrap();
    assert_eq!(registry.see(NOW, &judgement), Ok(()));
}

#[test]
fn a_renewed_authority_of_the_same_key_takes_over_what_the_old_one_issued() {
    let old = Ca::root("Root");
    let renewed = Ca::root_with("Root", old.key.clone(), |params| params.not_after = date_time_ymd(2027, 1, 1));
    let der = old.agent("pump7");
    let mut registry = trusting("acme", &[&old, &renewed]);
    onboard(&mut registry, &[&der]);
    let judgement = judge_at(CA_END + DAY, &registry, "acme_pump7", &[&der]).unwrap();
    assert_eq!(judgement.authority(), 2);
    registry.see(CA_END + DAY, &judgement).unwrap();
    let credentials = registry.agent(&client("acme_pump7")).unwrap().credentials();
    assert_eq!(credentials.iter().map(|known| known.authority).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_revoked_agent_is_refused_whatever_it_shows_until_it_is_restored() {
    let ca = Ca::root("Root");
    let (known, fresh) = (ca.agent("pump7"), ca.agent("pump7"));
    let mut registry = trusting("acme", &[&ca]);
    let judgement = onboard(&mut registry, &[&known]);
    assert_eq!(registry.revoke_agent(NOW, &client("acme_pump7")), Ok(true));
    for der in [&known, &fresh] {
        let refusal = judge(&registry, "acme_pump7", &[der]).unwrap_err();
        assert_eq!(refusal, Refusal::AgentRevoked { revoked_us: NOW });
        assert_says(&refusal, &["agent was revoked on 2026-03-01 12:00:00 UTC", "restore"]);
    }
    assert_eq!(registry.onboard(NOW, &judgement), Err(AdmissionError::AgentRevoked));
    assert_eq!(registry.see(NOW, &judgement), Err(AdmissionError::AgentRevoked));
    assert_eq!(registry.restore_agent(NOW, &client("acme_pump7")), Ok(true));
    assert!(judge(&registry, "acme_pump7", &[&known]).is_ok());
}

#[test]
fn a_revoked_certificate_is_refused_and_another_of_the_agent_is_not() {
    let ca = Ca::root("Root");
    let (lost, fresh) = (ca.agent("pump7"), ca.agent("pump7"));
    let mut registry = trusting("acme", &[&ca]);
    let judgement = onboard(&mut registry, &[&lost]);
    registry.revoke_credential(NOW, &client("acme_pump7"), &Fingerprint::of(&lost)).unwrap();
    let refusal = judge(&registry, "acme_pump7", &[&lost]).unwrap_err();
    assert_eq!(refusal, Refusal::CertificateRevoked { revoked_us: NOW });
    assert_says(&refusal, &["certificate was revoked on 2026-03-01 12:00:00 UTC", "a new one"]);
    assert_eq!(registry.see(NOW, &judgement), Err(AdmissionError::CredentialRevoked));
    assert!(judge(&registry, "acme_pump7", &[&fresh]).is_ok());
    // To restore the agent does not restore the certificate.
    registry.revoke_agent(NOW, &client("acme_pump7")).unwrap();
    registry.restore_agent(NOW, &client("acme_pump7")).unwrap();
    assert_eq!(judge(&registry, "acme_pump7", &[&lost]), Err(refusal));
}

#[test]
fn a_revoked_certificate_does_not_come_back_with_other_bytes_of_the_same_signature() {
    let ca = Ca::root("Root");
    let lost = ca.agent("pump7");
    let twin = with_other_signature(&lost);
    assert_ne!(Fingerprint::of(&lost), Fingerprint::of(&twin));
    let mut registry = trusting("acme", &[&ca]);
    onboard(&mut registry, &[&lost]);
    // Let in: it is what the CA signed.
    let judgement = judge(&registry, "acme_pump7", &[&twin]).unwrap();
    registry.revoke_credential(NOW, &client("acme_pump7"), &Fingerprint::of(&lost)).unwrap();
    assert_eq!(judge(&registry, "acme_pump7", &[&twin]), Err(Refusal::CertificateRevoked { revoked_us: NOW }));
    assert_eq!(registry.see(NOW, &judgement), Err(AdmissionError::CredentialRevoked));
}

#[test]
fn nor_if_both_were_shown_before() {
    let ca = Ca::root("Root");
    let lost = ca.agent("pump7");
    let twin = with_other_signature(&lost);
    let mut registry = trusting("acme", &[&ca]);
    onboard(&mut registry, &[&lost]);
    onboard(&mut registry, &[&twin]);
    registry.revoke_credential(NOW, &client("acme_pump7"), &Fingerprint::of(&twin)).unwrap();
    for der in [&lost, &twin] {
        assert_eq!(judge(&registry, "acme_pump7", &[der]), Err(Refusal::CertificateRevoked { revoked_us: NOW }));
    }
}

#[test]
fn a_ca_that_numbers_all_its_certificates_alike_can_still_replace_one() {
    let ca = Ca::root("Root");
    let numbered = |from: u8| {
        ca.agent_with("pump7", |params| {
            params.serial_number = Some(vec![1].into());
            params.not_before = date_time_ymd(2026, 1, from);
        })
    };
    let (lost, fresh) = (numbered(1), numbered(2));
    let mut registry = trusting("acme", &[&ca]);
    onboard(&mut registry, &[&lost]);
    registry.revoke_credential(NOW, &client("acme_pump7"), &Fingerprint::of(&lost)).unwrap();
    assert!(judge(&registry, "acme_pump7", &[&lost]).is_err());
    assert!(judge(&registry, "acme_pump7", &[&fresh]).is_ok());
}

#[test]
fn a_v1_certificate_goes_the_short_way_too() {
    let ca = Ca::root_with("Root", new_key(), long);
    let openssl = Openssl::with_ca(&ca);
    openssl.request(P256, "pump7");
    let der = openssl.sign("-days 1");
    let now = soon_after(&der);
    let mut registry = trusting("acme", &[&ca]);
    let first = judge_at(now, &registry, "acme_pump7", &[&der]).unwrap();
    registry.onboard(now, &first).unwrap();
    assert_eq!(judge_at(now, &registry, "acme_pump7", &[&der]), Ok(first));
}

#[test]
fn a_snapshot_does_not_change_with_the_registry() {
    let ca = Ca::root("Root");
    let der = ca.agent("pump7");
    let mut registry = trusting("acme", &[&ca]);
    onboard(&mut registry, &[&der]);
    let trust = registry.trust(&client("acme_pump7"));
    registry.revoke_agent(NOW, &client("acme_pump7")).unwrap();
    // What was judged by it is refused when its record is applied.
    let judgement = trust.judge(NOW, &[der]).unwrap();
    assert_eq!(registry.see(NOW, &judgement), Err(AdmissionError::AgentRevoked));
}

/// The same certificate with the signature (r, n - s) in place of (r, s): as valid, and everybody can make it.
fn with_other_signature(der: &[u8]) -> CertificateDer<'static> {
    let (_, x509) = X509Certificate::from_der(der).unwrap();
    let signature = &x509.signature_value.data;
    let r = &signature[2..4 + usize::from(signature[3])];
    let s = &signature[2 + r.len() + 2..];
    let negated = order_minus(s);
    let signature = tlv(0x30, &[r, &tlv(0x02, &negated)].concat());
    // ecdsa-with-SHA256.
    let algorithm = tlv(0x30, &tlv(0x06, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]));
    let bits = tlv(0x03, &[&[0], &signature[..]].concat());
    tlv(0x30, &[x509.tbs_certificate.as_ref(), &algorithm, &bits].concat()).into()
}

/// The order of P-256 less a number, as the content of a DER INTEGER.
fn order_minus(number: &[u8]) -> Vec<u8> {
    let order: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad,
        0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let mut digits = Vec::new();
    let mut borrow = 0;
    for index in 0..32 {
        let subtrahend = number.iter().rev().nth(index).copied().unwrap_or(0);
        let difference = i16::from(order[31 - index]) - i16::from(subtrahend) - borrow;
        borrow = i16::from(difference < 0);
        digits.push(u8::try_from(difference.rem_euclid(256)).unwrap());
    }
    digits.push(0);
    digits.reverse();
    let zeros = digits.windows(2).take_while(|pair| pair[0] == 0 && pair[1] < 0x80).count();
    digits.split_off(zeros)
}
