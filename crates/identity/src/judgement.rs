//! The outcome of verification.

use serde::{Deserialize, Serialize};

use crate::{ClientId, Credential, Fingerprint};

/// Proof that a certificate was verified as an agent's, against the tenant it claimed.
///
/// Only [`crate::TrustSet::judge`] makes one. It is plain data for records: whoever reads one back from a record trusts
/// the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    pub(crate) client_id: ClientId,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) authority: u128,
    pub(crate) serial: String,
    pub(crate) subject: String,
    pub(crate) issuer: String,
    pub(crate) not_before_us: i64,
    pub(crate) not_after_us: i64,
    pub(crate) trusted_until_us: i64,
}

impl Judgement {
    pub(crate) fn known(client_id: ClientId, credential: &Credential) -> Judgement {
        Judgement {
            client_id,
            fingerprint: credential.fingerprint,
            authority: credential.authority,
            serial: credential.serial.clone(),
            subject: credential.subject.clone(),
            issuer: credential.issuer.clone(),
            not_before_us: credential.not_before_us,
            not_after_us: credential.not_after_us,
            trusted_until_us: credential.trusted_until_us,
        }
    }

    /// Whose certificate it is.
    pub fn client_id(&self) -> &ClientId {
        &self.client_id
    }

    /// Fingerprint of the certificate.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The authority that the path ended at.
    pub fn authority(&self) -> u128 {
        self.authority
    }

    /// Serial number, hex digits.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// Subject, as RFC 4514 writes names.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// Issuer, as RFC 4514 writes names.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// notBefore, microseconds since the Unix epoch.
    pub fn not_before_us(&self) -> i64 {
        self.not_before_us
    }

    /// notAfter, microseconds since the Unix epoch.
    pub fn not_after_us(&self) -> i64 {
        self.not_after_us
    }

    /// When the first certificate of the path expires, microseconds since the Unix epoch.
    pub fn trusted_until_us(&self) -> i64 {
        self.trusted_until_us
    }
}
