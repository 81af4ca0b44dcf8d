//! Proof of possession: a certificate that only the holder of a CA's key can make.

use crate::dates::date;
use crate::{
    Authority, AuthorityStatus, Certificate, CertificateError, IssuanceError, RegistrationCode, SubjectError, issued_by,
};

/// Checks a verification certificate for an authority that waits for one; gives the code that it proves.
///
/// It must be issued by exactly that authority, be valid now and have the registration code as its CN. Any X.509 version
/// will do, since `openssl x509 -req` makes v1. Nothing changes here: to record the success with
/// [`crate::Registry::verify_authority`] is what uses the code up.
///
/// # Errors
/// The first thing that is missing.
pub fn check_verification(
    now_us: i64,
    authority: &Authority,
    der: &[u8],
) -> Result<RegistrationCode, VerificationError> {
    let (code, code_expires_us) = match (authority.status(now_us), authority.registration_code()) {
        (AuthorityStatus::PendingVerification, Some(code)) => code,
        (status, _) => return Err(VerificationError::NotPending(status)),
    };
    let certificate = Certificate::parse(der).map_err(VerificationError::Certificate)?;
    let name = certificate.common_name().map_err(|error| VerificationError::Subject(error.clone()))?;
    if name.as_str() != code.as_str() {
        return Err(VerificationError::Code { name: name.to_string() });
    }
    if now_us > code_expires_us {
        return Err(VerificationError::CodeExpired { code_expires_us });
    }
    if !(certificate.not_before_us()..=certificate.not_after_us()).contains(&now_us) {
        return Err(VerificationError::NotValid {
            not_before_us: certificate.not_before_us(),
            not_after_us: certificate.not_after_us(),
            now_us,
        });
    }
    issued_by(&certificate, authority.certificate()).map_err(VerificationError::Issuance)?;
    Ok(code.clone())
}

/// Why a certificate proves no possession.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerificationError {
    /// There is nothing to prove.
    #[error("the authority is {0}; only a pending one can be verified")]
    NotPending(AuthorityStatus),
    /// It does not parse.
    #[error("{0}")]
    Certificate(CertificateError),
    /// It has no usable CN.
    #[error("{0}")]
    Subject(SubjectError),
    /// Its CN is not this authority's code.
    #[error("the CN of the verification certificate is {name:?}, not this authority's registration code")]
    Code {
        /// The CN.
        name: String,
    },
    /// The code is too old.
    #[error("the registration code expired on {}; ask for the code again to get a new one", date(*.code_expires_us))]
    CodeExpired {
        /// Microseconds since the Unix epoch.
        code_expires_us: i64,
    },
    /// It is not valid now.
    #[error(
        "the verification certificate is valid from {} to {}; this server's clock says {}",
        date(*.not_before_us), date(*.not_after_us), date(*.now_us)
    )]
    NotValid {
        /// Microseconds since the Unix epoch.
        not_before_us: i64,
        /// Microseconds since the Unix epoch.
        not_after_us: i64,
        /// The clock used.
        now_us: i64,
    },
    /// The authority did not issue it.
    #[error("the verification certificate does not prove possession of the authority's key: {0}")]
    Issuance(IssuanceError),
}
