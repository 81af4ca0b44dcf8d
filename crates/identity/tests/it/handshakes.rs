//! Possession of a key in a TLS handshake. The signatures are made by rustls, and by openssl where rustls makes none.

use std::sync::Arc;

use identity::{Certificate, HANDSHAKE_SCHEMES, KeyError, PossessionError, TlsVersion, verify_handshake_signature};
use proptest::prelude::*;
use rcgen::{KeyPair, PublicKeyData, SignatureAlgorithm};
use rustls::SignatureScheme;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::openssl::Openssl;
use crate::pki::{RsaOfBits, assert_says, key_for};
use TlsVersion::{Tls12, Tls13};

const MESSAGE: &[u8] = b"transcript of a handshake";

fn sign(key: &KeyPair, scheme: u16) -> Option<Vec<u8>> {
    let der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialized_der().to_vec()));
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&der).unwrap();
    Some(key.choose_scheme(&[SignatureScheme::from(scheme)])?.sign(MESSAGE).unwrap())
}

fn verify(version: TlsVersion, key: &KeyPair, scheme: u16, signature: &[u8]) -> Result<(), PossessionError> {
    verify_handshake_signature(version, &key.subject_public_key_info(), scheme, MESSAGE, signature)
}

fn keys() -> Vec<(Arc<KeyPair>, Vec<u16>, Vec<u16>)> {
    let of = |algorithm: &'static SignatureAlgorithm, tls12: &[u16], tls13: &[u16]| {
        (key_for(algorithm), tls12.to_vec(), tls13.to_vec())
    };
    let pss = [0x0804, 0x0805, 0x0806];
    vec![
        of(&rcgen::PKCS_RSA_SHA256, &[&[0x0401, 0x0501, 0x0601], &pss[..]].concat(), &pss),
        of(&rcgen::PKCS_ECDSA_P256_SHA256, &[0x0403], &[0x0403]),
        of(&rcgen::PKCS_ECDSA_P384_SHA384, &[0x0503], &[0x0503]),
        of(&rcgen::PKCS_ED25519, &[0x0807], &[0x0807]),
    ]
}

#[test]
fn every_key_proves_itself_with_every_scheme_of_its_own_and_no_other() {
    let mut proven = Vec::new();
    for (key, tls12, tls13) in keys() {
        for scheme in HANDSHAKE_SCHEMES {
            let signature = sign(&key, scheme);
            let any = signature.clone().unwrap_or_else(|| vec![0; 64]);
            for (version, own) in [(Tls12, &tls12), (Tls13, &tls13)] {
                let verdict = verify(version, &key, scheme, &any);
                assert_eq!(verdict.is_ok(), own.contains(&scheme), "{version:?} {scheme:#06x}: {verdict:?}");
                proven.extend(verdict.ok().map(|()| scheme));
            }
        }
    }
    assert!(HANDSHAKE_SCHEMES.iter().all(|scheme| proven.contains(scheme)), "a scheme is offered that nobody can use");
}

#[test]
fn pkcs1_is_for_tls_1_2_only() {
    let key = key_for(&rcgen::PKCS_RSA_SHA256);
    let signature = sign(&key, 0x0401).unwrap();
    assert_eq!(verify(Tls12, &key, 0x0401, &signature), Ok(()));
    let error = verify(Tls13, &key, 0x0401, &signature).unwrap_err();
    assert_eq!(error, PossessionError::Scheme { scheme: 0x0401, key: "RSA-2048".to_owned() });
    assert_says(&error, &["0x0401", "RSA-2048"]);
}

#[test]
fn in_tls_1_2_the_hash_of_ecdsa_does_not_name_the_curve() {
    for (algorithm, scheme, hash) in
        [(&rcgen::PKCS_ECDSA_P384_SHA384, 0x0403, "sha256"), (&rcgen::PKCS_ECDSA_P256_SHA256, 0x0503, "sha384")]
    {
        let key = key_for(algorithm);
        let openssl = Openssl::new();
        openssl.write_key("key.pem", &key);
        openssl.write("message", MESSAGE);
        openssl.run(&format!("dgst -{hash} -sign key.pem -out signature message"));
        let signature = openssl.read_bytes("signature");
        assert_eq!(verify(Tls12, &key, scheme, &signature), Ok(()));
        assert!(matches!(verify(Tls13, &key, scheme, &signature), Err(PossessionError::Scheme { .. })));
    }
}

