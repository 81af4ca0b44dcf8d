//! Why a certificate was not let in, in words that name the fix.

use crate::dates::{date, span};
use crate::{AuthorityStatus, CHAIN_LENGTH_MAX, CertificateError, ClientId, ClientIdError, IntermediateFault};
use crate::{KeyError, SubjectError, TenantId};

/// Why a client is not who it claims to be. Each is answered "not authorized"; `Display` is the hint for the tenant's
/// people.
///
/// A client id of bad syntax never comes this far: that is a [`ClientIdError`], answered "identifier rejected".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The handshake brought no certificate.
    #[error("no client certificate was presented; configure certificate and key in the client")]
    NoCertificate,
    /// More certificates than are read; how many.
    #[error(
        "{0} certificates were presented, {CHAIN_LENGTH_MAX} are allowed; send the agent's and its intermediates only"
    )]
    ChainTooLong(usize),
    /// One of the certificates cannot be read.
    #[error("{0}")]
    Certificate(CertificateError),
    /// The subject names no agent.
    #[error("{0}")]
    Subject(SubjectError),
    /// No client id can be made of the CN.
    #[error("no client id can be made of the certificate's CN: {0}")]
    NoClientId(ClientIdError),
    /// The client id is not this certificate's.
    #[error("client id must be {expected}, got {claimed}")]
    ClientId {
        /// The certificate's.
        expected: ClientId,
        /// What CONNECT said.
        claimed: ClientId,
    },
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
        "the certificate is valid only from {}, in {}; this server's clock says {}. Is the issuer's clock right?",
        date(*.not_before_us), span(.not_before_us.saturating_sub(*.now_us)), date(*.now_us)
    )]
    NotYetValid {
        /// Microseconds since the Unix epoch.
        not_before_us: i64,
        /// The clock used.
        now_us: i64,
    },
    /// A key that we do not verify with.
    #[error("the certificate uses {0}")]
    Key(KeyError),
    /// A signature algorithm that we do not accept; its name.
    #[error("the certificate is signed by {0}; SHA-2 is needed, issue it with: openssl x509 -req -sha256")]
    Algorithm(String),
    /// A CA's certificate, shown as an agent's.
    #[error("a CA's certificate cannot be an agent's; issue one for the agent")]
    CaAsAgent,
    /// A KeyUsage that does not let it sign handshakes.
    #[error("the certificate's KeyUsage lacks digitalSignature; issue it with that, or without KeyUsage")]
    KeyUsage,
    /// An extended key usage without TLS clients.
    #[error("the certificate's extended key usage lacks clientAuth; issue it with that, or without extended key usage")]
    ExtendedKeyUsage,
    /// The tenant has uploaded no authority.
    #[error("tenant {tenant} has no authority; upload the CA that issued the certificate and verify it")]
    NoAuthority {
        /// The tenant claimed.
        tenant: TenantId,
    },
    /// The chain ends at a name that is no authority of the tenant.
    #[error(
        "issuer {issuer} is not an authority of tenant {tenant}; \
         if it is an intermediate, the client must present its certificate too"
    )]
    UnknownIssuer {
        /// The issuer.
        issuer: String,
        /// The tenant claimed.
        tenant: TenantId,
    },
    /// The chain ends at an authority that is not trusted now.
    #[error("the certificate's authority {authority} is {status}")]
    AuthorityNotTrusted {
        /// Name of the authority.
        authority: String,
        /// Its status.
        status: AuthorityStatus,
    },
    /// The names lead to a trusted authority and the keys do not.
    #[error(
        "the certificate, or one it came with, names {issuer} as its issuer, but is not signed by the key that is known \
         for that name; was that CA made anew with another key?"
    )]
    Signature {
        /// The issuer that did not sign.
        issuer: String,
    },
    /// A certificate between leaf and authority cannot be a link.
    #[error("the intermediate {subject} cannot be used: {fault}")]
    Intermediate {
        /// Its subject.
        subject: String,
        /// Why.
        fault: IntermediateFault,
    },
    /// An old certificate of an intermediate.
    #[error("a certificate of X.509 v{version} must be issued by an authority of the tenant directly; issue one of v3")]
    NotDirect {
        /// Its version.
        version: u32,
    },
    /// Too many intermediates.
    #[error("there are more intermediates than a CA of the path allows (pathlen), or than are followed")]
    PathLength,
    /// A name outside of what a CA of the path may issue.
    #[error("the name constraints of a CA of the path do not allow the certificate's names")]
    NameConstraints,
    /// Path validation failed in another way.
    #[error("the path from the certificate to its authority cannot be verified: {cause}")]
    Path {
        /// In the words of path validation.
        cause: String,
    },
    /// The certificate was revoked.
    #[error("the certificate was revoked on {}; the agent needs a new one", date(*.revoked_us))]
    CertificateRevoked {
        /// Microseconds since the Unix epoch.
        revoked_us: i64,
    },
    /// The agent was revoked.
    #[error("the agent was revoked on {}; restore it to let it in again", date(*.revoked_us))]
    AgentRevoked {
        /// Microseconds since the Unix epoch.
        revoked_us: i64,
    },
}

impl Refusal {
    /// A stable word for counters, logs and the API.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::NoCertificate => "no_certificate",
            Refusal::ChainTooLong(_) => "chain_too_long",
            Refusal::Certificate(CertificateError::TooLarge(_)) => "certificate_too_large",
            Refusal::Certificate(CertificateError::Malformed(_)) => "certificate_malformed",
            Refusal::Subject(_) => "common_name",
            Refusal::NoClientId(_) => "common_name_no_client_id",
            Refusal::ClientId { .. } => "client_id_mismatch",
            Refusal::Expired { .. } => "certificate_expired",
            Refusal::NotYetValid { .. } => "certificate_not_yet_valid",
            Refusal::Key(_) => "key_refused",
            Refusal::Algorithm(_) => "signature_algorithm_refused",
            Refusal::CaAsAgent => "ca_as_agent",
            Refusal::KeyUsage => "key_usage",
            Refusal::ExtendedKeyUsage => "extended_key_usage",
            Refusal::NoAuthority { .. } => "no_authority",
            Refusal::UnknownIssuer { .. } => "unknown_issuer",
            Refusal::AuthorityNotTrusted { .. } => "authority_not_trusted",
            Refusal::Signature { .. } => "issuer_signature",
            Refusal::Intermediate { .. } => "intermediate_refused",
            Refusal::NotDirect { .. } => "not_directly_issued",
            Refusal::PathLength => "path_length",
            Refusal::NameConstraints => "name_constraints",
            Refusal::Path { .. } => "path_not_verified",
            Refusal::CertificateRevoked { .. } => "certificate_revoked",
            Refusal::AgentRevoked { .. } => "agent_revoked",
        }
    }

    /// The hint for the tenant's people: what is wrong and how to mend it.
    pub fn hint(&self) -> String {
        self.to_string()
    }

    /// What the client itself may be told. It is the hint, unless how far the check came would say what the claimed
    /// tenant has or has not got to someone who belongs to no tenant yet.
    pub fn peer_hint(&self) -> String {
        match self {
            Refusal::NoAuthority { .. }
            | Refusal::UnknownIssuer { .. }
            | Refusal::AuthorityNotTrusted { .. }
            | Refusal::Signature { .. }
            | Refusal::Intermediate { .. }
            | Refusal::NotDirect { .. }
            | Refusal::PathLength
            | Refusal::NameConstraints
            | Refusal::Path { .. } => "the certificate is not trusted by the tenant of the client id".to_owned(),
            _ => self.to_string(),
        }
    }
}
