//! A certificate authority of a tenant.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Certificate, Fingerprint, REGISTRATION_CODE_LIFETIME_US, RegistrationCode};

/// Characters of the longest name that people give to an authority.
pub const AUTHORITY_NAME_LENGTH_MAX: usize = 128;

/// One CA that a tenant has uploaded. It is trusted from the proof of possession on, until it expires or is revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authority {
    id: u128,
    name: String,
    certificate: Certificate,
    created_us: i64,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    Pending { code: RegistrationCode, code_expires_us: i64 },
    Verified { verified_us: i64 },
    Revoked { verified_us: Option<i64>, revoked_us: i64 },
}

/// What an authority is good for. `Display` gives the words of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorityStatus {
    /// Uploaded; possession of its key is not proven yet.
    PendingVerification,
    /// Trusted.
    Verified,
    /// Its notAfter has passed, or its notBefore lies ahead.
    Expired,
    /// Trusted no more.
    Revoked,
}

impl Authority {
    pub(crate) fn new(
        now_us: i64,
        id: u128,
        name: String,
        certificate: Certificate,
        code: RegistrationCode,
    ) -> Authority {
        Authority { id, name, certificate, created_us: now_us, state: State::pending(now_us, code) }
    }

    pub(crate) fn await_proof(&mut self, now_us: i64, code: RegistrationCode) {
        self.state = State::pending(now_us, code);
    }

    pub(crate) fn verify(&mut self, now_us: i64) {
        self.state = State::Verified { verified_us: now_us };
    }

    pub(crate) fn revoke(&mut self, now_us: i64) {
        self.state = State::Revoked { verified_us: self.verified_us(), revoked_us: now_us };
    }

    /// Its id, unique in the tenant.
    pub fn id(&self) -> u128 {
        self.id
    }

    /// The name people gave it, or its subject.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Fingerprint of its certificate.
    pub fn fingerprint(&self) -> Fingerprint {
        self.certificate.fingerprint()
    }

    /// When it was uploaded, microseconds since the Unix epoch.
    pub fn created_us(&self) -> i64 {
        self.created_us
    }

    /// What it is good for now.
    pub fn status(&self, now_us: i64) -> AuthorityStatus {
        let valid = (self.certificate.not_before_us()..=self.certificate.not_after_us()).contains(&now_us);
        match self.state {
            State::Revoked { .. } => AuthorityStatus::Revoked,
            _ if !valid => AuthorityStatus::Expired,
            State::Pending { .. } => AuthorityStatus::PendingVerification,
            State::Verified { .. } => AuthorityStatus::Verified,
        }
    }

    /// The code that its verification certificate must carry, and when that expires; only while it is pending.
    pub fn registration_code(&self) -> Option<(&RegistrationCode, i64)> {
        match &self.state {
            State::Pending { code, code_expires_us } => Some((code, *code_expires_us)),
            _ => None,
        }
    }

    /// When its possession was proven, microseconds since the Unix epoch.
    pub fn verified_us(&self) -> Option<i64> {
        match self.state {
            State::Pending { .. } => None,
            State::Verified { verified_us } => Some(verified_us),
            State::Revoked { verified_us, .. } => verified_us,
        }
    }

    /// When it was revoked, microseconds since the Unix epoch.
    pub fn revoked_us(&self) -> Option<i64> {
        match self.state {
            State::Revoked { revoked_us, .. } => Some(revoked_us),
            _ => None,
        }
    }
}

impl State {
    fn pending(now_us: i64, code: RegistrationCode) -> State {
        State::Pending { code, code_expires_us: now_us.saturating_add(REGISTRATION_CODE_LIFETIME_US) }
    }
}

impl AuthorityStatus {
    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            AuthorityStatus::PendingVerification => "PENDING_VERIFICATION",
            AuthorityStatus::Verified => "VERIFIED",
            AuthorityStatus::Expired => "EXPIRED",
            AuthorityStatus::Revoked => "REVOKED",
        }
    }
}

impl fmt::Display for AuthorityStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
