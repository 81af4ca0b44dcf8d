//! Certificates as people paste them (RFC 7468).

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// Bytes of the longest PEM text read; it may carry the human-readable form that openssl prints before the blocks.
pub const PEM_LENGTH_MAX: usize = 64 * 1024;

/// Reads the one certificate of a PEM text, to its DER bytes. Text around the block is left out.
///
/// # Errors
/// There is not exactly one certificate; each error says what was found instead. No error quotes the text.
pub fn certificate_from_pem(pem: &str) -> Result<Vec<u8>, PemError> {
    if pem.len() > PEM_LENGTH_MAX {
        return Err(PemError::TooLarge);
    }
    if pem.contains("PRIVATE KEY-----") {
        return Err(PemError::PrivateKey);
    }
    if !pem.contains("-----BEGIN ") {
        return Err(PemError::NotPem);
    }
    let mut blocks = CertificateDer::pem_slice_iter(pem.as_bytes());
    let certificate = blocks.next().ok_or_else(|| other_block(pem))?.map_err(|_| PemError::Malformed)?;
    match blocks.next() {
        Some(_) => Err(PemError::Several),
        None => Ok(certificate.to_vec()),
    }
}

fn other_block(pem: &str) -> PemError {
    if pem.contains("CERTIFICATE REQUEST-----") { PemError::Request } else { PemError::NoCertificate }
}

/// Why a text gives no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// Longer than [`PEM_LENGTH_MAX`].
    #[error("the text is longer than {PEM_LENGTH_MAX} bytes; paste one certificate")]
    TooLarge,
    /// No BEGIN line.
    #[error(
        "this is not PEM: no -----BEGIN CERTIFICATE----- line. A DER file becomes PEM by: openssl x509 -inform der -in FILE"
    )]
    NotPem,
    /// A private key was pasted.
    #[error(
        "this has a PRIVATE KEY. It was not stored; paste only the certificate, and consider whether the key is still a secret"
    )]
    PrivateKey,
    /// A signing request.
    #[error("this is a certificate request; paste the certificate that was issued for it")]
    Request,
    /// Other blocks only.
    #[error("this has no -----BEGIN CERTIFICATE----- line; nothing may be before or behind that on its line")]
    NoCertificate,
    /// More than one certificate.
    #[error("this has several certificates; paste one")]
    Several,
    /// Bad base64, or no END line.
    #[error("the CERTIFICATE block is damaged: it is not base64, or its END line is missing")]
    Malformed,
}
