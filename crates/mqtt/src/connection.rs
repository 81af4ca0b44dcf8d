//! The server's side of one network connection: which packet may come when, and what is answered.

mod answers;

use std::time::Duration;

use crate::acknowledgement::Ack;
use crate::connect::{self, Connect};
use crate::disconnect::Disconnect;
use crate::error::{ProtocolError, Rule};
use crate::fixed_header::{FixedHeader, PacketType};
use crate::flow::Flow;
use crate::keep_alive::KeepAlive;
use crate::limits::Limits;
use crate::packet::Packet;
use crate::publish::Publish;
use crate::subscribe::Subscribe;
use crate::topic::{TopicFilterError, TopicName};
use crate::unsubscribe::Unsubscribe;
use crate::version::{Sender, Version};

/// Bytes of a CONNECT's body that tell its version: Protocol Name and level.
const VERSION_LENGTH: usize = 7;

/// The protocol state of one connection.
///
/// Whoever drives it
/// 1. gives what comes to [`handle_input`](Self::handle_input), until that says that more bytes are needed, and acts on
///    each event;
/// 2. decides on [`Event::Connect`] with [`accept`](Self::accept) or [`refuse`](Self::refuse); what came behind the
///    CONNECT waits in the input until then;
/// 3. answers each PUBLISH of QoS 1 and 2, PUBREL, SUBSCRIBE and UNSUBSCRIBE with exactly one call;
/// 4. writes what is in [`transmit`](Self::transmit) to the socket, and empties it;
/// 5. reads the socket only while [`may_read`](Self::may_read), and says with [`suspend`](Self::suspend) and
///    [`resume`](Self::resume) when it does not;
/// 6. calls [`handle_timeout`](Self::handle_timeout) at [`poll_timeout`](Self::poll_timeout);
/// 7. at an error calls [`fail`](Self::fail), writes what is left, and closes.
///
/// `now` is the time since any fixed moment, the same in all calls.
///
/// Before [`accept`](Self::accept) and after the end nothing but CONNACK is ever written, so an answer that comes too late
/// is not sent. Topic Alias Maximum is 0: a client that uses an alias all the same is told 0x94.
///
/// ```
/// use std::time::Duration;
///
/// use dinrail_mqtt::{Accept, Connection, Event, Limits, ReasonCode};
///
/// let mut connection = Connection::new(Limits::default(), Duration::ZERO);
/// // A CONNECT of 3.1.1, and a PUBLISH of QoS 1 that did not wait for the CONNACK.
/// let mut input = &b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a\x32\x07\x00\x01t\x00\x09hi"[..];
/// while let Some(event) = connection.handle_input(Duration::ZERO, &mut input)? {
///     match event {
///         Event::Connect(_) => connection.accept(Accept::default()),
///         Event::Publish(publish) => connection.puback(publish.packet_id.unwrap_or(0), ReasonCode::Success, None),
///         _ => {}
///     }
/// }
/// assert_eq!(connection.transmit(), b"\x20\x02\x00\x00\x40\x02\x00\x09");
/// # Ok::<(), dinrail_mqtt::ProtocolError>(())
/// ```
#[derive(Debug)]
pub struct Connection {
    limits: Limits,
    version: Version,
    client: Client,
    state: State,
    output: Vec<u8>,
}

/// What is to happen next.
#[derive(Debug)]
enum State {
    /// The first packet has to be a CONNECT, and whole by then.
    ExpectConnect {
        deadline: Duration,
    },
    /// A CONNECT came at this time, and is not answered.
    Deciding {
        heard: Duration,
    },
    Connected {
        keep_alive: KeepAlive,
        flow: Flow,
    },
    /// A DISCONNECT came, or the last packet is written.
    Closed,
}

/// What a client said of itself in its CONNECT.
#[derive(Debug)]
struct Client {
    keep_alive: u16,
    packet_size_max: usize,
    /// Acknowledgements may carry a Reason String.
    wants_reasons: bool,
    /// The session outlives the connection.
    session_stays: bool,
}

