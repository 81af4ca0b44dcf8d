//! Who may connect: tenants, their certificate authorities with proof of possession, agents and their credentials.
//!
//! Everything here is pure: bytes, records and times come in as arguments. The way of a client certificate:
//!
//! 1. the TLS handshake proves possession of the key ([`verify_handshake_signature`]) and nothing more;
//! 2. the client id of CONNECT *claims* a tenant ([`ClientId`]);
//! 3. [`Registry::trust`] takes a cheap snapshot of what that tenant trusts, and [`TrustSet::judge`] verifies the chain
//!    against it, outside of any lock. The outcome is a [`Judgement`], which only verification makes, or a [`Refusal`];
//! 4. a record with the judgement is applied to the tenant's [`Registry`], which checks again what may have changed since.
//!
//! Times are microseconds since the Unix epoch, in `i64`.

mod agent;
mod authority;
mod certificate;
mod client_id;
mod common_name;
mod dates;
mod distinguished_name;
mod fingerprint;
mod issuance;
mod judge;
mod judgement;
mod path;
mod pem;
mod permissions;
mod possession;
mod public_key;
mod refusal;
mod registration_code;
mod registry;
mod signature_algorithm;
mod tenant_id;
mod text;
mod upload;
mod verification;

pub use agent::{Agent, CREDENTIALS_PER_AGENT_MAX, Credential, REVOKED_CREDENTIALS_PER_AGENT_MAX};
pub use authority::{AUTHORITY_NAME_LENGTH_MAX, Authority, AuthorityStatus};
pub use certificate::{
    BasicConstraints, CERTIFICATE_LENGTH_MAX, CHAIN_LENGTH_MAX, Certificate, CertificateError, SERIAL_LENGTH_MAX,
    SubjectError,
};
pub use client_id::{CLIENT_ID_LENGTH_MAX, ClientId, ClientIdError};
pub use common_name::{COMMON_NAME_LENGTH_MAX, CommonName, CommonNameError};
pub use distinguished_name::DISTINGUISHED_NAME_LENGTH_MAX;
pub use fingerprint::Fingerprint;
pub use issuance::{IssuanceError, issued_by};
pub use judge::TrustSet;
pub use judgement::Judgement;
pub use path::IntermediateFault;
pub use pem::{PEM_LENGTH_MAX, PemError, certificate_from_pem};
pub use permissions::{Access, Action, Denied, Role, Scope, may};
pub use possession::{HANDSHAKE_SCHEMES, PossessionError, TlsVersion, verify_handshake_signature};
pub use public_key::{KeyError, PublicKey, RSA_BITS_MAX, RSA_BITS_MIN};
pub use refusal::Refusal;
pub use registration_code::{MalformedCode, REGISTRATION_CODE_LIFETIME_US, RegistrationCode};
pub use registry::{
    AUTHORITIES_PER_TENANT_DEFAULT, AdmissionError, AgentError, AuthorityError, RETIRED_AUTHORITIES_MAX, Registry,
};
pub use signature_algorithm::{Hash, SignatureAlgorithm};
pub use tenant_id::{TENANT_ID_LENGTH_MAX, TenantId, TenantIdError};
pub use upload::{UPLOAD_VALIDITY_ADVISED_DAYS, Upload, UploadError, UploadWarning, check_upload};
pub use verification::{VerificationError, check_verification};
