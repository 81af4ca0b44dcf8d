//! Proof that a TLS peer has its certificate's private key, checked on the bare public key.
//!
//! Certificates of X.509 v1 are common among agents, and path validators do not read them; the key is all that the
//! handshake needs.

use rustls_pki_types::{SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer};
use webpki::RawPublicKeyEntity;

use crate::{Hash, KeyError, PublicKey, SignatureAlgorithm};

/// The signature schemes that [`verify_handshake_signature`] takes, best first, to offer to clients
/// (RFC 8446 section 4.2.3).
pub const HANDSHAKE_SCHEMES: [u16; 9] = [
    ED25519,
    ECDSA_P256_SHA256,
    ECDSA_P384_SHA384,
    RSA_PSS_SHA256,
    RSA_PSS_SHA384,
    RSA_PSS_SHA512,
    RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA384,
    RSA_PKCS1_SHA512,
];

/// The TLS version of a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246): PKCS1 signatures are allowed, and a scheme does not name its curve.
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

/// Verifies the signature of a client's CertificateVerify.
///
/// `spki` is the certificate's SubjectPublicKeyInfo in DER ([`crate::Certificate::spki`]), `scheme` the SignatureScheme
/// of the message, `message` what was signed (RFC 8446 section 4.4.3, RFC 5246 section 7.4.8).
///
/// # Errors
/// The key is not accepted, key and scheme do not go together in this version, or the signature is wrong.
pub fn verify_handshake_signature(
    version: TlsVersion,
    spki: &[u8],
    scheme: u16,
    message: &[u8],
    signature: &[u8],
) -> Result<(), PossessionError> {
    let key = PublicKey::from_spki(spki).map_err(PossessionError::Key)?;
    key.check().map_err(PossessionError::Key)?;
    let mismatch = || PossessionError::Scheme { scheme, key: key.to_string() };
    let verifier = algorithm(version, scheme, &key).and_then(|algorithm| algorithm.verifier(&key));
    if verify_with_key(spki, verifier.ok_or_else(mismatch)?, message, signature) {
        Ok(())
    } else {
        Err(PossessionError::Signature)
    }
}

/// Whether `signature` over `message` was made by the key in `spki`; the caller has checked the key.
pub(crate) fn verify_with_key(
    spki: &[u8],
    verifier: &dyn SignatureVerificationAlgorithm,
    message: &[u8],
    signature: &[u8],
) -> bool {
    let spki = SubjectPublicKeyInfoDer::from(spki);
    RawPublicKeyEntity::try_from(&spki).is_ok_and(|key| key.verify_signature(verifier, message, signature).is_ok())
}

fn algorithm(version: TlsVersion, scheme: u16, key: &PublicKey) -> Option<SignatureAlgorithm> {
    use SignatureAlgorithm::{Ecdsa, Ed25519, RsaPkcs1, RsaPss};
    match (version, scheme, key) {
        (_, ED25519, _) => Some(Ed25519),
        (_, RSA_PSS_SHA256, _) => Some(RsaPss(Hash::Sha256)),
        (_, RSA_PSS_SHA384, _) => Some(RsaPss(Hash::Sha384)),
        (_, RSA_PSS_SHA512, _) => Some(RsaPss(Hash::Sha512)),
        (TlsVersion::Tls12, RSA_PKCS1_SHA256, _) => Some(RsaPkcs1(Hash::Sha256)),
        (TlsVersion::Tls12, RSA_PKCS1_SHA384, _) => Some(RsaPkcs1(Hash::Sha384)),
        (TlsVersion::Tls12, RSA_PKCS1_SHA512, _) => Some(RsaPkcs1(Hash::Sha512)),
        (TlsVersion::Tls12, ECDSA_P256_SHA256, _) | (_, ECDSA_P256_SHA256, PublicKey::P256) => {
            Some(Ecdsa(Hash::Sha256))
        }
        (TlsVersion::Tls12, ECDSA_P384_SHA384, _) | (_, ECDSA_P384_SHA384, PublicKey::P384) => {
            Some(Ecdsa(Hash::Sha384))
        }
        _ => None,
    }
}

const RSA_PKCS1_SHA256: u16 = 0x0401;
const RSA_PKCS1_SHA384: u16 = 0x0501;
const RSA_PKCS1_SHA512: u16 = 0x0601;
const ECDSA_P256_SHA256: u16 = 0x0403;
const ECDSA_P384_SHA384: u16 = 0x0503;
const RSA_PSS_SHA256: u16 = 0x0804;
const RSA_PSS_SHA384: u16 = 0x0805;
const RSA_PSS_SHA512: u16 = 0x0806;
const ED25519: u16 = 0x0807;

/// Why a handshake proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PossessionError {
    /// The certificate's key is not accepted.
    #[error("the certificate uses {0}")]
    Key(KeyError),
    /// Unknown scheme, or not one for this key and TLS version.
    #[error("signature scheme {scheme:#06x} does not go with a {key} key in this TLS version")]
    Scheme {
        /// TLS SignatureScheme.
        scheme: u16,
        /// Kind of the key.
        key: String,
    },
    /// The key did not make the signature.
    #[error("the handshake is not signed by the certificate's key")]
    Signature,
}
