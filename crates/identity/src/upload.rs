//! What a certificate must be to become a tenant's authority.

use crate::dates::{DAY_US, date, span};
use crate::{Certificate, CertificateError, KeyError};

/// Days of validity that a CA should not exceed: a year, leap or not. More is a warning, not a refusal.
pub const UPLOAD_VALIDITY_ADVISED_DAYS: i64 = 366;

/// A certificate that may become an authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The certificate.
    pub certificate: Certificate,
    /// What people should be told.
    pub warnings: Vec<UploadWarning>,
}

/// Checks a CA certificate before it is recorded as an authority that waits for its proof of possession.
///
/// Asked for are X.509 v3 with CA:TRUE, keyCertSign if it has a KeyUsage, SHA-2 (or Ed25519), a key that we verify with,
/// and that it is valid now. It need not be self-signed.
///
/// # Errors
/// The first rule broken; each error says how to mend it.
pub fn check_upload(now_us: i64, der: &[u8]) -> Result<Upload, UploadError> {
    let certificate = Certificate::parse(der).map_err(UploadError::Certificate)?;
    if certificate.version() != 3 {
        return Err(UploadError::Version(certificate.version()));
    }
    if !certificate.is_ca() {
        return Err(UploadError::NotCa);
    }
    if !certificate.may_sign_certificates() {
        return Err(UploadError::KeyUsage);
    }
    certificate.public_key().check().map_err(UploadError::Key)?;
    if !certificate.signature_algorithm().is_supported() {
        return Err(UploadError::Algorithm(certificate.signature_algorithm().to_string()));
    }
    if now_us > certificate.not_after_us() {
        return Err(UploadError::Expired { not_after_us: certificate.not_after_us(), now_us });
    }
    if now_us < certificate.not_before_us() {
        return Err(UploadError::NotYetValid { not_before_us: certificate.not_before_us(), now_us });
    }
    // Whatever path validation could not use later is told now.
    webpki::anchor_from_trusted_cert(&certificate.as_pki()).map_err(|_| UploadError::Unusable)?;
    Ok(Upload { warnings: warnings(&certificate), certificate })
}

fn warnings(certificate: &Certificate) -> Vec<UploadWarning> {
    let days = certificate.not_after_us().saturating_sub(certificate.not_before_us()) / DAY_US;
    let long = (days > UPLOAD_VALIDITY_ADVISED_DAYS).then_some(UploadWarning::LongValidity { days });
    let not_root = (!certificate.is_self_issued())
        .then(|| UploadWarning::Intermediate { issuer: certificate.issuer().to_owned() });
    long.into_iter().chain(not_root).collect()
}

/// What is allowed but worth a word.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UploadWarning {
    /// Valid for more than [`UPLOAD_VALIDITY_ADVISED_DAYS`].
    #[error("the certificate is valid for {days} days; more than a year makes a lost key a long trouble")]
    LongValidity {
        /// notAfter minus notBefore, days.
        days: i64,
    },
    /// Not self-signed, so it is trusted by itself and not through its issuer.
    #[error("the certificate was issued by {issuer}; only this authority is trusted, not its issuer")]
    Intermediate {
        /// Its issuer.
        issuer: String,
    },
}

/// Why a certificate cannot become an authority.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UploadError {
    /// It does not parse.
    #[error("{0}")]
    Certificate(CertificateError),
    /// Not X.509 v3; its version.
    #[error(
        "the certificate is X.509 v{0}, an authority needs v3; make it with: openssl req -x509 -addext basicConstraints=critical,CA:TRUE"
    )]
    Version(u32),
    /// No BasicConstraints with CA:TRUE.
    #[error(
        "the certificate is not a CA; make it with basicConstraints=critical,CA:TRUE, or upload the CA that issued it"
    )]
    NotCa,
    /// A KeyUsage that does not let it sign certificates.
    #[error(
        "the certificate's KeyUsage lacks keyCertSign; make it with keyUsage=critical,keyCertSign,cRLSign, or without KeyUsage"
    )]
    KeyUsage,
    /// A key that we do not verify with.
    #[error("the certificate uses {0}")]
    Key(KeyError),
    /// A signature algorithm that we do not accept; its name.
    #[error("the certificate is signed by {0}; SHA-2 is needed, make it with: openssl req -x509 -sha256")]
    Algorithm(String),
    /// notAfter has passed.
    #[error(
        "the certificate expired {} ago, on {}; this server's clock says {}",
        span(.now_us.saturating_sub(*.not_after_us)), date(*.not_after_us), date(*.now_us)
    )]
    Expired {
        /// Microseconds since the Unix epoch.
        not_after_us: i64,
        /// The clock used.
        now_us: i64,
    },
    /// notBefore lies ahead.
    #[error(
        "the certificate is valid only from {}, in {}; this server's clock says {}",
        date(*.not_before_us), span(.not_before_us.saturating_sub(*.now_us)), date(*.now_us)
    )]
    NotYetValid {
        /// Microseconds since the Unix epoch.
        not_before_us: i64,
        /// The clock used.
        now_us: i64,
    },
    /// It parses, and yet paths cannot be built on it.
    #[error("the certificate's extensions cannot be used to verify others; make it anew with a current openssl")]
    Unusable,
}
