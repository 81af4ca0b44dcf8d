//! What a peer did wrong: the packet, the part of it, and the rule.

use std::fmt;

use crate::field::Field;
use crate::fixed_header::PacketType;
use crate::reason_code::ReasonCode;

/// The peer broke the protocol; the connection cannot go on.
///
/// Its text is for people and names the exact offence; [`ProtocolError::label`] is for metrics and never changes;
/// [`ProtocolError::reason_code`] is for the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtocolError {
    packet_type: Option<PacketType>,
    offence: Offence,
}

/// What is wrong, without the packet it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offence {
    /// One part of the packet is not what it should be.
    Field(Field, Fault),
    Rule(Rule),
}

/// What can be wrong with any part of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The packet ends before it.
    Truncated,
    NotUtf8,
    NullCharacter,
    /// A variable byte integer of more bytes than it needs, or than there may be.
    Overlong,
    /// A value that the standard does not list.
    Invalid,
    Repeated,
    /// A property that this packet does not have.
    NotAllowed,
}

/// What is forbidden beyond the form of a single part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    ReservedPacketType,
    FixedHeaderFlags,
    RemainingLength,
    TrailingBytes,
    PacketTooLarge,
    ConnectTooLarge,
    PayloadTooLarge,
    FirstPacketNotConnect,
    SecondConnect,
    OnlyServerSends,
    OnlyClientSends,
    ConnectTimeout,
    KeepAliveTimeout,
    PacketIdentifierZero,
    PropertyUnknown,
    TooManyUserProperties,
    ProtocolName,
    ProtocolVersion,
    ConnectReservedFlag,
    WillFlagsWithoutWill,
    WillQoS,
    PasswordWithoutUserName,
    WillTopic,
    AuthenticationDataWithoutMethod,
    AuthenticationMethod,
    AuthWithoutMethod,
    SessionPresentWithError,
    PublishQoS,
    DupWithQoS0,
    TopicEmpty,
    TopicWildcard,
    TopicSlashes,
    ResponseTopic,
    TopicAliasZero,
    TopicAlias,
    SubscriptionIdentifierFromClient,
    SubscriptionIdentifiersNotServed,
    ReceiveMaximum,
    QoSNotServed,
    NoFilters,
    TooManyFilters,
    SubscriptionQoS,
    RetainHandling,
    SubscriptionOptionsReserved,
    NoLocalOnShared,
    SessionExpiryRaised,
}

