//! What the broker remembers of one client, on one face.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Queue;

/// The dialect a session was made on. Each face of an agent has a session of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Face {
    /// The MindConnect MQTT broker.
    Eu1,
    /// The device hub behind the provisioning service.
    Hub,
    /// An application of the tenant.
    App,
}

/// Names a session within its tenant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionKey {
    /// The dialect.
    pub face: Face,
    /// The MQTT client identifier.
    pub client_id: String,
}

/// A granted subscription's options [MQTT-3.8.3].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// The granted QoS, 0 to 2.
    pub qos: u8,
    /// Keep the publisher's RETAIN flag.
    pub retain_as_published: bool,
    /// Subscription Identifier of version 5.
    pub identifier: Option<u32>,
}

/// Session state as MQTT defines it [MQTT-4.1], and who holds it now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// The live connection: the log position of its CONNECT.
    pub epoch: Option<u64>,
    /// Seconds that the session outlives its connection; `u32::MAX` is for ever.
    pub expiry_s: u32,
    /// When an absent session ends, microseconds since the Unix epoch.
    pub expires_us: Option<i64>,
    /// By topic filter.
    pub subscriptions: BTreeMap<String, Subscription>,
    /// Messages that wait, or wait for their acknowledgement.
    pub queue: Queue,
    /// Packet ids of QoS 2 publishes from the client that are not yet released [MQTT-4.3.3].
    pub unreleased: BTreeSet<u16>,
}

impl SessionKey {
    /// The session of an agent on the MindConnect broker.
    pub fn eu1(client_id: impl Into<String>) -> SessionKey {
        SessionKey { face: Face::Eu1, client_id: client_id.into() }
    }
}

impl Session {
    /// Whether the session outlives its connection.
    pub fn is_persistent(&self) -> bool {
        self.expiry_s > 0
    }

    /// Log positions of the messages it waits for.
    pub fn queued(&self) -> impl Iterator<Item = u64> + '_ {
        self.queue.positions()
    }
}

impl fmt::Display for Face {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Face::Eu1 => "eu1",
            Face::Hub => "hub",
            Face::App => "app",
        })
    }
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.face, self.client_id)
    }
}
