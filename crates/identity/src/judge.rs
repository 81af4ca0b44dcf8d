//! Verified chain to identity.

use std::sync::Arc;

use rustls_pki_types::{CertificateDer, TrustAnchor};

use crate::path::{self, Path};
use crate::{
    Agent, Authority, AuthorityStatus, CERTIFICATE_LENGTH_MAX, CHAIN_LENGTH_MAX, Certificate, CertificateError,
    ClientId, Credential, Fingerprint, Judgement, Refusal, TenantId,
};

/// What one tenant trusts, and what it knows of the agent that a client id claims: a snapshot to judge by.
#[derive(Clone, Debug)]
pub struct TrustSet {
    tenant: TenantId,
    claimed: ClientId,
    anchors: Arc<[Anchor]>,
    agent: Option<Arc<Agent>>,
}

/// An authority, prepared for path validation.
#[derive(Debug)]
pub(crate) struct Anchor {
    pub(crate) authority: Authority,
    pub(crate) trust: TrustAnchor<'static>,
}

impl Anchor {
    /// None if nothing could be verified with it; uploads of that kind are refused.
    pub(crate) fn new(authority: &Authority) -> Option<Anchor> {
        let trust = webpki::anchor_from_trusted_cert(&authority.certificate().as_pki()).ok()?.to_owned();
        Some(Anchor { authority: authority.clone(), trust })
    }

    pub(crate) fn is_trusted(&self, now_us: i64) -> bool {
        self.authority.status(now_us) == AuthorityStatus::Verified
    }

    pub(crate) fn is_revoked(&self) -> bool {
        self.authority.revoked_us().is_some()
    }
}

impl TrustSet {
    pub(crate) fn new(
        tenant: TenantId,
        claimed: ClientId,
        anchors: Arc<[Anchor]>,
        agent: Option<Arc<Agent>>,
    ) -> TrustSet {
        TrustSet { tenant, claimed, anchors, agent }
    }

    /// What is trusted for a claim of a tenant that is not there: nothing, in the words of a tenant that has nothing.
    pub fn of_unknown_tenant(claimed: &ClientId) -> TrustSet {
        TrustSet::new(claimed.tenant(), claimed.clone(), Arc::default(), None)
    }

