//! Certificates that an authority issued directly: who is let in as whom, and in which words others are not.

use identity::{
    AuthorityStatus, CERTIFICATE_LENGTH_MAX, CertificateError, ClientIdError, Fingerprint, KeyError, Refusal,
    SubjectError, TrustSet,
};
use rcgen::{BasicConstraints, CustomExtension, DistinguishedName, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose};
use rustls_pki_types::CertificateDer;

use crate::openssl::{Openssl, P256, RSA, ed25519, long, soon_after};
use crate::pki::{
    CA_END, Ca, DAY, NOW, RsaOfBits, SECOND, agent_params, assert_says, client, code, judge, judge_at, key_for,
    new_key, plain, tenant, trusting,
};

fn refused(ca: &Ca, claimed: &str, der: &CertificateDer<'static>) -> Refusal {
    judge(&trusting("acme", &[ca]), claimed, &[der]).unwrap_err()
}

#[test]
fn a_certificate_of_an_authority_is_its_agents() {
    let ca = Ca::root("Root");
    let der = ca.agent_with("pump7", |params| params.serial_number = Some(vec![0x12, 0xab].into()));
    let judgement = judge(&trusting("acme", &[&ca]), "acme_pump7", &[&der]).unwrap();
    assert_eq!(judgement.client_id(), &client("acme_pump7"));
    assert_eq!(judgement.fingerprint(), Fingerprint::of(&der));
    assert_eq!(judgement.authority(), 1);
    assert_eq!((judgement.serial(), judgement.subject(), judgement.issuer()), ("12ab", "CN=pump7", "CN=Root"));
    // 2026-01-01 and 2027-01-01; the authority ends before that.
    assert_eq!(judgement.not_before_us(), 1_767_225_600 * SECOND);
    assert_eq!(judgement.not_after_us(), 1_798_761_600 * SECOND);
    assert_eq!(judgement.trusted_until_us(), CA_END);
}

#[test]
fn agents_and_authorities_of_every_accepted_kind_of_key_are_let_in() {
    let kinds =
        [&rcgen::PKCS_RSA_SHA256, &rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519];
    for authority in kinds {
        let ca = Ca::root_with("Root", key_for(authority), plain);
        let registry = trusting("acme", &[&ca]);
        for agent in kinds {
            let der = ca.sign(&agent_params("pump7", plain), &*key_for(agent));
            assert!(judge(&registry, "acme_pump7", &[&der]).is_ok());
        }
    }
}

#[test]
fn what_the_guides_make_is_let_in_though_it_is_v1() {
    for key in [key_for(&rcgen::PKCS_RSA_SHA256), new_key(), ed25519()] {
        let ca = Ca::root_with("Root", key, long);
        let openssl = Openssl::with_ca(&ca);
        openssl.request(RSA, "pump7");
        let der = openssl.sign("-days 365");
        let registry = trusting("acme", &[&ca]);
        let judgement = judge_at(soon_after(&der), &registry, "acme_pump7", &[&der]).unwrap();
        assert_eq!((judgement.authority(), judgement.trusted_until_us()), (1, judgement.not_after_us()));
        // As the guides have it: the agent's file is the certificate and then the CA.
        assert!(judge_at(soon_after(&der), &registry, "acme_pump7", &[&der, &ca.der]).is_ok());
    }
}

#[test]
fn a_v1_certificate_of_another_key_is_refused() {
    let openssl = Openssl::with_ca(&Ca::root_with("Root", new_key(), long));
    openssl.request(P256, "pump7");
    let der = openssl.sign("-days 365");
    let registry = trusting("acme", &[&Ca::root_with("Root", new_key(), long)]);
    let refusal = judge_at(soon_after(&der), &registry, "acme_pump7", &[&der]).unwrap_err();
    assert_eq!(refusal, Refusal::Signature { issuer: "CN=Root".to_owned() });
}

