//! A tenant's state as independently written parts: what a checkpoint writes and a restart reads.
//!
//! | key | content (postcard) |
//! |---|---|
//! | `tenant/` | creation time, [`Limits`] |
//! | `authority/<id, 32 hex>` | `identity::Authority` |
//! | `agent/<client id>` | `identity::Agent`: credentials and revocation |
//! | `status/<client id>` | [`Status`] |
//! | `heads/<client id>` | data points with their unsealed samples, by name |
//! | `session/<face>/<client id>` | `broker::Session` |

use std::collections::BTreeMap;

use broker::{Face, Session, SessionKey};
use identity::{ClientId, Registry, TenantId};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::agent::{Agent, Status};
use crate::series::Series;
use crate::tenant::{Limits, Tenant};
use crate::{Checkpoint, Part};

impl Tenant {
    /// Rebuilds a tenant from the parts that checkpoints left, as of the log position `position`.
    ///
    /// `projected` is the position of the last record whose rows are in SQL.
    ///
    /// # Errors
    /// A part that does not parse, by key.
    pub fn restore(
        id: TenantId,
        limits: Limits,
        position: u64,
        projected: u64,
        parts: impl IntoIterator<Item = (String, Vec<u8>)>,
    ) -> Result<Tenant, ImageError> {
        let mut tenant = Tenant::new(id, limits);
        (tenant.applied, tenant.projected) = (position, projected);
        let mut authorities = Vec::new();
        let mut credentials = Vec::new();
        let mut heads = BTreeMap::new();
        for (key, bytes) in parts {
            let unknown = || ImageError::UnknownPart(key.clone());
            match key.split_once('/').ok_or_else(unknown)? {
                ("tenant", "") => {
                    let (created_us, limits) = decode(&key, &bytes)?;
                    tenant.created_us = created_us;
                    tenant.set_limits(limits);
                }
                ("authority", _) => authorities.push(decode(&key, &bytes)?),
                ("agent", name) => credentials.push((client_id(&key, name)?, decode(&key, &bytes)?)),
                ("status", name) => {
                    let status: Status = decode(&key, &bytes)?;
                    tenant.agents.insert(client_id(&key, name)?, Agent { status, series: Default::default() });
                }
                ("heads", name) => {
                    let series: Vec<(String, Series)> = decode(&key, &bytes)?;
                    heads.insert(client_id(&key, name)?, series);
                }
                ("session", name) => {
                    let (face, client_id) = name.split_once('/').ok_or_else(unknown)?;
                    let face = [Face::Eu1, Face::Hub, Face::App].into_iter().find(|known| known.to_string() == face);
                    let key_ = SessionKey { face: face.ok_or_else(unknown)?, client_id: client_id.to_owned() };
                    tenant.broker.restore(key_, decode::<Session>(&key, &bytes)?);
                }
                _ => return Err(unknown()),
            }
        }
        for (client_id, series) in heads {
            if let Some(agent) = tenant.agents.get_mut(&client_id) {
                agent.series = series.into_iter().collect();
            }
        }
        tenant.is_new = false;
        tenant.registry = Registry::restore(tenant.id.clone(), authorities, credentials);
        tenant.seal_at_us = tenant.agents.values().filter_map(Agent::seal_at_us).min();
        Ok(tenant)
    }

    /// Takes the parts that changed since the last checkpoint, and the chunks sealed since.
    ///
    /// Follow it by `checkpointed` when it is written, by `checkpoint_failed` when it could not be.
    pub fn checkpoint(&mut self) -> Checkpoint {
        let authorities = self.registry.take_dirty_authorities();
        let credentials = self.registry.take_dirty_agents();
        let agents = std::mem::take(&mut self.dirty_agents);
        let sessions = self.broker.take_dirty();
        let is_new = std::mem::take(&mut self.is_new);
        let mut parts: Vec<_> = is_new.then(|| self.tenant_part()).into_iter().collect();
        parts.extend(authorities.into_iter().map(|id| self.authority_part(id)));
        parts.extend(credentials.iter().map(|client_id| self.credentials_part(client_id)));
        parts.extend(agents.iter().flat_map(|client_id| self.agent_parts(client_id)));
        parts.extend(sessions.iter().map(|key| self.session_part(key)));
        Checkpoint { position: self.applied, parts, chunks: self.sealed.clone() }
    }