#[test]
fn another_key_another_message_and_another_hash_are_refused() {
    for (key, tls12, _) in keys() {
        let other = keys().into_iter().map(|(key, ..)| key).find(|it| it.algorithm() == key.algorithm()).unwrap();
        for scheme in &tls12 {
            let signature = sign(&key, *scheme).unwrap();
            assert_eq!(verify(Tls12, &other, *scheme, &signature), Err(PossessionError::Signature));
            let spki = key.subject_public_key_info();
            let verdict = verify_handshake_signature(Tls12, &spki, *scheme, b"another", &signature);
            assert_eq!(verdict, Err(PossessionError::Signature));
            for wrong in tls12.iter().filter(|wrong| *wrong != scheme) {
                assert_eq!(verify(Tls12, &key, *wrong, &signature), Err(PossessionError::Signature));
            }
        }
    }
}

#[test]
fn a_v1_certificate_is_as_good_as_any_since_only_its_key_counts() {
    let key = key_for(&rcgen::PKCS_ECDSA_P256_SHA256);
    let openssl = Openssl::new();
    openssl.write_key("key.pem", &key);
    openssl.run("req -new -key key.pem -subj /CN=pump7 -out agent.csr");
    openssl.run("x509 -req -in agent.csr -signkey key.pem -out agent.pem");
    let certificate = Certificate::parse(&openssl.certificate("agent.pem")).unwrap();
    assert_eq!(certificate.version(), 1);
    let signature = sign(&key, 0x0403).unwrap();
    assert_eq!(verify_handshake_signature(Tls13, certificate.spki(), 0x0403, MESSAGE, &signature), Ok(()));
}

#[test]
fn keys_that_we_do_not_verify_with_are_refused_by_name_before_anything_slow() {
    let openssl = Openssl::new();
    for (kind, name) in [
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-521", "P-521"),
        ("-algorithm ED448", "Ed448"),
        (
            "-algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit",
            "EC with explicit parameters",
        ),
    ] {
        openssl.run(&format!("genpkey {kind} -out key.pem"));
        let error = verify_handshake_signature(Tls13, &openssl.spki("key.pem"), 0x0403, MESSAGE, &[0; 64]).unwrap_err();
        assert_eq!(error, PossessionError::Key(KeyError::Unsupported(name.to_owned())));
        assert_says(&error, &[name]);
    }
    for (bits, refused) in [(1024, KeyError::TooShort(1024)), (16384, KeyError::TooLong(16384))] {
        let spki = RsaOfBits::new(bits).subject_public_key_info();
        let verdict = verify_handshake_signature(Tls13, &spki, 0x0804, MESSAGE, &vec![0; bits / 8]);
        assert_eq!(verdict, Err(PossessionError::Key(refused)));
    }
}

#[test]
fn sha_1_and_unknown_schemes_are_refused() {
    let key = key_for(&rcgen::PKCS_RSA_SHA256);
    // rsa_pkcs1_sha1, ecdsa_sha1, ecdsa_secp521r1_sha512, ed448, rsa_pss_pss_sha256.
    for scheme in [0x0201, 0x0203, 0x0603, 0x0808, 0x0809, 0, 0xffff] {
        for version in [Tls12, Tls13] {
            let verdict = verify(version, &key, scheme, &[0; 256]);
            assert!(matches!(verdict, Err(PossessionError::Scheme { .. })), "{scheme:#06x}");
        }
    }
}

#[test]
fn what_is_no_key_is_refused() {
    for spki in [&b""[..], b"key", &[0x30, 0], &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]] {
        let verdict = verify_handshake_signature(Tls13, spki, 0x0403, MESSAGE, &[0; 64]);
        assert_eq!(verdict, Err(PossessionError::Key(KeyError::Malformed)));
    }
    let mut spki = key_for(&rcgen::PKCS_ED25519).subject_public_key_info();
    spki.push(0);
    let verdict = verify_handshake_signature(Tls13, &spki, 0x0807, MESSAGE, &[0; 64]);
    assert_eq!(verdict, Err(PossessionError::Key(KeyError::Malformed)));
}

proptest! {
    #[test]
    fn garbage_proves_nothing_and_never_panics(
        scheme in prop::sample::select(HANDSHAKE_SCHEMES.to_vec()),
        signature in prop::collection::vec(any::<u8>(), 0..300),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        kind in 0_usize..4,
    ) {
        use std::sync::LazyLock;
        static SPKIS: LazyLock<Vec<Vec<u8>>> =
            LazyLock::new(|| keys().iter().map(|(key, ..)| key.subject_public_key_info()).collect());
        let mut spki = SPKIS[kind].clone();
        for version in [Tls12, Tls13] {
            prop_assert!(verify_handshake_signature(version, &spki, scheme, MESSAGE, &signature).is_err());
        }
        let at = at.index(spki.len());
        spki[at] = byte;
        let _ = verify_handshake_signature(Tls12, &spki, scheme, MESSAGE, &signature);
    }
}
