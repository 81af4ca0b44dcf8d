//! What a certificate must be to become an authority.

use identity::{Certificate, CertificateError, KeyError, UploadError, UploadWarning, check_upload};
use rcgen::{CustomExtension, IsCa, KeyUsagePurpose, date_time_ymd};

use crate::openssl::{Openssl, P256, RSA, long, soon_after};
use crate::pki::{CA_END, Ca, DAY, NOW, RsaOfBits, SECOND, assert_says, key_for, new_key, plain};

fn refused(der: &[u8]) -> UploadError {
    check_upload(NOW, der).unwrap_err()
}

#[test]
fn a_self_signed_ca_is_accepted_without_a_word() {
    for algorithm in
        [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519, &rcgen::PKCS_RSA_SHA256]
    {
        let ca = Ca::root_with("Root", key_for(algorithm), plain);
        let upload = check_upload(NOW, &ca.der).unwrap();
        assert_eq!(upload.certificate, Certificate::parse(&ca.der).unwrap());
        assert_eq!(upload.warnings, []);
    }
}

#[test]
fn a_ca_without_key_usage_is_accepted() {
    let ca = Ca::root_with("Root", new_key(), |params| params.key_usages.clear());
    assert!(check_upload(NOW, &ca.der).is_ok());
}

#[test]
fn an_intermediate_is_accepted_with_a_warning() {
    let intermediate = Ca::root("Root").intermediate("Plant");
    let upload = check_upload(NOW, &intermediate.der).unwrap();
    assert_eq!(upload.warnings, [UploadWarning::Intermediate { issuer: "CN=Root".to_owned() }]);
    assert_says(&upload.warnings[0], &["CN=Root", "only this authority is trusted"]);
}

#[test]
fn more_than_a_year_of_validity_is_a_warning() {
    let until = |month, day| {
        let ca = Ca::root_with("Root", new_key(), |params| params.not_after = date_time_ymd(2026, month, day));
        check_upload(NOW, &ca.der).unwrap().warnings
    };
    // From 2025-07-01.
    assert_eq!(until(7, 2), []);
    assert_eq!(until(7, 3), [UploadWarning::LongValidity { days: 367 }]);
    assert_says(&until(7, 3)[0], &["367 days", "a year"]);
}

#[test]
fn v1_is_refused_with_the_command_that_makes_v3() {
    let openssl = Openssl::new();
    openssl.request(P256, "Root");
    openssl.run("x509 -req -in agent.csr -signkey agent.key -days 30 -out v1.pem");
    let der = openssl.certificate("v1.pem");
    let error = check_upload(soon_after(&der), &der).unwrap_err();
    assert_eq!(error, UploadError::Version(1));
    assert_says(&error, &["v1", "v3", "openssl req -x509", "CA:TRUE"]);
}

#[test]
fn what_is_no_ca_is_refused() {
    let no_ca = [IsCa::NoCa, IsCa::ExplicitNoCa];
    for is_ca in no_ca {
        let ca = Ca::root_with("Root", new_key(), |params| params.is_ca = is_ca);
        let error = refused(&ca.der);
        assert_eq!(error, UploadError::NotCa);
        assert_says(&error, &["basicConstraints=critical,CA:TRUE", "upload the CA that issued it"]);
    }
}

#[test]
fn a_key_usage_without_key_cert_sign_is_refused() {
    let usages = vec![KeyUsagePurpose::CrlSign];
    let error = refused(&Ca::root_with("Root", new_key(), |params| params.key_usages = usages).der);
    assert_eq!(error, UploadError::KeyUsage);
    assert_says(&error, &["keyCertSign", "without KeyUsage"]);
}