#[test]
fn no_certificate_is_no_agent() {
    let ca = Ca::root("Root");
    let refusal = judge(&trusting("acme", &[&ca]), "acme_pump7", &[]).unwrap_err();
    assert_eq!(refusal, Refusal::NoCertificate);
    assert_says(&refusal, &["no client certificate", "configure"]);
}

#[test]
fn the_client_id_must_be_the_certificates() {
    let ca = Ca::root("Root");
    for (name, claimed, expected) in [
        ("pump7", "acme_pump8", "acme_pump7"),
        ("pump7", "acme_Pump7", "acme_pump7"),
        ("acme_pump7", "acme_acme_pump7", "acme_pump7"),
        ("pump7", "acme_acme_pump7", "acme_pump7"),
        ("other_pump7", "acme_pump7", "acme_other_pump7"),
    ] {
        let refusal = refused(&ca, claimed, &ca.agent(name));
        assert_eq!(refusal, Refusal::ClientId { expected: client(expected), claimed: client(claimed) });
        assert_says(&refusal, &[&format!("must be {expected}"), &format!("got {claimed}")]);
    }
}

#[test]
fn a_cn_that_begins_with_the_tenant_is_the_client_id() {
    let ca = Ca::root("Root");
    let registry = trusting("acme", &[&ca]);
    for (name, claimed) in [("acme_pump7", "acme_pump7"), ("acme", "acme_acme"), ("acme_acme_x", "acme_acme_x")] {
        assert!(judge(&registry, claimed, &[&ca.agent(name)]).is_ok(), "{name}");
    }
}

#[test]
fn a_cn_that_cannot_be_a_name_is_no_agent() {
    let ca = Ca::root("Root");
    for name in ["", "a/b", "#", "a+", "a\0b"] {
        let refusal = refused(&ca, "acme_pump7", &ca.agent(name));
        assert!(matches!(refusal, Refusal::Subject(SubjectError::Name(_))), "{refusal:?}");
        assert_says(&refusal, &["CN"]);
    }
    let nameless = ca.agent_with("x", |params| params.distinguished_name = DistinguishedName::new());
    assert_eq!(refused(&ca, "acme_pump7", &nameless), Refusal::Subject(SubjectError::Missing));
    let refusal = refused(&ca, "acme_pump7", &ca.agent("acme_"));
    assert_eq!(refusal, Refusal::NoClientId(ClientIdError::NoName));
    let refusal = refused(&ca, "acme_pump7", &ca.agent(&"ü".repeat(64)));
    assert_eq!(refusal, Refusal::NoClientId(ClientIdError::TooLong(133)));
}

#[test]
fn an_expired_certificate_is_refused_with_its_date_and_the_clock() {
    let ca = Ca::root_with("Root", new_key(), long);
    let registry = trusting("acme", &[&ca]);
    let der = ca.agent("pump7");
    // 2027-01-01.
    let end = 1_798_761_600 * SECOND;
    assert!(judge_at(end, &registry, "acme_pump7", &[&der]).is_ok());
    let refusal = judge_at(end + 3 * DAY, &registry, "acme_pump7", &[&der]).unwrap_err();
    assert_eq!(refusal, Refusal::Expired { not_after_us: end, now_us: end + 3 * DAY });
    assert_says(&refusal, &["expired 3 days ago", "2027-01-01 00:00:00 UTC", "clock says 2027-01-04 00:00:00 UTC"]);
    for (since, words) in [(1, "0 seconds"), (SECOND, "1 second ago"), (90 * SECOND, "1 minute"), (DAY - 1, "23 hours")]
    {
        assert_says(&judge_at(end + since, &registry, "acme_pump7", &[&der]).unwrap_err(), &[words]);
    }
}

