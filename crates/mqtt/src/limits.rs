//! What one connection may cost, and what it is offered.

use std::time::Duration;

use crate::qos::QoS;

/// What a PUBLISH can need beside its payload: a topic of 65,535 bytes behind its length, and a packet id.
const PUBLISH_OVERHEAD: usize = 65_539;

/// The bounds of a connection, and what the server offers on it. The defaults are those of an agent of EU1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the largest CONNECT. Whoever sends one is nobody yet.
    pub connect_size_max: usize,
    /// Time from the begin of the connection until its CONNECT is whole.
    pub connect_time: Duration,
    /// Bytes of the largest message payload.
    pub payload_max: usize,
    /// Messages of QoS 1 and 2 that the client may send before any is acknowledged: Receive Maximum. In 3.1.1, which has
    /// no such thing, no more is taken until some are.
    pub receive_maximum: u16,
    /// The highest QoS at which the client may publish: Maximum QoS.
    pub qos_max: QoS,
    /// The most `/` in a topic name or filter.
    pub topic_slashes_max: usize,
    /// How long a client with Keep Alive 0 may be silent; none is for ever. A client of version 5 is given the Server Keep
    /// Alive that ends at the same time.
    pub idle_max: Option<Duration>,
    /// Retained messages are kept: Retain Available. Where they are not, a PUBLISH with RETAIN is taken all the same,
    /// for clients of the field set it without asking; it counts as one without.
    pub retain_available: bool,
    /// Subscriptions may have wildcards: Wildcard Subscription Available. The caller refuses the filter of a client that
    /// does not heed it (0xA2); so it does with shared ones (0x9E).
    pub wildcard_subscriptions_available: bool,
    /// Messages are sent with the Subscription Identifiers that they match: Subscription Identifier Available. Where they
    /// are not, a SUBSCRIBE with one ends the connection, as the standard asks.
    pub subscription_identifiers_available: bool,
    /// Subscriptions may be shared: Shared Subscription Available.
    pub shared_subscriptions_available: bool,
}

impl Limits {
    /// Bytes of the largest packet: Maximum Packet Size.
    pub fn packet_size_max(&self) -> usize {
        self.payload_max.saturating_add(PUBLISH_OVERHEAD)
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connect_size_max: 16 << 10,
            connect_time: Duration::from_secs(10),
            payload_max: 128 << 10,
            receive_maximum: 100,
            qos_max: QoS::ExactlyOnce,
            topic_slashes_max: 7,
            // 1.5 times a Keep Alive of 1,178 s. Azure IoT Hub waits no longer for anybody.
            idle_max: Some(Duration::from_secs(1_767)),
            retain_available: false,
            wildcard_subscriptions_available: true,
            subscription_identifiers_available: false,
            shared_subscriptions_available: false,
        }
    }
}