#[test]
fn weak_and_foreign_keys_are_refused_by_name() {
    let root = Ca::root("Root");
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let error = refused(&root.sign(&params, &RsaOfBits::new(1024)));
    assert_eq!(error, UploadError::Key(KeyError::TooShort(1024)));
    assert_says(&error, &["RSA-1024", "2048 bits is the least"]);
    let error = refused(&root.sign(&params, &RsaOfBits::new(16384)));
    assert_eq!(error, UploadError::Key(KeyError::TooLong(16384)));
    assert_says(&error, &["RSA-16384", "8192 bits is the most"]);
    let error = refused(&root.sign(&params, &*key_for(&rcgen::PKCS_ECDSA_P521_SHA512)));
    assert_eq!(error, UploadError::Key(KeyError::Unsupported("P-521".to_owned())));
    assert_says(&error, &["P-521", "P-256, P-384 or Ed25519"]);
}

#[test]
fn a_sha_1_signature_is_refused_with_the_option_that_mends_it() {
    let openssl = Openssl::new();
    openssl.run(&format!("genpkey {RSA} -out ca.key"));
    openssl.run("req -x509 -new -key ca.key -sha1 -subj /CN=Root -addext basicConstraints=CA:TRUE -out ca.pem");
    let der = openssl.certificate("ca.pem");
    let error = check_upload(soon_after(&der), &der).unwrap_err();
    assert_eq!(error, UploadError::Algorithm("SHA-1 with RSA".to_owned()));
    assert_says(&error, &["SHA-1 with RSA", "-sha256"]);
}

#[test]
fn dates_that_are_not_now_are_refused_with_both_and_the_clock() {
    let ca = Ca::root("Root");
    assert!(check_upload(CA_END, &ca.der).is_ok());
    let error = check_upload(CA_END + 3 * DAY, &ca.der).unwrap_err();
    assert_eq!(error, UploadError::Expired { not_after_us: CA_END, now_us: CA_END + 3 * DAY });
    assert_says(&error, &["3 days ago", "2026-07-01 00:00:00 UTC", "clock says 2026-07-04 00:00:00 UTC"]);
    // 2025-07-01.
    let begin = 1_751_328_000 * SECOND;
    assert!(check_upload(begin, &ca.der).is_ok());
    let error = check_upload(begin - SECOND, &ca.der).unwrap_err();
    assert_eq!(error, UploadError::NotYetValid { not_before_us: begin, now_us: begin - SECOND });
    assert_says(&error, &["only from 2025-07-01 00:00:00 UTC", "in 1 second;", "clock says 2025-06-30 23:59:59 UTC"]);
}

#[test]
fn bytes_that_are_no_certificate_are_refused() {
    let error = refused(b"nothing");
    assert!(matches!(error, UploadError::Certificate(CertificateError::Malformed(_))));
    let error = refused(&[0; 60_000]);
    assert_eq!(error, UploadError::Certificate(CertificateError::TooLarge(60_000)));
    assert_says(&error, &["60000 bytes", "16384 are allowed"]);
}

#[test]
fn what_path_validation_could_not_use_later_is_refused_at_once() {
    // A subjectAltName, twice: nothing that we read ourselves.
    let alt_name = || CustomExtension::from_oid_content(&[2, 5, 29, 17], vec![0x30, 0]);
    let ca = Ca::root_with("Root", new_key(), |params| params.custom_extensions = vec![alt_name(), alt_name()]);
    let error = refused(&ca.der);
    assert_eq!(error, UploadError::Unusable);
    assert_says(&error, &["make it anew"]);
}

#[test]
fn what_openssl_makes_by_default_is_accepted() {
    let openssl = Openssl::new();
    openssl.run(&format!("genpkey {RSA} -out ca.key"));
    openssl.run("req -x509 -new -key ca.key -sha256 -days 365 -subj /C=DE/O=Acme/CN=Root -out ca.pem");
    let der = openssl.certificate("ca.pem");
    let upload = check_upload(soon_after(&der), &der).unwrap();
    assert_eq!(upload.certificate.subject(), "CN=Root,O=Acme,C=DE");
    assert_eq!(upload.warnings, []);
    let old = Ca::root_with("Root", new_key(), long);
    assert!(matches!(check_upload(NOW, &old.der).unwrap().warnings[..], [UploadWarning::LongValidity { .. }]));
}