impl Rule {
    /// Label, reason code and words of each rule.
    #[rustfmt::skip]
    fn entry(self) -> (&'static str, ReasonCode, &'static str) {
        use ReasonCode as Code;
        match self {
            Rule::ReservedPacketType => ("reserved_packet_type", Code::MalformedPacket, "the packet type is reserved [2.1.2]"),
            Rule::FixedHeaderFlags => ("fixed_header_flags", Code::MalformedPacket, "the flags of the fixed header are not those of the standard [MQTT-2.1.3-1]"),
            Rule::RemainingLength => ("remaining_length_overlong", Code::MalformedPacket, "Remaining Length has more than four bytes [2.1.4]"),
            Rule::TrailingBytes => ("trailing_bytes", Code::MalformedPacket, "bytes follow the last field"),
            Rule::PacketTooLarge => ("packet_too_large", Code::PacketTooLarge, "the packet is larger than the Maximum Packet Size [MQTT-3.2.2-15]"),
            Rule::ConnectTooLarge => ("connect_too_large", Code::PacketTooLarge, "the packet is larger than a CONNECT may be"),
            Rule::PayloadTooLarge => ("payload_too_large", Code::PacketTooLarge, "the payload is larger than a message may be"),
            Rule::FirstPacketNotConnect => ("first_packet_not_connect", Code::ProtocolError, "the first packet is not CONNECT [MQTT-3.1.0-1]"),
            Rule::SecondConnect => ("second_connect", Code::ProtocolError, "the connection has had its CONNECT [MQTT-3.1.0-2]"),
            Rule::OnlyServerSends => ("only_server_sends", Code::ProtocolError, "only a server sends this packet [2.1.2]"),
            Rule::OnlyClientSends => ("only_client_sends", Code::ProtocolError, "only a client sends this packet [2.1.2]"),
            Rule::ConnectTimeout => ("connect_timeout", Code::ProtocolError, "no whole CONNECT came in time"),
            Rule::KeepAliveTimeout => ("keep_alive_timeout", Code::KeepAliveTimeout, "no packet came within 1.5 times the Keep Alive [MQTT-3.1.2-22]"),
            Rule::PacketIdentifierZero => ("packet_id_zero", Code::ProtocolError, "the Packet Identifier is 0 [MQTT-2.2.1-3]"),
            Rule::PropertyUnknown => ("property_unknown", Code::MalformedPacket, "a Property Identifier is unknown [2.2.2.2]"),
            Rule::TooManyUserProperties => ("too_many_user_properties", Code::QuotaExceeded, "there are more User Properties than a packet may have"),
            Rule::ProtocolName => ("protocol_name", Code::UnsupportedProtocolVersion, "the Protocol Name is not MQTT [MQTT-3.1.2-1]"),
            Rule::ProtocolVersion => ("protocol_version", Code::UnsupportedProtocolVersion, "this version of the protocol is not served; 3.1.1 and 5 are [MQTT-3.1.2-2]"),
            Rule::ConnectReservedFlag => ("connect_reserved_flag", Code::MalformedPacket, "the reserved bit of the Connect Flags is set [MQTT-3.1.2-3]"),
            Rule::WillFlagsWithoutWill => ("will_flags_without_will", Code::MalformedPacket, "Will QoS or Will Retain is set without a Will [MQTT-3.1.2-11, MQTT-3.1.2-13]"),
            Rule::WillQoS => ("will_qos", Code::MalformedPacket, "the Will QoS is 3 [MQTT-3.1.2-12]"),
            Rule::PasswordWithoutUserName => ("password_without_user_name", Code::ProtocolError, "a Password without a User Name [MQTT-3.1.2-22 of 3.1.1]"),
            Rule::WillTopic => ("will_topic_invalid", Code::TopicNameInvalid, "the Will Topic is empty, has a wildcard or too many slashes [MQTT-3.3.2-2, MQTT-4.7.3-1]"),
            Rule::AuthenticationDataWithoutMethod => ("authentication_data_without_method", Code::ProtocolError, "Authentication Data without an Authentication Method [3.1.2.11.10]"),
            Rule::AuthenticationMethod => ("authentication_method_not_served", Code::BadAuthenticationMethod, "this Authentication Method is not served [MQTT-4.12.0-1]"),
            Rule::AuthWithoutMethod => ("auth_without_method", Code::ProtocolError, "no Authentication Method was agreed upon [MQTT-4.12.0-7]"),
            Rule::SessionPresentWithError => ("session_present_with_error", Code::ProtocolError, "Session Present is set in a refusal [MQTT-3.2.2-6]"),
            Rule::PublishQoS => ("publish_qos", Code::MalformedPacket, "the QoS is 3 [MQTT-3.3.1-4]"),
            Rule::DupWithQoS0 => ("dup_with_qos_0", Code::MalformedPacket, "DUP is set at QoS 0 [MQTT-3.3.1-2]"),
            Rule::TopicEmpty => ("topic_empty", Code::ProtocolError, "the Topic Name is empty [MQTT-4.7.3-1]"),
            Rule::TopicWildcard => ("topic_wildcard", Code::TopicNameInvalid, "the Topic Name has a wildcard [MQTT-3.3.2-2]"),
            Rule::TopicSlashes => ("topic_slashes", Code::TopicNameInvalid, "the Topic Name has more slashes than a topic may have"),
            Rule::ResponseTopic => ("response_topic_invalid", Code::TopicNameInvalid, "the Response Topic is empty or has a wildcard [MQTT-3.3.2-14]"),
            Rule::TopicAliasZero => ("topic_alias_zero", Code::TopicAliasInvalid, "the Topic Alias is 0 [MQTT-3.3.2-8]"),
            Rule::TopicAlias => ("topic_alias_above_maximum", Code::TopicAliasInvalid, "the Topic Alias is above Topic Alias Maximum, which is 0 [MQTT-3.3.2-9]"),
            Rule::SubscriptionIdentifierFromClient => ("subscription_identifier_from_client", Code::ProtocolError, "a client's PUBLISH has a Subscription Identifier [MQTT-3.3.4-6]"),
            Rule::SubscriptionIdentifiersNotServed => ("subscription_identifiers_not_served", Code::SubscriptionIdentifiersNotSupported, "Subscription Identifiers are not served [3.2.2.3.12]"),
            Rule::ReceiveMaximum => ("receive_maximum_exceeded", Code::ReceiveMaximumExceeded, "more publications are unacknowledged than Receive Maximum allows [MQTT-3.3.4-7]"),
            Rule::QoSNotServed => ("qos_not_served", Code::QosNotSupported, "the QoS is above the Maximum QoS [MQTT-3.2.2-11]"),
            Rule::NoFilters => ("no_filters", Code::ProtocolError, "there is no Topic Filter [MQTT-3.8.3-2, MQTT-3.10.3-2]"),
            Rule::TooManyFilters => ("too_many_filters", Code::QuotaExceeded, "there are more Topic Filters than a packet may have"),
            Rule::SubscriptionQoS => ("subscription_qos", Code::ProtocolError, "the requested QoS is 3 [3.8.3.1]"),
            Rule::RetainHandling => ("retain_handling", Code::ProtocolError, "Retain Handling is 3 [3.8.3.1]"),
            Rule::SubscriptionOptionsReserved => ("subscription_options_reserved", Code::MalformedPacket, "reserved bits of the Subscription Options are set [MQTT-3.8.3-5]"),
            Rule::NoLocalOnShared => ("no_local_on_shared", Code::ProtocolError, "No Local is set on a Shared Subscription [MQTT-3.8.3-4]"),
            Rule::SessionExpiryRaised => ("session_expiry_raised", Code::ProtocolError, "a Session Expiry Interval that CONNECT left at 0 is set [3.14.2.2.2]"),
        }
    }
}

