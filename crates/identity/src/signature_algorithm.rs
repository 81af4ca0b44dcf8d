//! Algorithms of certificate signatures.

use std::fmt;

use rustls_pki_types::SignatureVerificationAlgorithm;
use webpki::aws_lc_rs as algs;
use x509_parser::asn1_rs::{Oid, oid};
use x509_parser::signature_algorithm::RsaSsaPssParams;
use x509_parser::x509::AlgorithmIdentifier;

use crate::PublicKey;

/// Hash functions accepted in signatures: SHA-2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// How a certificate is signed (RFC 5280 section 4.1.1.2). `Display` names it, as in `SHA-1 with RSA`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5.
    RsaPkcs1(Hash),
    /// RSASSA-PSS.
    RsaPss(Hash),
    /// ECDSA.
    Ecdsa(Hash),
    /// Ed25519.
    Ed25519,
    /// One that we do not verify, by name.
    Other(String),
}

impl SignatureAlgorithm {
    /// Whether we verify such signatures.
    pub fn is_supported(&self) -> bool {
        !matches!(self, SignatureAlgorithm::Other(_))
    }

    pub(crate) fn of(identifier: &AlgorithmIdentifier<'_>) -> SignatureAlgorithm {
        let algorithm = &identifier.algorithm;
        if *algorithm == RSA_PSS {
            return pss(identifier);
        }
        if let Some((_, known)) = SUPPORTED.iter().find(|(known, _)| known == algorithm) {
            return known.clone();
        }
        let known = OTHERS.iter().find(|(known, _)| known == algorithm);
        SignatureAlgorithm::Other(known.map_or_else(|| algorithm.to_id_string(), |(_, name)| (*name).to_owned()))
    }

    /// The verifier for a signature of this algorithm made by such a key; none if they do not go together.
    pub(crate) fn verifier(&self, key: &PublicKey) -> Option<&'static dyn SignatureVerificationAlgorithm> {
        use Hash::{Sha256, Sha384, Sha512};
        use SignatureAlgorithm::{Ecdsa, Ed25519, RsaPkcs1, RsaPss};
        Some(match (self, key) {
            (RsaPkcs1(Sha256), PublicKey::Rsa { .. }) => algs::RSA_PKCS1_2048_8192_SHA256,
            (RsaPkcs1(Sha384), PublicKey::Rsa { .. }) => algs::RSA_PKCS1_2048_8192_SHA384,
            (RsaPkcs1(Sha512), PublicKey::Rsa { .. }) => algs::RSA_PKCS1_2048_8192_SHA512,
            (RsaPss(Sha256), PublicKey::Rsa { .. }) => algs::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
            (RsaPss(Sha384), PublicKey::Rsa { .. }) => algs::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
            (RsaPss(Sha512), PublicKey::Rsa { .. }) => algs::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
            (Ecdsa(Sha256), PublicKey::P256) => algs::ECDSA_P256_SHA256,
            (Ecdsa(Sha384), PublicKey::P256) => algs::ECDSA_P256_SHA384,
            (Ecdsa(Sha512), PublicKey::P256) => algs::ECDSA_P256_SHA512,
            (Ecdsa(Sha256), PublicKey::P384) => algs::ECDSA_P384_SHA256,
            (Ecdsa(Sha384), PublicKey::P384) => algs::ECDSA_P384_SHA384,
            (Ecdsa(Sha512), PublicKey::P384) => algs::ECDSA_P384_SHA512,
            (Ed25519, PublicKey::Ed25519) => algs::ED25519,
            _ => return None,
        })
    }
}

impl fmt::Display for SignatureAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SignatureAlgorithm::RsaPkcs1(hash) => write!(f, "{hash} with RSA"),
            SignatureAlgorithm::RsaPss(hash) => write!(f, "{hash} with RSA-PSS"),
            SignatureAlgorithm::Ecdsa(hash) => write!(f, "{hash} with ECDSA"),
            SignatureAlgorithm::Ed25519 => f.write_str("Ed25519"),
            SignatureAlgorithm::Other(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Hash::Sha256 => "SHA-256",
            Hash::Sha384 => "SHA-384",
            Hash::Sha512 => "SHA-512",
        })
    }
}