    /// Every part, in the order of the keys of each kind: two tenants with the same state have the same image.
    pub fn image(&self) -> Vec<Part> {
        let mut parts = vec![self.tenant_part()];
        parts.extend(self.registry.authorities().map(|authority| self.authority_part(authority.id())));
        parts.extend(self.registry.agents().map(|(client_id, _)| self.credentials_part(client_id)));
        parts.extend(self.agents.keys().flat_map(|client_id| self.agent_parts(client_id)));
        parts.extend(self.broker.sessions().map(|(key, _)| self.session_part(key)));
        parts
    }

    /// The checkpoint is in the store: its chunks are read from there now.
    pub fn checkpointed(&mut self, checkpoint: &Checkpoint) {
        self.sealed.drain(..checkpoint.chunks.len());
    }

    /// The checkpoint could not be written: the next one has its parts again.
    pub fn checkpoint_failed(&mut self, checkpoint: &Checkpoint) {
        for part in &checkpoint.parts {
            let Some((kind, name)) = part.key.split_once('/') else { continue };
            match kind {
                "tenant" => self.is_new = true,
                "authority" => self.registry.mark_dirty_authority(u128::from_str_radix(name, 16).unwrap_or_default()),
                "agent" => self.registry.mark_dirty_agents(name.parse().ok()),
                "status" => self.dirty_agents.extend(name.parse::<ClientId>().ok()),
                "session" => {
                    let faces = [Face::Eu1, Face::Hub, Face::App].into_iter();
                    let key = faces.filter_map(|face| Some((face, name.strip_prefix(&format!("{face}/"))?)));
                    self.broker.mark_dirty(key.map(|(face, id)| SessionKey { face, client_id: id.to_owned() }));
                }
                _ => {}
            }
        }
    }

    /// Whether a checkpoint would write anything.
    pub fn is_dirty(&self) -> bool {
        let parts = !self.dirty_agents.is_empty() || self.registry.is_dirty() || self.broker.is_dirty();
        self.is_new || !self.sealed.is_empty() || parts
    }

    fn tenant_part(&self) -> Part {
        Part { key: "tenant/".to_owned(), value: Some(encode(&(self.created_us, self.limits))) }
    }

    fn authority_part(&self, id: u128) -> Part {
        Part { key: format!("authority/{id:032x}"), value: self.registry.authority(id).map(encode) }
    }

    fn credentials_part(&self, client_id: &ClientId) -> Part {
        Part { key: format!("agent/{client_id}"), value: self.registry.agent(client_id).map(encode) }
    }

    fn agent_parts(&self, client_id: &ClientId) -> [Part; 2] {
        let agent = self.agents.get(client_id);
        [
            Part { key: format!("status/{client_id}"), value: agent.map(|agent| encode(&agent.status)) },
            Part { key: format!("heads/{client_id}"), value: agent.map(heads) },
        ]
    }

    fn session_part(&self, key: &SessionKey) -> Part {
        Part { key: format!("session/{key}"), value: self.broker.session(key).map(encode) }
    }
}

fn heads(agent: &Agent) -> Vec<u8> {
    let mut series: Vec<_> = agent.series.iter().collect();
    series.sort_unstable_by_key(|(name, _)| *name);
    encode(&series)
}

fn client_id(key: &str, name: &str) -> Result<ClientId, ImageError> {
    name.parse().map_err(|_| ImageError::UnknownPart(key.to_owned()))
}

fn encode<T: Serialize>(part: &T) -> Vec<u8> {
    postcard::to_stdvec(part).expect("a part is plain data, and a Vec takes any number of bytes")
}

fn decode<T: DeserializeOwned>(key: &str, bytes: &[u8]) -> Result<T, ImageError> {
    postcard::from_bytes(bytes).map_err(|cause| ImageError::Malformed { key: key.to_owned(), cause })
}

/// Why an image cannot be read: it is a newer version's, or it is damaged.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// A key that this version does not know.
    #[error("the image has a part {0:?} that this version of dinrail does not know")]
    UnknownPart(String),
    /// A part that does not parse.
    #[error("the image's part {key:?} does not parse: {cause}")]
    Malformed {
        /// The part.
        key: String,
        /// Why.
        cause: postcard::Error,
    },
}
