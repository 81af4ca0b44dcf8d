//! Whether a CA issued a certificate, judged on the CA's public key.

use crate::possession::verify_with_key;
use crate::{Certificate, KeyError};

/// Checks that `certificate` names `ca` as its issuer and is signed by the key of `ca`.
///
/// It works for certificates of any X.509 version, since only names, key and signature are looked at: dates,
/// extensions and whether `ca` is a CA at all are for the caller to check.
///
/// # Errors
/// Another issuer, or the first reason why the signature does not count.
pub fn issued_by(certificate: &Certificate, ca: &Certificate) -> Result<(), IssuanceError> {
    if certificate.raw.issuer != ca.raw.subject {
        return Err(IssuanceError::OtherIssuer {
            issuer: certificate.issuer().to_owned(),
            subject: ca.subject().to_owned(),
        });
    }
    ca.public_key().check().map_err(IssuanceError::Key)?;
    let algorithm = certificate.signature_algorithm();
    if !algorithm.is_supported() {
        return Err(IssuanceError::Algorithm(algorithm.to_string()));
    }
    let verifier = algorithm.verifier(ca.public_key()).ok_or(IssuanceError::Signature)?;
    let raw = &certificate.raw;
    if verify_with_key(ca.spki(), verifier, &raw.tbs, &raw.signature) { Ok(()) } else { Err(IssuanceError::Signature) }
}

/// Why a certificate was not issued by a CA, as far as we can verify.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssuanceError {
    /// It names another issuer.
    #[error("its issuer is {issuer}, not {subject}")]
    OtherIssuer {
        /// The issuer it names.
        issuer: String,
        /// The subject of the CA.
        subject: String,
    },
    /// The CA's key is of a kind or length that we do not verify with.
    #[error("the authority's key is {0}")]
    Key(KeyError),
    /// An algorithm that we do not verify, by name.
    #[error("it is signed by {0}; SHA-2 is needed (or Ed25519)")]
    Algorithm(String),
    /// The CA's key did not make the signature.
    #[error("it is not signed by the authority's key")]
    Signature,
}