#[test]
fn a_certificate_of_the_future_is_refused_with_its_date_and_the_clock() {
    let ca = Ca::root_with("Root", new_key(), long);
    let registry = trusting("acme", &[&ca]);
    let der = ca.agent("pump7");
    // 2026-01-01.
    let begin = 1_767_225_600 * SECOND;
    assert!(judge_at(begin, &registry, "acme_pump7", &[&der]).is_ok());
    let refusal = judge_at(begin - 2 * 3600 * SECOND, &registry, "acme_pump7", &[&der]).unwrap_err();
    assert!(matches!(refusal, Refusal::NotYetValid { .. }));
    assert_says(&refusal, &["only from 2026-01-01 00:00:00 UTC", "in 2 hours", "clock says 2025-12-31 22:00:00 UTC"]);
}

#[test]
fn weak_and_foreign_keys_are_refused_by_name() {
    let ca = Ca::root("Root");
    for (bits, error) in [(1024, KeyError::TooShort(1024)), (16384, KeyError::TooLong(16384))] {
        let refusal = refused(&ca, "acme_pump7", &ca.sign(&agent_params("pump7", plain), &RsaOfBits::new(bits)));
        assert_eq!(refusal, Refusal::Key(error));
        assert_says(&refusal, &[&format!("RSA-{bits}")]);
    }
    let p521 = ca.sign(&agent_params("pump7", plain), &*key_for(&rcgen::PKCS_ECDSA_P521_SHA512));
    assert_eq!(refused(&ca, "acme_pump7", &p521), Refusal::Key(KeyError::Unsupported("P-521".to_owned())));
}

#[test]
fn a_sha_1_signature_is_refused_by_name_though_the_signature_is_right() {
    let ca = Ca::root_with("Root", key_for(&rcgen::PKCS_RSA_SHA256), long);
    let openssl = Openssl::with_ca(&ca);
    openssl.request(P256, "pump7");
    let der = openssl.sign("-days 365 -sha1");
    let refusal = judge_at(soon_after(&der), &trusting("acme", &[&ca]), "acme_pump7", &[&der]).unwrap_err();
    assert_eq!(refusal, Refusal::Algorithm("SHA-1 with RSA".to_owned()));
    assert_says(&refusal, &["SHA-1 with RSA", "-sha256"]);
}

#[test]
fn a_ca_is_no_agent() {
    let ca = Ca::root("Root");
    let is_ca = |params: &mut rcgen::CertificateParams| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    assert_eq!(refused(&ca, "acme_pump7", &ca.agent_with("pump7", is_ca)), Refusal::CaAsAgent);
    let refusal = refused(&ca, "acme_Root", &ca.der);
    assert_eq!(refusal, Refusal::CaAsAgent);
    assert_says(&refusal, &["issue one for the agent"]);
    let explicit = ca.agent_with("pump7", |params| params.is_ca = IsCa::ExplicitNoCa);
    assert!(judge(&trusting("acme", &[&ca]), "acme_pump7", &[&explicit]).is_ok());
}

#[test]
fn key_usages_are_judged_only_if_they_are_there() {
    let ca = Ca::root("Root");
    let registry = trusting("acme", &[&ca]);
    let with = |usages: &[KeyUsagePurpose], extended: &[ExtendedKeyUsagePurpose]| {
        let der = ca.agent_with("pump7", |params| {
            params.key_usages = usages.to_vec();
            params.extended_key_usages = extended.to_vec();
        });
        judge(&registry, "acme_pump7", &[&der]).map(drop)
    };
    use ExtendedKeyUsagePurpose::{Any, ClientAuth, ServerAuth};
    use KeyUsagePurpose::{DigitalSignature, KeyEncipherment};
    assert_eq!(with(&[], &[]), Ok(()));
    assert_eq!(with(&[KeyEncipherment, DigitalSignature], &[ServerAuth, ClientAuth]), Ok(()));
    assert_eq!(with(&[], &[Any]), Ok(()));
    assert_eq!(with(&[], &[ServerAuth]), Err(Refusal::ExtendedKeyUsage));
    assert_eq!(with(&[KeyEncipherment], &[]), Err(Refusal::KeyUsage));
    assert_says(&Refusal::ExtendedKeyUsage, &["clientAuth", "without extended key usage"]);
    assert_says(&Refusal::KeyUsage, &["digitalSignature", "without KeyUsage"]);
}

