//! One tenant's identity state: its authorities and its agents.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::agent::REVOKED_CREDENTIALS_PER_AGENT_MAX;
use crate::judge::Anchor;
use crate::{
    AUTHORITY_NAME_LENGTH_MAX, Agent, Authority, AuthorityStatus, Certificate, CertificateError, ClientId, Fingerprint,
    Judgement, MalformedCode, RegistrationCode, TenantId, TrustSet,
};

/// Authorities of a tenant that are pending or verified, unless the server's settings say another number.
pub const AUTHORITIES_PER_TENANT_DEFAULT: usize = 2;
/// Revoked and expired authorities of a tenant that are kept to be shown; beyond that the oldest is forgotten.
pub const RETIRED_AUTHORITIES_MAX: usize = 64;

/// The identity state of one tenant.
///
/// It changes only when a record is applied: all mutating methods are deterministic in their arguments, and times and
/// ids come with the record. What changed is remembered until a checkpoint takes it (`take_dirty_*`); [`Registry::restore`]
/// makes the registry from the parts that checkpoints wrote.
#[derive(Clone, Debug)]
pub struct Registry {
    tenant: TenantId,
    authorities: BTreeMap<u128, Authority>,
    agents: BTreeMap<ClientId, Arc<Agent>>,
    /// The authorities again, prepared for judging; made anew whenever they change.
    anchors: Arc<[Anchor]>,
    dirty_authorities: BTreeSet<u128>,
    dirty_agents: BTreeSet<ClientId>,
}

impl Registry {
    /// A tenant that trusts nobody yet.
    pub fn new(tenant: TenantId) -> Registry {
        Registry::restore(tenant, Vec::new(), Vec::new())
    }

    /// A tenant from its parts, none of them dirty.
    pub fn restore(tenant: TenantId, authorities: Vec<Authority>, agents: Vec<(ClientId, Agent)>) -> Registry {
        let mut registry = Registry {
            tenant,
            authorities: authorities.into_iter().map(|authority| (authority.id(), authority)).collect(),
            agents: agents.into_iter().map(|(id, agent)| (id, Arc::new(agent))).collect(),
            anchors: Arc::default(),
            dirty_authorities: BTreeSet::new(),
            dirty_agents: BTreeSet::new(),
        };
        registry.prepare_anchors();
        registry
    }

    /// Adds an authority that waits for its proof of possession until the code's expiry.
    ///
    /// The caller has judged the certificate by [`crate::check_upload`] before it made the record. `authorities_max`
    /// bounds what is pending or verified. An empty name becomes the certificate's subject.
    ///
    /// # Errors
    /// See [`AuthorityError`]; then nothing has changed.
    pub fn add_authority(
        &mut self,
        now_us: i64,
        id: u128,
        name: &str,
        der: &[u8],
        code: &str,
        authorities_max: usize,
    ) -> Result<(), AuthorityError> {
        let certificate = Certificate::parse(der).map_err(AuthorityError::Certificate)?;
        let code = code.parse().map_err(AuthorityError::MalformedCode)?;
        let name = authority_name(name, &certificate)?;
        let current = || self.authorities.values().filter(|known| is_current(known, now_us));
        if let Some(same) = current().find(|known| known.fingerprint() == certificate.fingerprint()) {
            return Err(AuthorityError::Duplicate { name: same.name().to_owned() });
        }
        if self.authorities.contains_key(&id) {
            return Err(AuthorityError::IdInUse);
        }
        if current().count() >= authorities_max {
            return Err(AuthorityError::Quota(authorities_max));
        }
        self.forget_oldest_retired(now_us);
        self.authorities.insert(id, Authority::new(now_us, id, name, certificate, code));
        self.changed_authority(id);
        Ok(())
    }

    /// Records that possession of a pending authority's key was proven with this code, which is used up thereby.
    ///
    /// # Errors
    /// See [`AuthorityError`]; then nothing has changed.
    pub fn verify_authority(&mut self, now_us: i64, id: u128, code: &str) -> Result<(), AuthorityError> {
        let authority = self.authorities.get_mut(&id).ok_or(AuthorityError::Unknown)?;
        let (expected, expires_us) = pending(authority, now_us)?;
        if expected.as_str() != code {
            return Err(AuthorityError::OtherCode);
        }
        if now_us > expires_us {
            return Err(AuthorityError::CodeExpired);
        }
        authority.verify(now_us);
        self.changed_authority(id);
        Ok(())
    }