/// A packet that came, is well-formed, and allowed in this state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// To be answered with [`Connection::accept`] or [`Connection::refuse`].
    Connect(Connect<'a>),
    /// At QoS 1 to be answered with [`Connection::puback`], at QoS 2 with [`Connection::pubrec`].
    Publish(Publish<'a>),
    /// The client has a message of QoS 1. The id may be one that is not under way.
    Puback(Ack<'a>),
    /// The client has a message of QoS 2; to be answered with [`Connection::pubrel`], with 0x92 if its id is unknown
    /// [MQTT-4.3.3-4]. A reason code of failure ends the delivery instead.
    Pubrec(Ack<'a>),
    /// The client forgets a message of QoS 2; to be answered with [`Connection::pubcomp`], with 0x92 if its id is unknown.
    Pubrel(Ack<'a>),
    /// The client has forgotten a message of QoS 2. The id may be one that is not under way.
    Pubcomp(Ack<'a>),
    /// To be answered with [`Connection::suback`].
    Subscribe(Subscribe<'a>),
    /// To be answered with [`Connection::unsuback`].
    Unsubscribe(Unsubscribe<'a>),
    /// A PINGREQ; the PINGRESP is written already.
    Ping,
    /// The client leaves; nothing that follows is read [MQTT-3.14.4-1].
    Disconnect(Disconnect<'a>),
}

/// A client was too slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timeout {
    /// Its CONNECT was not whole in time.
    Connect,
    /// It was silent for longer than its Keep Alive allows.
    KeepAlive,
}

impl From<Timeout> for ProtocolError {
    fn from(timeout: Timeout) -> ProtocolError {
        ProtocolError::without_packet(match timeout {
            Timeout::Connect => Rule::ConnectTimeout,
            Timeout::KeepAlive => Rule::KeepAliveTimeout,
        })
    }
}

impl Connection {
    /// A connection that begins now.
    pub fn new(limits: Limits, now: Duration) -> Connection {
        let deadline = now.saturating_add(limits.connect_time);
        let client = Client { keep_alive: 0, packet_size_max: usize::MAX, wants_reasons: true, session_stays: false };
        let state = State::ExpectConnect { deadline };
        Connection { limits, version: Version::V311, client, state, output: Vec::new() }
    }

    /// The version that the client speaks; 3.1.1 until it has said so.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Bytes to be written to the socket. Whoever writes them empties it.
    pub fn transmit(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// Whether there is room for what the client may send next. Without it, nothing is taken off the input either.
    pub fn may_read(&self) -> bool {
        match &self.state {
            State::ExpectConnect { .. } => true,
            State::Connected { flow, .. } => flow.has_room(),
            State::Deciding { .. } | State::Closed => false,
        }
    }

    /// Takes at most one packet off the input. None: a packet is not whole yet, or nothing is taken now (a CONNECT is not
    /// answered, there is no room, the connection has ended).
    ///
    /// # Errors
    /// The first packet of the input is malformed or forbidden. It stays there, so the same call fails again.
    pub fn handle_input<'a>(
        &mut self,
        now: Duration,
        input: &mut &'a [u8],
    ) -> Result<Option<Event<'a>>, ProtocolError> {
        let bytes = *input;
        let Some(first) = bytes.first() else { return Ok(None) };
        if !self.may_read() {
            return Ok(None);
        }
        self.expect(PacketType::of(*first))?;
        let Some(header) = FixedHeader::decode(self.version, bytes)? else { return Ok(None) };
        if header.packet_type == PacketType::Connect {
            self.hear_version(&header, bytes)?;
        } else if header.packet_length() > self.limits.packet_size_max() {
            return Err(ProtocolError::new(header.packet_type, Rule::PacketTooLarge));
        }
        let Some(body) = header.body(bytes) else { return Ok(None) };
        let packet = Packet::decode_body(self.version, Sender::Client, &header, body)?;
        let event = self.take(now, packet).map_err(|rule| ProtocolError::new(header.packet_type, rule))?;
        if let State::Connected { keep_alive, .. } = &mut self.state {
            keep_alive.hear(now);
        }
        *input = &bytes[header.packet_length()..];
        Ok(Some(event))
    }

    /// Judges a packet by its type alone.
    fn expect(&self, packet_type: Option<PacketType>) -> Result<(), ProtocolError> {
        let Some(packet_type) = packet_type else {
            let is_first = matches!(self.state, State::ExpectConnect { .. });
            let rule = if is_first { Rule::FirstPacketNotConnect } else { Rule::ReservedPacketType };
            return Err(ProtocolError::without_packet(rule));
        };
        let rule = match (&self.state, packet_type) {
            (State::ExpectConnect { .. }, PacketType::Connect) => None,
            (State::ExpectConnect { .. }, _) => Some(Rule::FirstPacketNotConnect),
            (_, PacketType::Connect) => Some(Rule::SecondConnect),
            (_, PacketType::Auth) if self.version == Version::V5 => Some(Rule::AuthWithoutMethod),
            (_, packet_type) => packet_type.wrong_sender(Sender::Client),
        };
        rule.map_or(Ok(()), |rule| Err(ProtocolError::new(packet_type, rule)))
    }

    /// Hears in which version a CONNECT has to be answered, even if it is wrong otherwise. One that is too large is refused
    /// when so much of it is there, and not before: what the peer hears must not depend on how the network cut its bytes.
    fn hear_version(&mut self, header: &FixedHeader, bytes: &[u8]) -> Result<(), ProtocolError> {
        let rest = &bytes[header.length..];
        let begin = &rest[..rest.len().min(header.remaining)];
        if let Some(version) = connect::plain_version(begin) {
            self.version = version;
        }
        if header.packet_length() > self.limits.connect_size_max && begin.len() >= VERSION_LENGTH.min(header.remaining)
        {
            return Err(ProtocolError::new(header.packet_type, Rule::ConnectTooLarge));
        }
        Ok(())
    }

    fn take<'a>(&mut self, now: Duration, packet: Packet<'a>) -> Result<Event<'a>, Rule> {
        Ok(match packet {
            Packet::Connect(connect) => {
                self.check_connect(&connect)?;
                self.state = State::Deciding { heard: now };
                Event::Connect(connect)
            }
            Packet::Publish(publish) => {
                self.check_publish(&publish)?;
                Event::Publish(publish)
            }
            Packet::Puback(ack) => Event::Puback(ack),
            Packet::Pubrec(ack) => Event::Pubrec(ack),
            Packet::Pubrel(ack) => {
                self.owe();
                Event::Pubrel(ack)
            }
            Packet::Pubcomp(ack) => Event::Pubcomp(ack),
            Packet::Subscribe(mut subscribe) => {
                self.check_subscribe(&mut subscribe)?;
                self.owe();
                Event::Subscribe(subscribe)
            }
            Packet::Unsubscribe(unsubscribe) => {
                self.owe();
                Event::Unsubscribe(unsubscribe)
            }
            Packet::Pingreq => {
                // Larger than no peer's Maximum Packet Size but 1, which then hears nothing.
                let _ = self.send(&Packet::Pingresp);
                Event::Ping
            }
            Packet::Disconnect(disconnect) => {
                if disconnect.session_expiry_s().unwrap_or(0) > 0 && !self.client.session_stays {
                    return Err(Rule::SessionExpiryRaised);
                }
                self.state = State::Closed;
                Event::Disconnect(disconnect)
            }
            Packet::Auth(_) => return Err(Rule::AuthWithoutMethod),
            Packet::Connack(_) | Packet::Suback(_) | Packet::Unsuback(_) | Packet::Pingresp => {
                return Err(Rule::OnlyServerSends);
            }
        })
    }

    fn check_connect(&mut self, connect: &Connect<'_>) -> Result<(), Rule> {
        self.version = connect.version;
        self.client = Client {
            keep_alive: connect.keep_alive,
            packet_size_max: connect.maximum_packet_size().map_or(usize::MAX, |size| size as usize),
            wants_reasons: connect.request_problem_information(),
            session_stays: connect.session_expiry_s().unwrap_or(0) > 0,
        };
        if connect.authentication_method().is_some() {
            return Err(Rule::AuthenticationMethod);
        }
        let Some(will) = &connect.will else { return Ok(()) };
        if will.qos > self.limits.qos_max {
            return Err(Rule::QoSNotServed);
        }
        if self.has_too_many_slashes(will.topic) { Err(Rule::WillTopic) } else { Ok(()) }
    }

    fn check_publish(&mut self, publish: &Publish<'_>) -> Result<(), Rule> {
        if publish.payload.len() > self.limits.payload_max {
            return Err(Rule::PayloadTooLarge);
        }
        if publish.topic_alias().is_some() {
            return Err(Rule::TopicAlias);
        }
        if publish.qos > self.limits.qos_max {
            return Err(Rule::QoSNotServed);
        }
        if self.has_too_many_slashes(publish.topic) {
            return Err(Rule::TopicSlashes);
        }
        if let State::Connected { flow, .. } = &mut self.state {
            if !flow.admits(publish) {
                return Err(Rule::ReceiveMaximum);
            }
            flow.publish(publish);
        }
        Ok(())
    }

    fn has_too_many_slashes(&self, topic: &str) -> bool {
        TopicName::new(topic).is_ok_and(|topic| topic.slashes() > self.limits.topic_slashes_max)
    }

    fn check_subscribe(&self, subscribe: &mut Subscribe<'_>) -> Result<(), Rule> {
        if subscribe.subscription_identifier().is_some() && !self.limits.subscription_identifiers_available {
            return Err(Rule::SubscriptionIdentifiersNotServed);
        }
        for subscription in &mut subscribe.filters {
            if subscription.filter.is_ok_and(|filter| filter.slashes() > self.limits.topic_slashes_max) {
                subscription.filter = Err(TopicFilterError::TooManySlashes);
            }
        }
        Ok(())
    }

    fn owe(&mut self) {
        if let State::Connected { flow, .. } = &mut self.state {
            flow.owe();
        }
    }

    /// The time of the next [`handle_timeout`](Self::handle_timeout); none while nobody is waited for.
    pub fn poll_timeout(&self) -> Option<Duration> {
        match &self.state {
            State::ExpectConnect { deadline } => Some(*deadline),
            State::Connected { keep_alive, .. } => keep_alive.deadline(),
            State::Deciding { .. } | State::Closed => None,
        }
    }

    /// Whether the client was too slow.
    pub fn handle_timeout(&mut self, now: Duration) -> Option<Timeout> {
        self.poll_timeout().filter(|deadline| *deadline <= now)?;
        match self.state {
            State::ExpectConnect { .. } => Some(Timeout::Connect),
            _ => Some(Timeout::KeepAlive),
        }
    }

    /// The socket is not read from here on: the client cannot be heard, so its Keep Alive does not run.
    pub fn suspend(&mut self, now: Duration) {
        if let State::Connected { keep_alive, .. } = &mut self.state {
            keep_alive.suspend(now);
        }
    }

    /// The socket is read again.
    pub fn resume(&mut self, now: Duration) {
        if let State::Connected { keep_alive, .. } = &mut self.state {
            keep_alive.resume(now);
        }
    }
}
