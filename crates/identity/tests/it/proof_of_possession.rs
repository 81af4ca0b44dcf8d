//! Verification certificates: made as the guides say, and all that proves nothing.

use identity::{
    Authority, AuthorityStatus, CertificateError, IssuanceError, REGISTRATION_CODE_LIFETIME_US, Registry, SubjectError,
    VerificationError, check_verification,
};
use rcgen::{CertificateParams, DistinguishedName, date_time_ymd};
use rustls_pki_types::CertificateDer;

use crate::openssl::{Openssl, P256, RSA, ed25519, long, soon_after};
use crate::pki::{CA_END, Ca, DAY, NOW, SECOND, add, assert_says, code, key_for, new_key, plain, tenant};

/// A registry with one authority that waits, id 1.
fn pending(ca: &Ca) -> Registry {
    let mut registry = Registry::new(tenant("acme"));
    add(&mut registry, 1, ca);
    registry
}

fn check(ca: &Ca, der: &[u8]) -> Result<String, VerificationError> {
    check_verification(NOW, pending(ca).authority(1).unwrap(), der).map(|code| code.to_string())
}

/// A verification certificate of v3.
fn proof(ca: &Ca, name: &str, change: impl FnOnce(&mut CertificateParams)) -> CertificateDer<'static> {
    ca.agent_with(name, change)
}

#[test]
fn the_commands_of_the_guides_prove_possession_with_v1() {
    let rsa = Ca::root_with("Root", key_for(&rcgen::PKCS_RSA_SHA256), long);
    let p256 = Ca::root_with("Root", new_key(), long);
    let p384 = Ca::root_with("Root", key_for(&rcgen::PKCS_ECDSA_P384_SHA384), long);
    let ed25519 = Ca::root_with("Root", ed25519(), long);
    for (ca, options) in [
        (&rsa, "-sha256"),
        (&rsa, "-sha512"),
        (&rsa, "-sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest"),
        (&p256, "-sha256"),
        (&p256, "-sha384"),
        (&p384, "-sha256"),
        (&p384, "-sha512"),
        (&ed25519, ""),
    ] {
        let openssl = Openssl::with_ca(ca);
        openssl.request(RSA, &code(1));
        let der = openssl.sign(&format!("-days 7 {options}"));
        let mut registry = Registry::new(tenant("acme"));
        let now = soon_after(&der);
        registry.add_authority(now, 1, "", &ca.der, &code(1), 2).unwrap();
        let proven = check_verification(now, registry.authority(1).unwrap(), &der).unwrap();
        assert_eq!(proven.as_str(), code(1), "{options}");
    }
}

#[test]
fn a_certificate_of_v3_proves_possession_too() {
    let ca = Ca::root("Root");
    assert_eq!(check(&ca, &proof(&ca, &code(1), plain)), Ok(code(1)));
    // Nothing of it but names, dates and signature counts.
    let odd = proof(&ca, &code(1), |params| {
        params.key_usages.clear();
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    });
    assert_eq!(check(&ca, &odd), Ok(code(1)));
}

#[test]
fn an_intermediate_proves_by_its_own_key() {
    let root = Ca::root("Root");
    let intermediate = root.intermediate("Plant");
    assert_eq!(check(&intermediate, &proof(&intermediate, &code(1), plain)), Ok(code(1)));
    let error = check(&intermediate, &proof(&root, &code(1), plain)).unwrap_err();
    assert!(matches!(error, VerificationError::Issuance(IssuanceError::OtherIssuer { .. })));
    assert_says(&error, &["issuer is CN=Root, not CN=Plant"]);
}

#[test]
fn another_key_under_the_same_name_proves_nothing() {
    let (ca, thief) = (Ca::root("Root"), Ca::root("Root"));
    let error = check(&ca, &proof(&thief, &code(1), plain)).unwrap_err();
    assert_eq!(error, VerificationError::Issuance(IssuanceError::Signature));
    assert_says(&error, &["not signed by the authority's key"]);
    // Nor does a key of another kind.
    let thief = Ca::root_with("Root", key_for(&rcgen::PKCS_ED25519), plain);
    let error = check(&ca, &proof(&thief, &code(1), plain)).unwrap_err();
    assert_eq!(error, VerificationError::Issuance(IssuanceError::Signature));
}

#[test]
fn the_same_for_v1() {
    let openssl = Openssl::with_ca(&Ca::root_with("Root", new_key(), long));
    openssl.request(P256, &code(1));
    let der = openssl.sign("-days 7");
    let ca = Ca::root_with("Root", new_key(), long);
    let mut registry = Registry::new(tenant("acme"));
    let now = soon_after(&der);
    registry.add_authority(now, 1, "", &ca.der, &code(1), 2).unwrap();
    let error = check_verification(now, registry.authority(1).unwrap(), &der).unwrap_err();
    assert_eq!(error, VerificationError::Issuance(IssuanceError::Signature));
}

#[test]
fn a_changed_certificate_proves_nothing() {
    let ca = Ca::root("Root");
    let mut der = proof(&ca, &code(2), plain).to_vec();
    let at = der.windows(32).position(|bytes| bytes == code(2).as_bytes()).unwrap();
    der[at + 31] = b'1';
    assert_eq!(check(&ca, &der), Err(VerificationError::Issuance(IssuanceError::Signature)));
}

#[test]
fn the_ca_itself_proves_nothing() {
    let ca = Ca::root(&code(1));
    // Everybody has it; only a public CA whose name happens to be the code would pass, and the code comes after it.
    let other = Ca::root("Root");
    assert!(matches!(check(&other, &ca.der), Err(VerificationError::Issuance(IssuanceError::OtherIssuer { .. }))));
    assert!(matches!(check(&other, &other.der), Err(VerificationError::Code { .. })));
}