    /// Gives a pending authority another code in place of its expired one.
    ///
    /// # Errors
    /// See [`AuthorityError`]; a code that is still good stays, so that two who ask at once get the same.
    pub fn renew_code(&mut self, now_us: i64, id: u128, code: &str) -> Result<(), AuthorityError> {
        let code: RegistrationCode = code.parse().map_err(AuthorityError::MalformedCode)?;
        let authority = self.authorities.get_mut(&id).ok_or(AuthorityError::Unknown)?;
        let (_, expires_us) = pending(authority, now_us)?;
        if now_us <= expires_us {
            return Err(AuthorityError::CodeStillGood);
        }
        authority.await_proof(now_us, code);
        self.changed_authority(id);
        Ok(())
    }

    /// Ends the trust in an authority; gives the agents whose live connections must be closed. To revoke it once more
    /// changes nothing. The agents stay, and may come back with a certificate of another authority.
    ///
    /// # Errors
    /// The tenant has no such authority.
    pub fn revoke_authority(&mut self, now_us: i64, id: u128) -> Result<Vec<ClientId>, AuthorityError> {
        let authority = self.authorities.get_mut(&id).ok_or(AuthorityError::Unknown)?;
        if authority.revoked_us().is_some() {
            return Ok(Vec::new());
        }
        authority.revoke(now_us);
        // Its subject can be a link below another authority too.
        let subject = authority.certificate().subject().to_owned();
        self.changed_authority(id);
        let under = |agent: &Agent| agent.credentials().iter().any(|it| it.authority == id || it.issuer == subject);
        Ok(self.agents.iter().filter(|(_, agent)| under(agent)).map(|(client_id, _)| client_id.clone()).collect())
    }

    /// Makes the agent of a verified certificate, if it is not there yet; true if it was made. First connects that race
    /// make one agent.
    ///
    /// # Errors
    /// What was verified has been revoked since; see [`AdmissionError`]. Then nothing has changed.
    pub fn onboard(&mut self, now_us: i64, judgement: &Judgement) -> Result<bool, AdmissionError> {
        self.admit(now_us, judgement)?;
        let created = !self.agents.contains_key(&judgement.client_id);
        let agent = self.agents.entry(judgement.client_id.clone()).or_insert_with(|| Arc::new(Agent::new(now_us)));
        Arc::make_mut(agent).show(now_us, judgement);
        self.dirty_agents.insert(judgement.client_id.clone());
        Ok(created)
    }

    /// Records a connection of an onboarded agent: its credential is added or, if known, seen again.
    ///
    /// # Errors
    /// What was verified has been revoked since, or the agent is not there; see [`AdmissionError`]. Then nothing has
    /// changed.
    pub fn see(&mut self, now_us: i64, judgement: &Judgement) -> Result<(), AdmissionError> {
        self.admit(now_us, judgement)?;
        let agent = self.agents.get_mut(&judgement.client_id).ok_or(AdmissionError::UnknownAgent)?;
        Arc::make_mut(agent).show(now_us, judgement);
        self.dirty_agents.insert(judgement.client_id.clone());
        Ok(())
    }

    /// Lets an agent in no more, whatever it shows; its live connections must be closed. True if it was not revoked yet.
    ///
    /// # Errors
    /// The tenant has no such agent.
    pub fn revoke_agent(&mut self, now_us: i64, client_id: &ClientId) -> Result<bool, AgentError> {
        let agent = self.agents.get_mut(client_id).ok_or(AgentError::Unknown)?;
        if agent.revoked_us.is_some() {
            return Ok(false);
        }
        Arc::make_mut(agent).revoked_us = Some(now_us);
        self.dirty_agents.insert(client_id.clone());
        Ok(true)
    }

    /// Lets a revoked agent in again; true if it was revoked. Credentials that were revoked by themselves stay so.
    ///
    /// # Errors
    /// The tenant has no such agent.
    pub fn restore_agent(&mut self, now_us: i64, client_id: &ClientId) -> Result<bool, AgentError> {
        let agent = self.agents.get_mut(client_id).ok_or(AgentError::Unknown)?;
        if agent.revoked_us.is_none() {
            return Ok(false);
        }
        let agent = Arc::make_mut(agent);
        (agent.revoked_us, agent.restored_us) = (None, Some(now_us));
        self.dirty_agents.insert(client_id.clone());
        Ok(true)
    }