    /// Judges the certificate chain that a client presented, whose key the handshake has proven: leaf first, then
    /// intermediates, and the root or not.
    ///
    /// A certificate that the agent was let in with before, under an authority that is still trusted, is judged by its
    /// dates. Else the path to one of the tenant's authorities is verified (RFC 5280 section 6): for X.509 v3 through
    /// intermediates; a certificate of an older version must be issued by an authority directly. Cheap checks go first.
    ///
    /// # Errors
    /// Why the client is not who it claims to be; all are "not authorized" (CONNACK 5, [MQTT-3.2.2-6]; 0x87).
    pub fn judge(&self, now_us: i64, chain: &[CertificateDer<'_>]) -> Result<Judgement, Refusal> {
        let (leaf, rest) = chain.split_first().ok_or(Refusal::NoCertificate)?;
        if chain.len() > CHAIN_LENGTH_MAX {
            return Err(Refusal::ChainTooLong(chain.len()));
        }
        if let Some(large) = chain.iter().find(|certificate| certificate.len() > CERTIFICATE_LENGTH_MAX) {
            return Err(Refusal::Certificate(CertificateError::TooLarge(large.len())));
        }
        if let Some(known) = self.known(now_us, &Fingerprint::of(leaf))? {
            return Ok(known);
        }
        let leaf = Certificate::parse(leaf).map_err(Refusal::Certificate)?;
        self.check_name(&leaf)?;
        check_dates(now_us, leaf.not_before_us(), leaf.not_after_us())?;
        check_leaf(&leaf)?;
        let path = path::verify(now_us, &self.tenant, &leaf, rest, &self.anchors)?;
        let judgement = self.judgement(&leaf, &path);
        self.check_not_revoked(&judgement)?;
        Ok(judgement)
    }

    /// The short way, for a certificate that is kept as the agent's credential.
    fn known(&self, now_us: i64, fingerprint: &Fingerprint) -> Result<Option<Judgement>, Refusal> {
        let Some(credential) = self.agent.as_ref().and_then(|agent| agent.credential(fingerprint)) else {
            return Ok(None);
        };
        check_dates(now_us, credential.not_before_us, credential.not_after_us)?;
        if !self.is_still_trusted(now_us, credential) {
            return Ok(None);
        }
        let judgement = Judgement::known(self.claimed.clone(), credential);
        self.check_not_revoked(&judgement)?;
        Ok(Some(judgement))
    }

    fn is_still_trusted(&self, now_us: i64, credential: &Credential) -> bool {
        let anchor = self.anchors.iter().find(|anchor| anchor.authority.id() == credential.authority);
        let Some(anchor) = anchor.filter(|anchor| anchor.is_trusted(now_us)) else { return false };
        // The links of a longer path are not kept, and one of them may have the key of an authority that was revoked.
        let sure = credential.issuer == anchor.authority.certificate().subject()
            || !self.anchors.iter().any(Anchor::is_revoked);
        sure && now_us <= credential.trusted_until_us
    }

    fn check_name(&self, leaf: &Certificate) -> Result<(), Refusal> {
        let name = leaf.common_name().map_err(|error| Refusal::Subject(error.clone()))?;
        let expected = ClientId::for_agent(&self.tenant, name).map_err(Refusal::NoClientId)?;
        if expected == self.claimed {
            return Ok(());
        }
        Err(Refusal::ClientId { expected, claimed: self.claimed.clone() })
    }

    /// Told only to who has proven to be the agent, so it comes last.
    fn check_not_revoked(&self, judgement: &Judgement) -> Result<(), Refusal> {
        let Some(agent) = &self.agent else { return Ok(()) };
        if let Some(revoked_us) = agent.revoked_us {
            return Err(Refusal::AgentRevoked { revoked_us });
        }
        match agent.certificate_revoked_us(judgement) {
            Some(revoked_us) => Err(Refusal::CertificateRevoked { revoked_us }),
            None => Ok(()),
        }
    }

    fn judgement(&self, leaf: &Certificate, path: &Path) -> Judgement {
        Judgement {
            client_id: self.claimed.clone(),
            fingerprint: leaf.fingerprint(),
            authority: path.authority,
            serial: leaf.serial().to_owned(),
            subject: leaf.subject().to_owned(),
            issuer: leaf.issuer().to_owned(),
            not_before_us: leaf.not_before_us(),
            not_after_us: leaf.not_after_us(),
            trusted_until_us: path.not_after_us,
        }
    }
}

fn check_dates(now_us: i64, not_before_us: i64, not_after_us: i64) -> Result<(), Refusal> {
    if now_us > not_after_us {
        return Err(Refusal::Expired { not_after_us, now_us });
    }
    if now_us < not_before_us {
        return Err(Refusal::NotYetValid { not_before_us, now_us });
    }
    Ok(())
}

fn check_leaf(leaf: &Certificate) -> Result<(), Refusal> {
    leaf.public_key().check().map_err(Refusal::Key)?;
    if !leaf.signature_algorithm().is_supported() {
        return Err(Refusal::Algorithm(leaf.signature_algorithm().to_string()));
    }
    if leaf.is_ca() {
        return Err(Refusal::CaAsAgent);
    }
    if !leaf.may_sign_handshakes() {
        return Err(Refusal::KeyUsage);
    }
    if !leaf.may_be_client() {
        return Err(Refusal::ExtendedKeyUsage);
    }
    if leaf.version() == 3 {
        path::check_readable(leaf).map_err(Refusal::Certificate)?;
    }
    Ok(())
}
