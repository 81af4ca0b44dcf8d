//! Kinds of public keys, and which of them we verify with.

use std::fmt;

use x509_parser::asn1_rs::{FromDer, Oid, Tag, oid};
use x509_parser::public_key::RSAPublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// Bits of the shortest RSA key accepted (NIST SP 800-131A).
pub const RSA_BITS_MIN: usize = 2048;
/// Bits of the longest RSA key accepted: longer ones only cost time.
pub const RSA_BITS_MAX: usize = 8192;

/// The kind of a public key. `Display` names it, as in `RSA-2048`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// RSA, with the bits of its modulus.
    Rsa {
        /// Bits of the modulus.
        bits: usize,
    },
    /// ECDSA on NIST P-256.
    P256,
    /// ECDSA on NIST P-384.
    P384,
    /// Ed25519 (RFC 8410).
    Ed25519,
    /// Any other, by name.
    Other(String),
}

impl PublicKey {
    /// The kind of a SubjectPublicKeyInfo's key (RFC 5280 section 4.1.2.7), DER.
    ///
    /// # Errors
    /// The bytes are no SubjectPublicKeyInfo.
    pub fn from_spki(spki: &[u8]) -> Result<PublicKey, KeyError> {
        match SubjectPublicKeyInfo::from_der(spki) {
            Ok(([], spki)) => Ok(PublicKey::of(&spki)),
            _ => Err(KeyError::Malformed),
        }
    }

    /// Says whether we verify with such a key; cheap, so it goes before any signature check.
    ///
    /// # Errors
    /// The key is too short, needlessly long, or of another kind.
    pub fn check(&self) -> Result<(), KeyError> {
        match self {
            PublicKey::Rsa { bits } if *bits < RSA_BITS_MIN => Err(KeyError::TooShort(*bits)),
            PublicKey::Rsa { bits } if *bits > RSA_BITS_MAX => Err(KeyError::TooLong(*bits)),
            PublicKey::Other(name) => Err(KeyError::Unsupported(name.clone())),
            _ => Ok(()),
        }
    }

    pub(crate) fn of(spki: &SubjectPublicKeyInfo<'_>) -> PublicKey {
        let algorithm = &spki.algorithm.algorithm;
        if *algorithm == RSA {
            rsa(&spki.subject_public_key.data)
        } else if *algorithm == EC {
            curve(spki)
        } else if *algorithm == ED25519 {
            PublicKey::Ed25519
        } else {
            let known = OTHERS.iter().find(|(known, _)| known == algorithm);
            PublicKey::Other(known.map_or_else(|| algorithm.to_id_string(), |(_, name)| (*name).to_owned()))
        }
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PublicKey::Rsa { bits } => write!(f, "RSA-{bits}"),
            PublicKey::P256 => f.write_str("P-256"),
            PublicKey::P384 => f.write_str("P-384"),
            PublicKey::Ed25519 => f.write_str("Ed25519"),
            PublicKey::Other(name) => f.write_str(name),
        }
    }
}

fn rsa(key: &[u8]) -> PublicKey {
    let Ok((_, key)) = RSAPublicKey::from_der(key) else { return PublicKey::Other("malformed RSA".to_owned()) };
    // DER puts a zero byte before a modulus whose first bit is set.
    let significant = key.modulus.iter().skip_while(|byte| **byte == 0);
    let unused = significant.clone().next().map_or(0, |byte| byte.leading_zeros() as usize);
    PublicKey::Rsa { bits: significant.count() * 8 - unused }
}

fn curve(spki: &SubjectPublicKeyInfo<'_>) -> PublicKey {
    let parameters = spki.algorithm.parameters.as_ref();
    // RFC 5480 section 2.1.1: named curves only.
    let Some(named) = parameters.filter(|parameters| parameters.tag() == Tag::Oid) else {
        return PublicKey::Other("EC with explicit parameters".to_owned());
    };
    match named.as_oid() {
        Ok(curve) if curve == P256 => PublicKey::P256,
        Ok(curve) if curve == P384 => PublicKey::P384,
        Ok(curve) if curve == P521 => PublicKey::Other("P-521".to_owned()),
        Ok(curve) => PublicKey::Other(format!("EC curve {}", curve.to_id_string())),
        Err(_) => PublicKey::Other("malformed EC".to_owned()),
    }
}

const RSA: Oid<'static> = oid!(1.2.840.113549.1.1.1);
const EC: Oid<'static> = oid!(1.2.840.10045.2.1);
const ED25519: Oid<'static> = oid!(1.3.101.112);
const P256: Oid<'static> = oid!(1.2.840.10045.3.1.7);
const P384: Oid<'static> = oid!(1.3.132.0.34);
const P521: Oid<'static> = oid!(1.3.132.0.35);
static OTHERS: [(Oid<'static>, &str); 3] =
    [(oid!(1.2.840.113549.1.1.10), "RSASSA-PSS"), (oid!(1.2.840.10040.4.1), "DSA"), (oid!(1.3.101.113), "Ed448")];

/// Why we do not verify with a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// RSA below [`RSA_BITS_MIN`]; its bits.
    #[error("RSA-{0}; {RSA_BITS_MIN} bits is the least")]
    TooShort(usize),
    /// RSA above [`RSA_BITS_MAX`]; its bits.
    #[error("RSA-{0}; {RSA_BITS_MAX} bits is the most")]
    TooLong(usize),
    /// Another kind of key, by name.
    #[error("{0}; use RSA from {RSA_BITS_MIN} bits, P-256, P-384 or Ed25519")]
    Unsupported(String),
    /// Not a SubjectPublicKeyInfo.
    #[error("a public key that does not parse")]
    Malformed,
}
