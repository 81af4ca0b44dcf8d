//! The records of the log: everything that changes a tenant, as bytes.
//!
//! The form is one version byte, then the postcard encoding of [`Record`] (docs/disk-format.md). Variants and
//! fields are only ever added at the end of the enum; any other change is a new version byte with its own reader.

use std::borrow::Cow;

use broker::{Face, SessionKey, Subscription};
use identity::Judgement;
use ingest::{Finding, Row};
use serde::{Deserialize, Serialize};

use crate::Limits;

/// The only version so far.
const VERSION: u8 = 1;

/// One change of one tenant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Record<'a> {
    /// The first record of a tenant.
    TenantCreated(Change<'a>),
    /// A CA was uploaded and waits for its proof of possession.
    AuthorityAdded {
        /// Who and when.
        #[serde(borrow)]
        change: Change<'a>,
        /// The new authority's id.
        authority: u128,
        /// A name for people.
        name: Cow<'a, str>,
        /// The certificate.
        der: Cow<'a, [u8]>,
        /// Registration code, 32 hex digits.
        code: Cow<'a, str>,
    },
    /// The proof of possession was given.
    AuthorityVerified {
        /// Who and when.
        #[serde(borrow)]
        change: Change<'a>,
        /// The authority.
        authority: u128,
        /// The code that the proof was made with.
        code: Cow<'a, str>,
    },
    /// A pending authority got a new code in place of an expired one.
    CodeRenewed {
        /// Who and when.
        #[serde(borrow)]
        change: Change<'a>,
        /// The authority.
        authority: u128,
        /// The new code.
        code: Cow<'a, str>,
    },
    /// A CA is no longer trusted.
    AuthorityRevoked {
        /// Who and when.
        #[serde(borrow)]
        change: Change<'a>,
        /// The authority.
        authority: u128,
    },
    /// A first connect.
    AgentOnboarded {
        /// The verified certificate.
        judgement: Judgement,
        /// When.
        at_us: i64,
    },
    /// An agent is no longer let in.
    AgentRevoked {
        /// Who and when.
        #[serde(borrow)]
        change: Change<'a>,
        /// Client id.
        agent: Cow<'a, str>,
    },
    /// A revoked agent is let in again.
    AgentRestored {
        /// Who and when.
        #[serde(borrow)]
        change: Change<'a>,
        /// Client id.
        agent: Cow<'a, str>,
    },
    /// A CONNECT; its position is the connection's epoch.
    Connected(#[serde(borrow)] Connected<'a>),
    /// The end of a connection.
    Disconnected {
        /// Whose.
        #[serde(borrow)]
        connection: Connection<'a>,
        /// A new Session Expiry Interval that came with DISCONNECT, seconds.
        expiry_s: Option<u32>,
        /// Stable code of an end that is the client's fault, as `packet_too_large`.
        fault: Option<Cow<'a, str>>,
        /// When.
        at_us: i64,
    },
    /// A SUBSCRIBE, without the filters that were refused before.
    Subscribed {
        /// Whose.
        #[serde(borrow)]
        connection: Connection<'a>,
        /// Filters with what is granted.
        filters: Vec<(Cow<'a, str>, Subscription)>,
    },
    /// An UNSUBSCRIBE.
    Unsubscribed {
        /// Whose.
        #[serde(borrow)]
        connection: Connection<'a>,
        /// Filters.
        filters: Vec<Cow<'a, str>>,
    },
    /// A PUBLISH of an agent.
    Published(#[serde(borrow)] Published<'a>),
    /// PUBREL for an incoming QoS 2 message.
    Released {
        /// Whose.
        #[serde(borrow)]
        connection: Connection<'a>,
        /// The id.
        packet_id: u16,
    },
    /// PUBACKs for deliveries to the client.
    Acknowledged {
        /// Whose.
        #[serde(borrow)]
        connection: Connection<'a>,
        /// The ids.
        packet_ids: Vec<u16>,
    },
    /// A message to an agent.
    Sent {
        /// Who and when.
        #[serde(borrow)]
        change: Change<'a>,
        /// Topic name.
        topic: Cow<'a, str>,
        /// Application message.
        payload: Cow<'a, [u8]>,
        /// 0 or 1.
        qos: u8,
    },
    /// The server started: no connection of before lives.
    Restarted {
        /// When.
        at_us: i64,
    },
    /// Time passed: sessions expire, heads are sealed.
    Timeout {
        /// Now.
        now_us: i64,
    },
    /// Other bounds hold from here on. They come with a record so that what was taken under the old ones is taken again
    /// when the log is applied again.
    LimitsSet {
        /// The new bounds.
        limits: Limits,
        /// When.
        at_us: i64,
    },
}

/// Who changed something, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change<'a> {
    /// `operator`, `token:<id>`, `system`.
    pub actor: Cow<'a, str>,
    /// Microseconds since the Unix epoch.
    pub at_us: i64,
}

/// Names a connection of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection<'a> {
    /// The dialect.
    pub face: Face,
    /// Client id.
    #[serde(borrow)]
    pub client_id: Cow<'a, str>,
    /// Position of its CONNECT.
    pub epoch: u64,
}

/// A CONNECT of a known agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connected<'a> {
    /// The dialect.
    pub face: Face,
    /// Client id.
    pub client_id: Cow<'a, str>,
    /// The credential that was shown.
    pub judgement: Judgement,
    /// Begin with an empty session.
    pub clean_start: bool,
    /// Seconds that the session outlives its connection.
    pub expiry_s: u32,
    /// The client's Receive Maximum.
    pub receive_maximum: u16,
    /// Where from, for people.
    pub address: Cow<'a, str>,
    /// When.
    pub at_us: i64,
}