/// The verifiers for paths of certificates; the same set as [`SignatureAlgorithm::verifier`] gives, and PKCS1 with the
/// parameters left out, which RFC 4055 section 5 asks us to accept.
pub(crate) static VERIFIERS: &[&dyn SignatureVerificationAlgorithm] = &[
    algs::RSA_PKCS1_2048_8192_SHA256,
    algs::RSA_PKCS1_2048_8192_SHA384,
    algs::RSA_PKCS1_2048_8192_SHA512,
    algs::RSA_PKCS1_2048_8192_SHA256_ABSENT_PARAMS,
    algs::RSA_PKCS1_2048_8192_SHA384_ABSENT_PARAMS,
    algs::RSA_PKCS1_2048_8192_SHA512_ABSENT_PARAMS,
    algs::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
    algs::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
    algs::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
    algs::ECDSA_P256_SHA256,
    algs::ECDSA_P256_SHA384,
    algs::ECDSA_P256_SHA512,
    algs::ECDSA_P384_SHA256,
    algs::ECDSA_P384_SHA384,
    algs::ECDSA_P384_SHA512,
    algs::ED25519,
];

// The hash names mask and salt length too: verification takes MGF1 with the same hash and a salt as long as it.
fn pss(identifier: &AlgorithmIdentifier<'_>) -> SignatureAlgorithm {
    let parameters = identifier.parameters.as_ref().and_then(|any| RsaSsaPssParams::try_from(any).ok());
    let hash = parameters.as_ref().map(RsaSsaPssParams::hash_algorithm_oid);
    match HASHES.iter().find(|(known, _)| Some(known) == hash) {
        Some((_, hash)) => SignatureAlgorithm::RsaPss(*hash),
        None => SignatureAlgorithm::Other("RSA-PSS without SHA-2".to_owned()),
    }
}

const RSA_PSS: Oid<'static> = oid!(1.2.840.113549.1.1.10);
static HASHES: [(Oid<'static>, Hash); 3] = [
    (oid!(2.16.840.1.101.3.4.2.1), Hash::Sha256),
    (oid!(2.16.840.1.101.3.4.2.2), Hash::Sha384),
    (oid!(2.16.840.1.101.3.4.2.3), Hash::Sha512),
];
static SUPPORTED: [(Oid<'static>, SignatureAlgorithm); 7] = [
    (oid!(1.2.840.113549.1.1.11), SignatureAlgorithm::RsaPkcs1(Hash::Sha256)),
    (oid!(1.2.840.113549.1.1.12), SignatureAlgorithm::RsaPkcs1(Hash::Sha384)),
    (oid!(1.2.840.113549.1.1.13), SignatureAlgorithm::RsaPkcs1(Hash::Sha512)),
    (oid!(1.2.840.10045.4.3.2), SignatureAlgorithm::Ecdsa(Hash::Sha256)),
    (oid!(1.2.840.10045.4.3.3), SignatureAlgorithm::Ecdsa(Hash::Sha384)),
    (oid!(1.2.840.10045.4.3.4), SignatureAlgorithm::Ecdsa(Hash::Sha512)),
    (oid!(1.3.101.112), SignatureAlgorithm::Ed25519),
];
static OTHERS: [(Oid<'static>, &str); 5] = [
    (oid!(1.2.840.113549.1.1.4), "MD5 with RSA"),
    (oid!(1.2.840.113549.1.1.5), "SHA-1 with RSA"),
    (oid!(1.2.840.10045.4.1), "SHA-1 with ECDSA"),
    (oid!(1.2.840.10040.4.3), "SHA-1 with DSA"),
    (oid!(1.3.101.113), "Ed448"),
];