#[test]
fn a_critical_extension_that_is_not_known_is_refused() {
    let ca = Ca::root("Root");
    let with = |critical| {
        let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
        extension.set_criticality(critical);
        let der = ca.agent_with("pump7", |params| params.custom_extensions = vec![extension]);
        judge(&trusting("acme", &[&ca]), "acme_pump7", &[&der])
    };
    assert!(with(false).is_ok());
    let refusal = with(true).unwrap_err();
    assert!(matches!(refusal, Refusal::Certificate(CertificateError::Malformed(_))));
    assert_says(&refusal, &["critical extension"]);
}

#[test]
fn a_certificate_that_is_too_large_or_none_at_all_is_refused() {
    let ca = Ca::root("Root");
    let registry = trusting("acme", &[&ca]);
    let (good, large) = (ca.agent("pump7"), CertificateDer::from(vec![0x30; 60 * 1024]));
    for chain in [&[&large][..], &[&good, &large]] {
        let refusal = judge(&registry, "acme_pump7", chain).unwrap_err();
        assert_eq!(refusal, Refusal::Certificate(CertificateError::TooLarge(60 * 1024)));
        assert_says(&refusal, &[&CERTIFICATE_LENGTH_MAX.to_string()]);
    }
    let none = CertificateDer::from(b"nothing".to_vec());
    for chain in [&[&none][..], &[&good, &none]] {
        let refusal = judge(&registry, "acme_pump7", chain).unwrap_err();
        assert!(matches!(refusal, Refusal::Certificate(CertificateError::Malformed(_))));
    }
}

#[test]
fn an_unknown_issuer_is_named_with_the_tenant() {
    let refusal = refused(&Ca::root("Root"), "acme_pump7", &Ca::root("Stranger").agent("pump7"));
    assert_eq!(refusal, Refusal::UnknownIssuer { issuer: "CN=Stranger".to_owned(), tenant: tenant("acme") });
    assert_says(&refusal, &["CN=Stranger", "tenant acme", "intermediate"]);
}

#[test]
fn a_tenant_without_authorities_and_one_that_is_not_there_sound_the_same() {
    let der = Ca::root("Root").agent("pump7");
    let empty = judge(&trusting("acme", &[]), "acme_pump7", &[&der]).unwrap_err();
    assert_eq!(empty, Refusal::NoAuthority { tenant: tenant("acme") });
    assert_says(&empty, &["acme has no authority", "upload the CA"]);
    assert_eq!(TrustSet::of_unknown_tenant(&client("acme_pump7")).judge(NOW, &[der]), Err(empty));
}

#[test]
fn another_key_under_an_authoritys_name_is_refused() {
    let refusal = refused(&Ca::root("Root"), "acme_pump7", &Ca::root("Root").agent("pump7"));
    assert_eq!(refusal, Refusal::Signature { issuer: "CN=Root".to_owned() });
    assert_says(&refusal, &["CN=Root", "not signed by the key", "another key"]);
}

#[test]
fn a_changed_certificate_is_refused() {
    let ca = Ca::root("Root");
    let mut der = ca.agent("pump7").to_vec();
    let at = der.windows(5).position(|bytes| bytes == b"pump7").unwrap();
    der[at + 4] = b'8';
    let refusal = refused(&ca, "acme_pump8", &der.into());
    assert_eq!(refusal, Refusal::Signature { issuer: "CN=Root".to_owned() });
}