    /// Refuses one certificate of an agent from now on; a live connection made with it must be closed.
    ///
    /// # Errors
    /// No such agent or credential (or it is revoked already), or too many revoked ones; see [`AgentError`].
    pub fn revoke_credential(
        &mut self,
        now_us: i64,
        client_id: &ClientId,
        fingerprint: &Fingerprint,
    ) -> Result<(), AgentError> {
        let agent = self.agents.get_mut(client_id).ok_or(AgentError::Unknown)?;
        if agent.revoked_count(now_us) >= REVOKED_CREDENTIALS_PER_AGENT_MAX {
            return Err(AgentError::TooManyRevoked);
        }
        if !Arc::make_mut(agent).revoke(now_us, fingerprint) {
            return Err(AgentError::UnknownCredential);
        }
        self.dirty_agents.insert(client_id.clone());
        Ok(())
    }

    /// Takes the ids of authorities that changed since the last call; one that is there no more is to be deleted.
    pub fn take_dirty_authorities(&mut self) -> BTreeSet<u128> {
        std::mem::take(&mut self.dirty_authorities)
    }

    /// Takes the agents that changed since the last call.
    pub fn take_dirty_agents(&mut self) -> BTreeSet<ClientId> {
        std::mem::take(&mut self.dirty_agents)
    }

    /// Gives an authority back to the dirty ones, because it could not be written.
    pub fn mark_dirty_authority(&mut self, id: u128) {
        self.dirty_authorities.insert(id);
    }

    /// Gives agents back to the dirty ones, because they could not be written.
    pub fn mark_dirty_agents(&mut self, client_ids: impl IntoIterator<Item = ClientId>) {
        self.dirty_agents.extend(client_ids);
    }

    /// Whether anything is dirty.
    pub fn is_dirty(&self) -> bool {
        !self.dirty_authorities.is_empty() || !self.dirty_agents.is_empty()
    }

    /// A snapshot of all that is needed to judge one claim outside of any lock; two reference counts.
    pub fn trust(&self, claimed: &ClientId) -> TrustSet {
        TrustSet::new(self.tenant.clone(), claimed.clone(), self.anchors.clone(), self.agents.get(claimed).cloned())
    }

    /// Whose registry it is.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// An authority by id.
    pub fn authority(&self, id: u128) -> Option<&Authority> {
        self.authorities.get(&id)
    }

    /// All authorities, in the order of their ids.
    pub fn authorities(&self) -> impl Iterator<Item = &Authority> {
        self.authorities.values()
    }

    /// An agent by client id.
    pub fn agent(&self, client_id: &ClientId) -> Option<&Agent> {
        self.agents.get(client_id).map(Arc::as_ref)
    }

    /// All agents, in the order of their client ids.
    pub fn agents(&self) -> impl Iterator<Item = (&ClientId, &Agent)> {
        self.agents.iter().map(|(id, agent)| (id, agent.as_ref()))
    }

    /// The agents that have a credential of this authority. It looks at all agents.
    pub fn agents_of(&self, authority: u128) -> impl Iterator<Item = &ClientId> {
        let has = move |agent: &Agent| agent.credentials().iter().any(|known| known.authority == authority);
        self.agents.iter().filter(move |(_, agent)| has(agent)).map(|(id, _)| id)
    }

    fn admit(&self, now_us: i64, judgement: &Judgement) -> Result<(), AdmissionError> {
        if judgement.client_id.tenant() != self.tenant {
            return Err(AdmissionError::OtherTenant);
        }
        let authority = self.authorities.get(&judgement.authority);
        if authority.map(|authority| authority.status(now_us)) != Some(AuthorityStatus::Verified) {
            return Err(AdmissionError::AuthorityNotTrusted);
        }
        let Some(agent) = self.agents.get(&judgement.client_id) else { return Ok(()) };
        if agent.revoked_us.is_some() {
            return Err(AdmissionError::AgentRevoked);
        }
        match agent.certificate_revoked_us(judgement) {
            Some(_) => Err(AdmissionError::CredentialRevoked),
            None => Ok(()),
        }
    }

