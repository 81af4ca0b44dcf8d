//! What is read from certificates.

use identity::{
    CERTIFICATE_LENGTH_MAX, Certificate, CertificateError, CommonNameError, DISTINGUISHED_NAME_LENGTH_MAX, Fingerprint,
    Hash, KeyError, PublicKey, SignatureAlgorithm, SubjectError,
};
use rcgen::string::{BmpString, PrintableString, TeletexString};
use rcgen::{BasicConstraints, CustomExtension, DistinguishedName, DnType, DnValue, IsCa, SanType, date_time_ymd};

use crate::openssl::{Openssl, P256, RSA, long};
use crate::pki::{Ca, RsaOfBits, SECOND, agent_params, assert_says, common_name, key_for, plain};

fn parse(der: &[u8]) -> Certificate {
    Certificate::parse(der).unwrap()
}

fn subject_error(subject: DistinguishedName) -> SubjectError {
    let der = Ca::root("Root").agent_with("x", |params| params.distinguished_name = subject);
    parse(&der).common_name().unwrap_err().clone()
}

fn malformed(der: &[u8]) -> &'static str {
    match Certificate::parse(der) {
        Err(CertificateError::Malformed(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_certificate_gives_its_parts() {
    let ca = Ca::root("Root");
    let der = ca.agent_with("pump7", |params| params.serial_number = Some(vec![0x12, 0xab].into()));
    let certificate = parse(&der);
    assert_eq!(certificate.der(), &*der);
    assert_eq!(certificate.fingerprint(), Fingerprint::of(&der));
    assert_eq!((certificate.version(), certificate.serial()), (3, "12ab"));
    assert_eq!((certificate.subject(), certificate.issuer()), ("CN=pump7", "CN=Root"));
    assert_eq!(certificate.common_name().unwrap().as_str(), "pump7");
    // 2026-01-01 and 2027-01-01.
    assert_eq!(certificate.not_before_us(), 1_767_225_600 * SECOND);
    assert_eq!(certificate.not_after_us(), 1_798_761_600 * SECOND);
    assert_eq!(certificate.public_key(), &PublicKey::P256);
    assert_eq!(certificate.signature_algorithm(), &SignatureAlgorithm::Ecdsa(Hash::Sha256));
    assert_eq!(certificate.basic_constraints(), None);
    assert!(!certificate.is_ca() && !certificate.is_self_issued() && !certificate.has_name_constraints());
    assert!(certificate.may_sign_handshakes() && !certificate.may_sign_certificates() && certificate.may_be_client());
    let root = parse(&ca.der);
    assert!(root.is_ca() && root.is_self_issued() && root.may_sign_certificates() && !root.may_sign_handshakes());
}

#[test]
fn the_agents_name_is_the_one_cn_of_the_subject() {
    assert_eq!(subject_error(DistinguishedName::new()), SubjectError::Missing);
    assert_eq!(subject_error(common_name("")), SubjectError::Name(CommonNameError::Empty));
    let long = "x".repeat(65);
    assert_eq!(subject_error(common_name(long)), SubjectError::Name(CommonNameError::TooLong));
    for character in ['+', '#', '/', '\0', '\n'] {
        let error = subject_error(common_name(format!("pump{character}7")));
        assert_eq!(error, SubjectError::Name(CommonNameError::Forbidden(character)));
        assert_says(&error, &["CN"]);
    }
}

#[test]
fn a_cn_in_a_string_type_with_several_readings_is_refused_by_its_name() {
    let teletex = DnValue::TeletexString(TeletexString::try_from("pump7").unwrap());
    let bmp = DnValue::BmpString(BmpString::try_from("pump7").unwrap());
    for value in [teletex, bmp] {
        let error = subject_error(common_name(value));
        assert!(matches!(error, SubjectError::StringType(_)), "{error:?}");
        assert_says(&error, &["CN", "UTF8String"]);
    }
    let printable = DnValue::PrintableString(PrintableString::try_from("pump7").unwrap());
    let der = Ca::root("Root").agent_with("x", |params| params.distinguished_name = common_name(printable));
    assert_eq!(parse(&der).common_name().unwrap().as_str(), "pump7");
}

#[test]
fn a_cn_that_is_there_twice_is_refused() {
    let openssl = Openssl::with_ca(&Ca::root_with("Root", key_for(&rcgen::PKCS_ECDSA_P256_SHA256), long));
    openssl.request(P256, "pump7/CN=pump8");
    let certificate = parse(&openssl.sign("-days 1"));
    assert_eq!(certificate.common_name(), Err(&SubjectError::Repeated));
}

#[test]
fn a_cn_that_is_not_utf_8_is_refused() {
    let mut der = Ca::root("Root").agent("pump7").to_vec();
    let at = der.windows(5).position(|bytes| bytes == b"pump7").unwrap();
    der[at] = 0xff;
    assert_eq!(parse(&der).common_name(), Err(&SubjectError::NotText));
}

#[test]
fn a_name_that_is_only_in_the_subject_alt_name_does_not_count() {
    let der = Ca::root("Root").agent_with("x", |params| {
        params.distinguished_name = DistinguishedName::new();
        params.subject_alt_names = vec![SanType::DnsName("pump7".try_into().unwrap())];
    });
    let error = parse(&der).common_name().unwrap_err().clone();
    assert_eq!(error, SubjectError::Missing);
    assert_says(&error, &["CN", "subjectAltName"]);
}

#[test]
fn names_are_written_as_rfc_4514_does_and_are_safe_in_logs() {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::OrganizationName, "Acme, Inc. + \"Sons\"");
    subject.push(DnType::CountryName, "DE");
    subject.push(DnType::CommonName, "# \u{1b}[2J\n ");
    subject.push(DnType::CustomDnType(vec![1, 2, 3]), "x");
    let der = Ca::root("Root").agent_with("x", |params| params.distinguished_name = subject);
    assert_eq!(parse(&der).subject(), r#"1.2.3=x,CN=\# \1B[2J\0A\ ,C=DE,O=Acme\, Inc. \+ \"Sons\""#);
}

#[test]
fn a_long_name_is_cut() {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::OrganizationName, "ü".repeat(1000));
    let der = Ca::root("Root").agent_with("x", |params| params.distinguished_name = subject);
    let certificate = parse(&der);
    assert!(certificate.subject().ends_with("ü..."));
    assert!(certificate.subject().len() <= DISTINGUISHED_NAME_LENGTH_MAX);
}

#[test]
fn keys_are_named_and_those_we_do_not_verify_with_are_refused() {
    let ca = Ca::root_with("Root", key_for(&rcgen::PKCS_ECDSA_P256_SHA256), long);
    let openssl = Openssl::with_ca(&ca);
    for (kind, name, accepted) in [
        (RSA, "RSA-2048", true),
        (P256, "P-256", true),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-384", "P-384", true),
        ("-algorithm ED25519", "Ed25519", true),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-521", "P-521", false),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:secp256k1", "EC curve 1.3.132.0.10", false),
        (
            "-algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit",
            "EC with explicit parameters",
            false,
        ),
        ("-algorithm ED448", "Ed448", false),
        ("-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048", "RSASSA-PSS", false),
    ] {
        openssl.request(kind, "x");
        let certificate = parse(&openssl.sign("-days 1"));
        assert_eq!(certificate.public_key().to_string(), name);
        assert_eq!(certificate.public_key().check().is_ok(), accepted, "{name}");
        assert_eq!(certificate.version(), 1);
        assert_eq!(PublicKey::from_spki(certificate.spki()).unwrap(), *certificate.public_key());
    }
}

#[test]
fn a_dsa_key_is_refused_by_name() {
    let openssl = Openssl::with_ca(&Ca::root_with("Root", key_for(&rcgen::PKCS_ECDSA_P256_SHA256), long));
    openssl.run("dsaparam -out parameters.pem 1024");
    openssl.request("-paramfile parameters.pem", "x");
    let error = parse(&openssl.sign("-days 1")).public_key().check().unwrap_err();
    assert_eq!(error, KeyError::Unsupported("DSA".to_owned()));
    assert_says(&error, &["DSA", "RSA from 2048", "P-256", "P-384", "Ed25519"]);
}

#[test]
fn rsa_is_accepted_from_2048_to_8192_bits() {
    let ca = Ca::root("Root");
    for (bits, check) in [
        (1024, Err(KeyError::TooShort(1024))),
        (2040, Err(KeyError::TooShort(2040))),
        (2048, Ok(())),
        (8192, Ok(())),
        (8200, Err(KeyError::TooLong(8200))),
        (16384, Err(KeyError::TooLong(16384))),
    ] {
        let certificate = parse(&ca.sign(&agent_params("x", plain), &RsaOfBits::new(bits)));
        assert_eq!(certificate.public_key(), &PublicKey::Rsa { bits });
        assert_eq!(certificate.public_key().check(), check);
    }
}

#[test]
fn signature_algorithms_are_named() {
    let openssl = Openssl::with_ca(&Ca::root_with("Root", key_for(&rcgen::PKCS_RSA_SHA256), long));
    openssl.request(P256, "x");
    let pss = "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest";
    for (options, name, accepted) in [
        ("-sha256".to_owned(), "SHA-256 with RSA", true),
        ("-sha384".to_owned(), "SHA-384 with RSA", true),
        ("-sha512".to_owned(), "SHA-512 with RSA", true),
        (format!("-sha256 {pss}"), "SHA-256 with RSA-PSS", true),
        (format!("-sha512 {pss}"), "SHA-512 with RSA-PSS", true),
        (format!("-sha1 {pss}"), "RSA-PSS without SHA-2", false),
        ("-sha1".to_owned(), "SHA-1 with RSA", false),
        ("-md5".to_owned(), "MD5 with RSA", false),
        ("-sha224".to_owned(), "1.2.840.113549.1.1.14", false),
    ] {
        let certificate = parse(&openssl.sign(&format!("-days 1 {options}")));
        assert_eq!(certificate.signature_algorithm().to_string(), name);
        assert_eq!(certificate.signature_algorithm().is_supported(), accepted, "{name}");
    }
}

#[test]
fn a_path_length_is_read() {
    let constraints = IsCa::Ca(BasicConstraints::Constrained(3));
    let ca = Ca::root_with("Root", key_for(&rcgen::PKCS_ED25519), |params| params.is_ca = constraints);
    let certificate = parse(&ca.der);
    assert_eq!(certificate.basic_constraints().map(|it| (it.ca, it.path_length)), Some((true, Some(3))));
    assert_eq!(certificate.signature_algorithm(), &SignatureAlgorithm::Ed25519);
}

#[test]
fn an_extension_that_counts_and_does_not_parse_or_is_there_twice_is_refused() {
    // BasicConstraints, KeyUsage, NameConstraints, ExtendedKeyUsage.
    for last in [19, 15, 30, 37] {
        let extension = || CustomExtension::from_oid_content(&[2, 5, 29, last], vec![0x0c, 0x01, b'x']);
        let der = Ca::root("Root").agent_with("x", |params| {
            params.key_usages.clear();
            params.extended_key_usages.clear();
            params.custom_extensions = vec![extension()];
        });
        assert_eq!(malformed(&der), "an extension does not parse, or is there twice", "2.5.29.{last}");
    }
    let der = Ca::root("Root").agent_with("x", |params| {
        let again = CustomExtension::from_oid_content(&[2, 5, 29, 15], vec![0x03, 0x02, 0x07, 0x80]);
        params.custom_extensions = vec![again];
    });
    assert_eq!(malformed(&der), "an extension does not parse, or is there twice");
}

#[test]
fn any_extended_key_usage_includes_clients() {
    let usages = |usages: &[rcgen::ExtendedKeyUsagePurpose]| {
        let der = Ca::root("Root").agent_with("x", |params| params.extended_key_usages = usages.to_vec());
        parse(&der).may_be_client()
    };
    use rcgen::ExtendedKeyUsagePurpose::{Any, ClientAuth, ServerAuth};
    assert!(usages(&[]) && usages(&[Any]) && usages(&[ServerAuth, ClientAuth]));
    assert!(!usages(&[ServerAuth]));
}

#[test]
fn what_is_no_certificate_is_refused() {
    let der = Ca::root("Root").der.to_vec();
    assert_eq!(malformed(b""), "it is not X.509");
    assert_eq!(malformed(b"-----BEGIN CERTIFICATE-----"), "it is not X.509");
    assert_eq!(malformed(&der[..der.len() - 1]), "it is not X.509");
    assert_eq!(malformed(&[der.clone(), vec![0]].concat()), "bytes follow the certificate");
    let large = vec![0x30; CERTIFICATE_LENGTH_MAX + 1];
    assert_eq!(Certificate::parse(&large), Err(CertificateError::TooLarge(CERTIFICATE_LENGTH_MAX + 1)));
}

#[test]
fn a_version_that_does_not_fit_is_refused() {
    let der = Ca::root("Root").agent("pump7").to_vec();
    let version = der.windows(5).position(|bytes| bytes == [0xa0, 3, 2, 1, 2]).unwrap() + 4;
    let of_version = |number: u8| {
        let mut der = der.clone();
        der[version] = number;
        der
    };
    assert_eq!(malformed(&of_version(3)), "its version is not 1, 2 or 3");
    assert_eq!(malformed(&of_version(1)), "it has extensions, and its version is not 3");
    assert_eq!(malformed(&of_version(0)), "it has extensions, and its version is not 3");
}

#[test]
fn a_certificate_that_names_two_signature_algorithms_is_refused() {
    let mut der = Ca::root("Root").der.to_vec();
    // The last of the two: ecdsa-with-SHA256 becomes ecdsa-with-SHA384.
    let algorithm = [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    let at = der.windows(8).rposition(|bytes| bytes == algorithm).unwrap();
    der[at + 7] = 3;
    assert_eq!(malformed(&der), "it names two signature algorithms");
}

#[test]
fn a_serial_number_has_a_bound() {
    let of_length = |length: usize| {
        Ca::root("Root").agent_with("x", |params| params.serial_number = Some(vec![0x7f; length].into()))
    };
    assert_eq!(parse(&of_length(64)).serial().len(), 128);
    assert_eq!(malformed(&of_length(65)), "its serial number is too long");
}

#[test]
fn dates_far_away_are_read() {
    let der = Ca::root("Root").agent_with("x", |params| {
        (params.not_before, params.not_after) = (date_time_ymd(1950, 1, 1), date_time_ymd(9999, 12, 31));
    });
    let certificate = parse(&der);
    assert_eq!(certificate.not_before_us(), -631_152_000 * SECOND);
    assert_eq!(certificate.not_after_us(), 253_402_214_400 * SECOND);
}
