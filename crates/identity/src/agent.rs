//! Agents and their credentials.

use serde::{Deserialize, Serialize};

use crate::{Fingerprint, Judgement};

/// Credentials kept for one agent. A new one beyond that takes the place of the one not seen for longest, which is
/// simply verified in full if it comes back.
pub const CREDENTIALS_PER_AGENT_MAX: usize = 16;
/// Revoked credentials kept for one agent until they expire. They are what refuses the certificate, so none makes room:
/// beyond that, the agent must be revoked as a whole.
pub const REVOKED_CREDENTIALS_PER_AGENT_MAX: usize = 64;

/// The identity of one agent: what it may show to be let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// When it was onboarded, microseconds since the Unix epoch.
    pub created_us: i64,
    /// When it was revoked, if it is: no certificate lets it in until it is restored.
    pub revoked_us: Option<i64>,
    /// When it was last restored, if it ever was.
    pub restored_us: Option<i64>,
    credentials: Vec<Credential>,
}

/// A certificate that an agent has shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// Fingerprint of the certificate.
    pub fingerprint: Fingerprint,
    /// The authority that it was last verified with.
    pub authority: u128,
    /// Serial number, hex digits.
    pub serial: String,
    /// Subject, as RFC 4514 writes names.
    pub subject: String,
    /// Issuer, as RFC 4514 writes names.
    pub issuer: String,
    /// notBefore, microseconds since the Unix epoch.
    pub not_before_us: i64,
    /// notAfter, microseconds since the Unix epoch.
    pub not_after_us: i64,
    /// Until when the path it was verified with is valid: the first notAfter on it.
    pub trusted_until_us: i64,
    /// First connection with it, microseconds since the Unix epoch.
    pub first_seen_us: i64,
    /// Last connection with it, microseconds since the Unix epoch.
    pub last_seen_us: i64,
    /// When it was revoked, if it is.
    pub revoked_us: Option<i64>,
}

impl Agent {
    pub(crate) fn new(created_us: i64) -> Agent {
        Agent { created_us, revoked_us: None, restored_us: None, credentials: Vec::new() }
    }

    /// Remembers that a verified certificate was shown.
    pub(crate) fn show(&mut self, now_us: i64, judgement: &Judgement) {
        let known = self.credentials.iter_mut().find(|known| known.fingerprint == judgement.fingerprint);
        if let Some(known) = known {
            known.authority = judgement.authority;
            known.trusted_until_us = judgement.trusted_until_us;
            known.last_seen_us = now_us;
            return;
        }
        self.make_room(now_us);
        self.credentials.push(Credential::new(now_us, judgement));
    }

    /// Revokes a credential; false if the agent has not got it, or it is revoked already.
    pub(crate) fn revoke(&mut self, now_us: i64, fingerprint: &Fingerprint) -> bool {
        let live = |known: &&mut Credential| known.fingerprint == *fingerprint && known.revoked_us.is_none();
        let found = self.credentials.iter_mut().find(live);
        found.map(|credential| credential.revoked_us = Some(now_us)).is_some()
    }

    /// All credentials that are kept, in the order they were first seen.
    pub fn credentials(&self) -> &[Credential] {
        &self.credentials
    }

    /// The credential with this fingerprint.
    pub fn credential(&self, fingerprint: &Fingerprint) -> Option<&Credential> {
        self.credentials.iter().find(|known| known.fingerprint == *fingerprint)
    }

    /// When this certificate was revoked, if it was.
    pub(crate) fn certificate_revoked_us(&self, judgement: &Judgement) -> Option<i64> {
        self.credentials
            .iter()
            .filter(|known| known.is_of_same_certificate(judgement))
            .find_map(|known| known.revoked_us)
    }

    pub(crate) fn revoked_count(&self, now_us: i64) -> usize {
        self.credentials.iter().filter(|known| known.revoked_us.is_some() && known.not_after_us >= now_us).count()
    }

    fn make_room(&mut self, now_us: i64) {
        self.credentials.retain(|known| known.revoked_us.is_none() || known.not_after_us >= now_us);
        let live = self.credentials.iter().enumerate().filter(|(_, known)| known.revoked_us.is_none());
        if live.clone().count() >= CREDENTIALS_PER_AGENT_MAX
            && let Some((oldest, _)) = live.min_by_key(|(_, known)| known.last_seen_us)
        {
            self.credentials.remove(oldest);
        }
    }
}

impl Credential {
    fn new(now_us: i64, judgement: &Judgement) -> Credential {
        Credential {
            fingerprint: judgement.fingerprint,
            authority: judgement.authority,
            serial: judgement.serial.clone(),
            subject: judgement.subject.clone(),
            issuer: judgement.issuer.clone(),
            not_before_us: judgement.not_before_us,
            not_after_us: judgement.not_after_us,
            trusted_until_us: judgement.trusted_until_us,
            first_seen_us: now_us,
            last_seen_us: now_us,
            revoked_us: None,
        }
    }

    /// Not by the fingerprint alone, which its holder can change: some bytes of a certificate are not signed, and an
    /// ECDSA signature (r, s) is as good as (r, n - s). So what the CA signed counts, as far as it is kept.
    fn is_of_same_certificate(&self, judgement: &Judgement) -> bool {
        let kept = (&self.serial, &self.issuer, &self.subject, self.not_before_us, self.not_after_us);
        let shown =
            (&judgement.serial, &judgement.issuer, &judgement.subject, judgement.not_before_us, judgement.not_after_us);
        self.fingerprint == judgement.fingerprint || kept == shown
    }
}