#[test]
fn the_cn_must_be_the_code_of_this_authority() {
    let ca = Ca::root("Root");
    for name in [code(2), code(1).to_uppercase() + "A", "pump7".to_owned()] {
        let error = check(&ca, &proof(&ca, &name, plain)).unwrap_err();
        assert_eq!(error, VerificationError::Code { name: name.clone() });
        assert_says(&error, &["CN", &name, "registration code"]);
    }
    let nameless = proof(&ca, "x", |params| params.distinguished_name = DistinguishedName::new());
    assert_eq!(check(&ca, &nameless), Err(VerificationError::Subject(SubjectError::Missing)));
}

#[test]
fn the_code_of_another_tenants_authority_is_refused_though_the_ca_is_the_same() {
    let ca = Ca::root("Root");
    let (mut acme, mut other) = (Registry::new(tenant("acme")), Registry::new(tenant("other")));
    acme.add_authority(NOW, 1, "", &ca.der, &code(1), 2).unwrap();
    other.add_authority(NOW, 1, "", &ca.der, &code(9), 2).unwrap();
    let theirs = proof(&ca, &code(9), plain);
    let before = acme.authority(1).cloned();
    let error = check_verification(NOW, acme.authority(1).unwrap(), &theirs).unwrap_err();
    assert!(matches!(error, VerificationError::Code { .. }));
    assert_eq!(acme.authority(1).cloned(), before);
    assert!(check_verification(NOW, other.authority(1).unwrap(), &theirs).is_ok());
}

#[test]
fn a_code_expires_after_seven_days_and_says_how_to_get_another() {
    let ca = Ca::root("Root");
    let registry = pending(&ca);
    let authority = registry.authority(1).unwrap();
    let der = proof(&ca, &code(1), plain);
    let last = NOW + REGISTRATION_CODE_LIFETIME_US;
    assert_eq!(REGISTRATION_CODE_LIFETIME_US, 7 * DAY);
    assert!(check_verification(last, authority, &der).is_ok());
    let error = check_verification(last + 1, authority, &der).unwrap_err();
    assert_eq!(error, VerificationError::CodeExpired { code_expires_us: last });
    assert_says(&error, &["expired on 2026-03-08 12:00:00 UTC", "ask for the code again"]);
}

#[test]
fn it_must_be_valid_now() {
    let ca = Ca::root("Root");
    let past = proof(&ca, &code(1), |params| params.not_after = date_time_ymd(2026, 2, 1));
    let error = check(&ca, &past).unwrap_err();
    assert!(matches!(error, VerificationError::NotValid { .. }));
    assert_says(&error, &["2026-01-01", "to 2026-02-01", "clock says 2026-03-01 12:00:00 UTC"]);
    let future = proof(&ca, &code(1), |params| params.not_before = date_time_ymd(2026, 4, 1));
    assert!(matches!(check(&ca, &future), Err(VerificationError::NotValid { .. })));
}

#[test]
fn a_sha_1_signature_proves_nothing() {
    let ca = Ca::root_with("Root", key_for(&rcgen::PKCS_RSA_SHA256), long);
    let openssl = Openssl::with_ca(&ca);
    openssl.request(P256, &code(1));
    let der = openssl.sign("-days 7 -sha1");
    let mut registry = Registry::new(tenant("acme"));
    let now = soon_after(&der);
    registry.add_authority(now, 1, "", &ca.der, &code(1), 2).unwrap();
    let error = check_verification(now, registry.authority(1).unwrap(), &der).unwrap_err();
    assert_eq!(error, VerificationError::Issuance(IssuanceError::Algorithm("SHA-1 with RSA".to_owned())));
    assert_says(&error, &["SHA-1 with RSA", "SHA-2 is needed"]);
}

#[test]
fn only_a_success_that_is_recorded_uses_the_code_up() {
    let ca = Ca::root("Root");
    let mut registry = pending(&ca);
    let der = proof(&ca, &code(1), plain);
    let wrong = proof(&Ca::root("Root"), &code(1), plain);
    let authority = |registry: &Registry| registry.authority(1).unwrap().clone();
    assert!(check_verification(NOW, &authority(&registry), &wrong).is_err());
    let proven = check_verification(NOW, &authority(&registry), &der).unwrap();
    assert!(check_verification(NOW, &authority(&registry), &der).is_ok());
    registry.verify_authority(NOW, 1, proven.as_str()).unwrap();
    let error = check_verification(NOW, &authority(&registry), &der).unwrap_err();
    assert_eq!(error, VerificationError::NotPending(AuthorityStatus::Verified));
    assert_says(&error, &["VERIFIED", "only a pending one"]);
}

#[test]
fn nothing_is_proven_for_an_authority_that_is_revoked_or_has_expired() {
    let ca = Ca::root("Root");
    let mut registry = pending(&ca);
    let der = proof(&ca, &code(1), plain);
    let not_pending = |now, authority: &Authority| check_verification(now, authority, &der).unwrap_err();
    let error = not_pending(CA_END + SECOND, registry.authority(1).unwrap());
    assert_eq!(error, VerificationError::NotPending(AuthorityStatus::Expired));
    registry.revoke_authority(NOW, 1).unwrap();
    let error = not_pending(NOW, registry.authority(1).unwrap());
    assert_eq!(error, VerificationError::NotPending(AuthorityStatus::Revoked));
}

#[test]
fn bytes_that_are_no_certificate_prove_nothing() {
    let error = check(&Ca::root("Root"), b"nothing").unwrap_err();
    assert!(matches!(error, VerificationError::Certificate(CertificateError::Malformed(_))));
}