impl Fault {
    /// What the standard calls malformed cannot be read; the rest is read and forbidden [4.13].
    fn reason_code(self) -> ReasonCode {
        match self {
            Fault::Invalid | Fault::Repeated => ReasonCode::ProtocolError,
            _ => ReasonCode::MalformedPacket,
        }
    }
}

impl Offence {
    fn reason_code(self) -> ReasonCode {
        match self {
            Offence::Field(_, fault) => fault.reason_code(),
            Offence::Rule(rule) => rule.entry().1,
        }
    }
}

impl From<Rule> for Offence {
    fn from(rule: Rule) -> Offence {
        Offence::Rule(rule)
    }
}

impl ProtocolError {
    pub(crate) fn new(packet_type: PacketType, offence: impl Into<Offence>) -> ProtocolError {
        ProtocolError { packet_type: Some(packet_type), offence: offence.into() }
    }

    /// An error in no packet: the type is unknown, or it is about time.
    pub(crate) fn without_packet(rule: Rule) -> ProtocolError {
        ProtocolError { packet_type: None, offence: rule.into() }
    }

    /// The packet that the offence is in; none when its type is unknown, or nothing came.
    pub fn packet_type(&self) -> Option<PacketType> {
        self.packet_type
    }

    /// A stable snake_case word for metrics and logs, which names the field, such as `client_id_not_utf8`.
    pub fn label(&self) -> &'static str {
        match self.offence {
            Offence::Field(field, fault) => field.label(fault),
            Offence::Rule(rule) => rule.entry().0,
        }
    }

    /// What a peer that speaks version 5 is told.
    pub fn reason_code(&self) -> ReasonCode {
        self.offence.reason_code()
    }

    /// Whether the peer speaks MQTT, but no version that is served. It is the one error that 3.1.1 has an answer for.
    pub(crate) fn is_unsupported_version(&self) -> bool {
        self.offence == Offence::Rule(Rule::ProtocolVersion)
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(packet_type) = self.packet_type {
            write!(f, "{packet_type}: ")?;
        }
        self.offence.fmt(f)
    }
}

impl fmt::Display for Offence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Offence::Field(field, fault) => write!(f, "{} {fault}", field.words()),
            Offence::Rule(rule) => f.write_str(rule.entry().2),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::Truncated => "runs past the end of what it is in",
            Fault::NotUtf8 => "is not well-formed UTF-8 [MQTT-1.5.4-1]",
            Fault::NullCharacter => "has the character U+0000 [MQTT-1.5.4-2]",
            Fault::Overlong => "is not the shortest variable byte integer of at most four bytes [MQTT-1.5.5-1]",
            Fault::Invalid => "has a value that the standard does not allow",
            Fault::Repeated => "is there more than once",
            Fault::NotAllowed => "does not belong into this packet [2.2.2.2]",
        })
    }
}

impl std::error::Error for ProtocolError {}
