//! Certificates as people paste them.

use identity::{PEM_LENGTH_MAX, PemError, certificate_from_pem};
use proptest::prelude::*;
use rcgen::KeyPair;

use crate::openssl::{Openssl, RSA};
use crate::pki::{Ca, assert_says};

fn pasted(ca: &Ca) -> String {
    let openssl = Openssl::with_ca(ca);
    openssl.read("ca.pem")
}

#[test]
fn one_certificate_is_read_with_text_around_it() {
    let ca = Ca::root("Root");
    let pem = pasted(&ca);
    for text in [
        pem.clone(),
        pem.replace('\n', "\r\n"),
        pem.trim_end().to_owned(),
        format!("subject=CN = Root\n\n{pem}\nthat was it"),
    ] {
        assert_eq!(certificate_from_pem(&text).unwrap(), ca.der.to_vec(), "{text}");
    }
}

#[test]
fn the_printed_form_of_openssl_is_skipped() {
    let openssl = Openssl::with_ca(&Ca::root("Root"));
    openssl.run("x509 -in ca.pem -text -out text.pem");
    assert_eq!(openssl.certificate("text.pem"), openssl.certificate("ca.pem"));
}

#[test]
fn a_text_that_is_not_one_certificate_says_what_it_is_instead() {
    let pem = pasted(&Ca::root("Root"));
    let openssl = Openssl::new();
    openssl.request(RSA, "x");
    let key = KeyPair::generate().unwrap();
    let (begin, rest) = pem.split_once('\n').unwrap();
    for (text, error) in [
        (String::new(), PemError::NotPem),
        ("MIIB".to_owned(), PemError::NotPem),
        (key.serialize_pem(), PemError::PrivateKey),
        (format!("{pem}{}", key.serialize_pem()), PemError::PrivateKey),
        (openssl.read("agent.csr"), PemError::Request),
        (key.public_key_pem(), PemError::NoCertificate),
        (format!("{pem}{pem}"), PemError::Several),
        (begin.to_owned(), PemError::Malformed),
        (format!("{begin}\n!{rest}"), PemError::Malformed),
        (pem.replace("-----END CERTIFICATE-----", ""), PemError::Malformed),
        (pem.replace('\n', " "), PemError::Malformed),
        (pem.replace('\n', "\\n"), PemError::Malformed),
        (pem.replace("-----BEGIN", "    -----BEGIN"), PemError::NoCertificate),
        (" ".repeat(PEM_LENGTH_MAX + 1), PemError::TooLarge),
    ] {
        assert_eq!(certificate_from_pem(&text), Err(error), "{text}");
    }
}

#[test]
fn a_pasted_key_is_never_quoted() {
    let key = KeyPair::generate().unwrap().serialize_pem();
    let error = certificate_from_pem(&key).unwrap_err();
    assert_says(&error, &["PRIVATE KEY", "was not stored", "paste only the certificate"]);
    assert!(!error.to_string().contains(key.lines().nth(1).unwrap()));
}

proptest! {
    #[test]
    fn reading_pem_never_panics(text in "\\PC{0,200}", body in "[A-Za-z0-9+/=\\n -]{0,200}") {
        let _ = certificate_from_pem(&text);
        let _ = certificate_from_pem(&format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----"));
        let _ = certificate_from_pem(&format!("{text}\n-----BEGIN {body}"));
    }
}