/// A PUBLISH: the bytes as they came, and what they were read as. So to apply it again never decodes again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Published<'a> {
    /// Whose.
    #[serde(borrow)]
    pub connection: Connection<'a>,
    /// None at QoS 0.
    pub packet_id: Option<u16>,
    /// 0 to 2.
    pub qos: u8,
    /// Arrival, microseconds since the Unix epoch.
    pub received_us: i64,
    /// Topic as sent.
    #[serde(borrow)]
    pub topic: Cow<'a, str>,
    /// Application message as sent.
    #[serde(borrow, with = "payload")]
    pub payload: Cow<'a, [u8]>,
    /// `ingest::DECODER_GENERATION` of the code that made rows and findings.
    pub decoder: u16,
    /// The accepted values.
    #[serde(borrow)]
    pub rows: Vec<Row<'a>>,
    /// What there is to say of the others.
    pub findings: Vec<Finding>,
}

impl<'a> Record<'a> {
    /// Appends the record's bytes.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_extend(self, vec![VERSION]).expect("a record is plain data, and a Vec takes any number of bytes")
    }

    /// Reads a record; it borrows from the bytes.
    pub fn decode(bytes: &'a [u8]) -> Result<Record<'a>, RecordError> {
        match bytes.split_first() {
            Some((&VERSION, body)) => postcard::from_bytes(body).map_err(RecordError::Malformed),
            Some((version, _)) => Err(RecordError::Version(*version)),
            None => Err(RecordError::Empty),
        }
    }
}

impl Connection<'_> {
    /// The session of the connection.
    pub fn session(&self) -> SessionKey {
        SessionKey { face: self.face, client_id: self.client_id.clone().into_owned() }
    }
}

/// Why bytes are no record. They came through the log's checksum, so it is another program's log, or a newer one's.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// No bytes.
    #[error("the record is empty")]
    Empty,
    /// Made by a newer dinrail.
    #[error("record version {0} is not known here; a newer dinrail wrote it")]
    Version(u8),
    /// The body does not parse.
    #[error("the record does not parse: {0}")]
    Malformed(postcard::Error),
}

/// Borrowed bytes: serde's own form of `Cow<[u8]>` is a sequence, element by element.
mod payload {
    use std::borrow::Cow;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'a, [u8]>, D::Error> {
        <&'a [u8]>::deserialize(deserializer).map(Cow::Borrowed)
    }
}
