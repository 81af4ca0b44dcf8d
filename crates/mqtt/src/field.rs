//! What the parts of packets are called, in words for people and in labels for metrics.

use crate::error::Fault;
use crate::property::PropertyId;

/// A part of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    PacketIdentifier,
    ProtocolName,
    ProtocolLevel,
    ConnectFlags,
    KeepAlive,
    ClientIdentifier,
    WillTopic,
    WillPayload,
    UserName,
    Password,
    ConnackFlags,
    ReasonCode,
    TopicName,
    TopicFilter,
    SubscriptionOptions,
    PropertyLength,
    Properties,
    PropertyIdentifier,
    Property(PropertyId),
}

/// A table of names: the standard's words, and the word from which the labels are made, one for each fault. A variant
/// that only wraps something with names of its own comes last.
macro_rules! names {
    ($kind:ident { $($variant:ident => $words:literal, $word:literal;)* } $($wrapper:ident)?) => {
        impl $kind {
            /// The standard's words for it.
            pub(crate) fn words(self) -> &'static str {
                match self {
                    $($kind::$variant => $words,)*
                    $($kind::$wrapper(named) => named.words(),)?
                }
            }

            /// The stable label of a fault in it.
            pub(crate) fn label(self, fault: Fault) -> &'static str {
                match self {
                    $($kind::$variant => match fault {
                        Fault::Truncated => concat!($word, "_truncated"),
                        Fault::NotUtf8 => concat!($word, "_not_utf8"),
                        Fault::NullCharacter => concat!($word, "_null_character"),
                        Fault::Overlong => concat!($word, "_overlong"),
                        Fault::Invalid => concat!($word, "_invalid"),
                        Fault::Repeated => concat!($word, "_repeated"),
                        Fault::NotAllowed => concat!($word, "_not_allowed"),
                    },)*
                    $($kind::$wrapper(named) => named.label(fault),)?
                }
            }
        }
    };
}

names! {
    Field {
        PacketIdentifier => "Packet Identifier", "packet_id";
        ProtocolName => "Protocol Name", "protocol_name";
        ProtocolLevel => "Protocol Version", "protocol_version";
        ConnectFlags => "Connect Flags", "connect_flags";
        KeepAlive => "Keep Alive", "keep_alive";
        ClientIdentifier => "Client Identifier", "client_id";
        WillTopic => "Will Topic", "will_topic";
        WillPayload => "Will Payload", "will_payload";
        UserName => "User Name", "user_name";
        Password => "Password", "password";
        ConnackFlags => "Connect Acknowledge Flags", "connack_flags";
        ReasonCode => "Reason Code", "reason_code";
        TopicName => "Topic Name", "topic_name";
        TopicFilter => "Topic Filter", "topic_filter";
        SubscriptionOptions => "Subscription Options", "subscription_options";
        PropertyLength => "Property Length", "property_length";
        Properties => "the properties", "properties";
        PropertyIdentifier => "Property Identifier", "property_id";
    }
    Property
}

names! {
    PropertyId {
        PayloadFormatIndicator => "Payload Format Indicator", "payload_format_indicator";
        MessageExpiryInterval => "Message Expiry Interval", "message_expiry_interval";
        ContentType => "Content Type", "content_type";
        ResponseTopic => "Response Topic", "response_topic";
        CorrelationData => "Correlation Data", "correlation_data";
        SubscriptionIdentifier => "Subscription Identifier", "subscription_identifier";
        SessionExpiryInterval => "Session Expiry Interval", "session_expiry_interval";
        AssignedClientIdentifier => "Assigned Client Identifier", "assigned_client_id";
        ServerKeepAlive => "Server Keep Alive", "server_keep_alive";
        AuthenticationMethod => "Authentication Method", "authentication_method";
        AuthenticationData => "Authentication Data", "authentication_data";
        RequestProblemInformation => "Request Problem Information", "request_problem_information";
        WillDelayInterval => "Will Delay Interval", "will_delay_interval";
        RequestResponseInformation => "Request Response Information", "request_response_information";
        ResponseInformation => "Response Information", "response_information";
        ServerReference => "Server Reference", "server_reference";
        ReasonString => "Reason String", "reason_string";
        ReceiveMaximum => "Receive Maximum", "receive_maximum";
        TopicAliasMaximum => "Topic Alias Maximum", "topic_alias_maximum";
        TopicAlias => "Topic Alias", "topic_alias";
        MaximumQoS => "Maximum QoS", "maximum_qos";
        RetainAvailable => "Retain Available", "retain_available";
        UserProperty => "User Property", "user_property";
        MaximumPacketSize => "Maximum Packet Size", "maximum_packet_size";
        WildcardSubscriptionAvailable => "Wildcard Subscription Available", "wildcard_subscription_available";
        SubscriptionIdentifierAvailable => "Subscription Identifier Available", "subscription_identifier_available";
        SharedSubscriptionAvailable => "Shared Subscription Available", "shared_subscription_available";
    }
}
