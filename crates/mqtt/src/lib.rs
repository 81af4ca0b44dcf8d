//! MQTT 3.1.1 and 5: the packets, their codec, and the server's side of one connection's protocol.
//!
//! Nothing here does IO, reads a clock or spawns a task: bytes and times come in as arguments, events and bytes go out.
//!
//! - [`Packet`] is the codec: every control packet, both ways, for both versions. A client or a simulator needs no more.
//! - [`Connection`] is the server's side of one network connection: it takes bytes and gives an [`Event`] for each
//!   packet that is whole, well-formed and allowed; it writes the answers its caller decides upon.
//!
//! The version is a parameter, not a second tree: where 3.1.1 and 5 differ, the packet's file says so. Statements of the
//! standard are cited by the numbers of version 5 (`[MQTT-3.1.0-1]`); the few that only 3.1.1 has are marked.
//!
//! How input is judged, everywhere alike:
//!
//! - The frame comes first. A packet is parsed inside its own Remaining Length, by a cursor that cannot leave it; a size
//!   that is refused is refused from the fixed header, before the body is there.
//! - Nothing is allocated by a number the peer wrote. Payloads and strings are borrowed from the input.
//! - A string is well-formed UTF-8 without U+0000, or the packet is malformed. U+FEFF is kept. Control characters and
//!   non-characters, which the standard leaves to the receiver, are accepted in every field: a name that must not have
//!   them (tenant, client id) is judged by those who give it a meaning.
//! - [`ProtocolError`] names the packet, the field and the rule.

mod acknowledgement;
mod auth;
mod connack;
mod connect;
mod connection;
mod cursor;
mod disconnect;
mod error;
mod field;
mod fixed_header;
mod flow;
mod keep_alive;
mod limits;
mod packet;
mod properties;
mod property;
mod publish;
mod qos;
mod reason_code;
mod suback;
mod subscribe;
mod topic;
mod unsuback;
mod unsubscribe;
mod version;
mod writer;

pub use acknowledgement::Ack;
pub use auth::Auth;
pub use connack::{Accept, Connack, ConnectRefusal};
pub use connect::{Connect, Will};
pub use connection::{Connection, Event, Timeout};
pub use disconnect::Disconnect;
pub use error::ProtocolError;
pub use fixed_header::{PacketType, REMAINING_LENGTH_MAX};
pub use limits::Limits;
pub use packet::Packet;
pub use properties::{Properties, USER_PROPERTIES_MAX};
pub use property::{Property, PropertyId, Value};
pub use publish::{OutgoingPublish, Publish};
pub use qos::{InvalidQoS, QoS};
pub use reason_code::{ReasonCode, UnknownReasonCode};
pub use suback::Suback;
pub use subscribe::{FILTERS_MAX, RetainHandling, Subscribe, Subscription, SubscriptionOptions};
pub use topic::{TopicFilter, TopicFilterError, TopicName, TopicNameError};
pub use unsuback::Unsuback;
pub use unsubscribe::Unsubscribe;
pub use version::{Sender, Version};
pub use writer::TooLarge;