    // The expired go first: a revoked one still keeps its key from being a link below another authority.
    fn forget_oldest_retired(&mut self, now_us: i64) {
        let retired = self.authorities.values().filter(|known| !is_current(known, now_us));
        if retired.clone().count() >= RETIRED_AUTHORITIES_MAX
            && let Some(oldest) =
                retired.min_by_key(|it| (it.certificate().not_after_us() >= now_us, it.created_us())).map(Authority::id)
        {
            self.authorities.remove(&oldest);
            self.changed_authority(oldest);
        }
    }

    fn changed_authority(&mut self, id: u128) {
        self.dirty_authorities.insert(id);
        self.prepare_anchors();
    }

    fn prepare_anchors(&mut self) {
        self.anchors = self.authorities.values().filter_map(Anchor::new).collect();
    }
}

/// Whether an authority counts against the quota.
fn is_current(authority: &Authority, now_us: i64) -> bool {
    matches!(authority.status(now_us), AuthorityStatus::PendingVerification | AuthorityStatus::Verified)
}

fn pending(authority: &Authority, now_us: i64) -> Result<(&RegistrationCode, i64), AuthorityError> {
    match (authority.status(now_us), authority.registration_code()) {
        (AuthorityStatus::PendingVerification, Some(code)) => Ok(code),
        (status, _) => Err(AuthorityError::NotPending(status)),
    }
}

fn authority_name(name: &str, certificate: &Certificate) -> Result<String, AuthorityError> {
    let name = name.trim();
    // A subject may be longer than the names that people give.
    if name.is_empty() || name == certificate.subject() {
        return Ok(certificate.subject().to_owned());
    }
    if name.chars().any(char::is_control) || name.chars().nth(AUTHORITY_NAME_LENGTH_MAX).is_some() {
        return Err(AuthorityError::Name);
    }
    Ok(name.to_owned())
}

/// Why a command about an authority was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityError {
    /// No such authority in this tenant.
    #[error("there is no such authority")]
    Unknown,
    /// The certificate does not parse.
    #[error("{0}")]
    Certificate(CertificateError),
    /// The same certificate is an authority of the tenant already.
    #[error("this certificate is an authority already: {name}")]
    Duplicate {
        /// Name of the other.
        name: String,
    },
    /// The id is taken.
    #[error("the authority's id is in use")]
    IdInUse,
    /// The tenant has as many as it may have.
    #[error("a tenant may have {0} authorities; revoke one that is no longer needed")]
    Quota(usize),
    /// A name that is too long or has control characters.
    #[error("an authority's name has at most {AUTHORITY_NAME_LENGTH_MAX} characters and no control characters")]
    Name,
    /// Not a code.
    #[error("{0}")]
    MalformedCode(MalformedCode),
    /// It waits for no proof.
    #[error("the authority is {0}; only a pending one has a registration code")]
    NotPending(AuthorityStatus),
    /// The code has been replaced.
    #[error("this is not the authority's registration code")]
    OtherCode,
    /// The code is too old.
    #[error("the registration code has expired; ask for the code again to get a new one")]
    CodeExpired,
    /// There is no need for a new code.
    #[error("the registration code is still good")]
    CodeStillGood,
}

/// Why a verified certificate is not let in after all, when its record is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdmissionError {
    /// The certificate was verified against another tenant.
    #[error("the certificate was verified for another tenant")]
    OtherTenant,
    /// Its authority was revoked, or has expired.
    #[error("the certificate's authority is no longer trusted")]
    AuthorityNotTrusted,
    /// The agent was revoked.
    #[error("the agent is revoked")]
    AgentRevoked,
    /// The certificate was revoked.
    #[error("the certificate is revoked")]
    CredentialRevoked,
    /// The agent was never onboarded.
    #[error("there is no such agent")]
    UnknownAgent,
}

/// Why a command about an agent was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgentError {
    /// No such agent in this tenant.
    #[error("there is no such agent")]
    Unknown,
    /// The agent has no such credential that is not revoked yet.
    #[error("the agent has no such credential, or it is revoked already")]
    UnknownCredential,
    /// [`REVOKED_CREDENTIALS_PER_AGENT_MAX`] are reached.
    #[error(
        "{REVOKED_CREDENTIALS_PER_AGENT_MAX} unexpired certificates of the agent are revoked already; revoke the agent"
    )]
    TooManyRevoked,
}