#[test]
fn two_authorities_of_one_name_are_told_apart_by_their_keys() {
    let (first, second, third) = (Ca::root("Root"), Ca::root("Root"), Ca::root("Root"));
    let openssl = Openssl::with_ca(&Ca::root_with("Root", second.key.clone(), long));
    openssl.request(P256, "pump7");
    let v1 = openssl.sign("-days 365");
    let registry = trusting("acme", &[&first, &second]);
    let by =
        |der: CertificateDer<'static>| judge(&registry, "acme_pump7", &[&der]).map(|judgement| judgement.authority());
    assert_eq!(by(first.agent("pump7")), Ok(1));
    assert_eq!(by(second.agent("pump7")), Ok(2));
    assert!(by(third.agent("pump7")).is_err());
    // The machine's own clock is between the dates of a certificate that openssl made, so the authorities are long.
    let long = [Ca::root_with("Root", first.key.clone(), long), Ca::root_with("Root", second.key.clone(), long)];
    let registry = trusting("acme", &[&long[0], &long[1]]);
    let judgement = judge_at(soon_after(&v1), &registry, "acme_pump7", &[&v1]).unwrap();
    assert_eq!(judgement.authority(), 2);
}

#[test]
fn one_key_under_two_names_is_two_authorities() {
    let (key, other) = (new_key(), new_key());
    let (first, second) = (Ca::root_with("One", key.clone(), plain), Ca::root_with("Two", key.clone(), plain));
    let registry = trusting("acme", &[&first]);
    assert!(judge(&registry, "acme_pump7", &[&first.agent("pump7")]).is_ok());
    assert!(judge(&registry, "acme_pump7", &[&second.agent("pump7")]).is_err());
    assert!(judge(&registry, "acme_pump7", &[&Ca::root_with("One", other, plain).agent("pump7")]).is_err());
}

#[test]
fn one_ca_may_serve_two_tenants_and_only_the_claimed_one_is_asked() {
    let (shared, own) = (Ca::root("Shared"), Ca::root("Own"));
    let (acme, other) = (trusting("acme", &[&shared, &own]), trusting("other", &[&shared]));
    let der = shared.agent("pump7");
    assert_eq!(judge(&acme, "acme_pump7", &[&der]).unwrap().client_id(), &client("acme_pump7"));
    assert_eq!(judge(&other, "other_pump7", &[&der]).unwrap().client_id(), &client("other_pump7"));
    let der = own.agent("pump7");
    assert!(judge(&acme, "acme_pump7", &[&der]).is_ok());
    assert!(judge(&other, "other_pump7", &[&der]).is_err());
}

#[test]
fn one_name_under_two_authorities_of_a_tenant_is_one_agent() {
    let (first, second) = (Ca::root("One"), Ca::root("Two"));
    let mut registry = trusting("acme", &[&first, &second]);
    for (der, created) in [(first.agent("pump7"), true), (second.agent("acme_pump7"), false)] {
        let judgement = judge(&registry, "acme_pump7", &[&der]).unwrap();
        assert_eq!(registry.onboard(NOW, &judgement), Ok(created));
    }
    assert_eq!(registry.agents().count(), 1);
    let (_, agent) = registry.agents().next().unwrap();
    assert_eq!(agent.credentials().iter().map(|known| known.authority).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn an_authority_that_is_not_trusted_now_is_named_with_its_status() {
    let ca = Ca::root("Root");
    let der = ca.agent("pump7");
    let status = |now, registry: &identity::Registry| match judge_at(now, registry, "acme_pump7", &[&der]) {
        Err(refusal @ Refusal::AuthorityNotTrusted { status, .. }) => {
            assert_says(&refusal, &["CN=Root", status.as_str()]);
            status
        }
        other => panic!("{other:?}"),
    };
    let mut registry = trusting("acme", &[]);
    crate::pki::add(&mut registry, 1, &ca);
    assert_eq!(status(NOW, &registry), AuthorityStatus::PendingVerification);
    registry.verify_authority(NOW, 1, &code(1)).unwrap();
    assert!(judge_at(CA_END, &registry, "acme_pump7", &[&der]).is_ok());
    assert_eq!(status(CA_END + 1, &registry), AuthorityStatus::Expired);
    registry.revoke_authority(NOW, 1).unwrap();
    assert_eq!(status(NOW, &registry), AuthorityStatus::Revoked);
}
