//! Reason codes of version 5 [2.4], which 3.1.1 has only a few of.

use crate::fixed_header::PacketType;
use crate::version::Sender;

/// One table for the codes: name, byte, and what it means.
macro_rules! reason_codes {
    ($($name:ident = $byte:literal, $words:literal;)*) => {
        /// How an operation ended. Codes from 0x80 (`UnspecifiedError`) on are failures, and they are ordered by number.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum ReasonCode {
            $(#[doc = $words] $name = $byte,)*
        }

        impl TryFrom<u8> for ReasonCode {
            type Error = UnknownReasonCode;

            fn try_from(byte: u8) -> Result<ReasonCode, UnknownReasonCode> {
                match byte {
                    $($byte => Ok(ReasonCode::$name),)*
                    other => Err(UnknownReasonCode(other)),
                }
            }
        }
    };
}

reason_codes! {
    Success = 0x00, "Success; also Normal Disconnection and Granted QoS 0.";
    GrantedQoS1 = 0x01, "The subscription is accepted with at most QoS 1.";
    GrantedQoS2 = 0x02, "The subscription is accepted with at most QoS 2.";
    DisconnectWithWill = 0x04, "The client disconnects and wants its Will to be published.";
    NoMatchingSubscribers = 0x10, "The message is accepted, and nobody subscribes to it.";
    NoSubscriptionExisted = 0x11, "There was no such subscription to remove.";
    ContinueAuthentication = 0x18, "The authentication goes on with another step.";
    ReAuthenticate = 0x19, "The client begins to authenticate again.";
    UnspecifiedError = 0x80, "A failure whose reason is not told; the only one that a 3.1.1 SUBACK has.";
    MalformedPacket = 0x81, "The bytes cannot be parsed.";
    ProtocolError = 0x82, "The packet is well-formed and breaks a rule.";
    ImplementationSpecificError = 0x83, "Valid, and not accepted by this implementation.";
    UnsupportedProtocolVersion = 0x84, "The version of the protocol is not served.";
    ClientIdentifierNotValid = 0x85, "The client id is well-formed and not allowed.";
    BadUserNameOrPassword = 0x86, "The user name or password is not accepted.";
    NotAuthorized = 0x87, "The peer may not do this.";
    ServerUnavailable = 0x88, "The server cannot serve now.";
    ServerBusy = 0x89, "The server is busy; try again later.";
    Banned = 0x8A, "An administrator has shut this client out.";
    ServerShuttingDown = 0x8B, "The server stops.";
    BadAuthenticationMethod = 0x8C, "The authentication method is not served, or another one than agreed.";
    KeepAliveTimeout = 0x8D, "Nothing came for 1.5 times the Keep Alive.";
    SessionTakenOver = 0x8E, "Another connection uses the same client id.";
    TopicFilterInvalid = 0x8F, "The topic filter is not accepted.";
    TopicNameInvalid = 0x90, "The topic name is not accepted.";
    PacketIdentifierInUse = 0x91, "The packet identifier is in use already.";
    PacketIdentifierNotFound = 0x92, "The packet identifier is not known.";
    ReceiveMaximumExceeded = 0x93, "More unacknowledged publications than Receive Maximum.";
    TopicAliasInvalid = 0x94, "The topic alias is 0 or above Topic Alias Maximum.";
    PacketTooLarge = 0x95, "The packet is larger than Maximum Packet Size.";
    MessageRateTooHigh = 0x96, "Data comes too fast.";
    QuotaExceeded = 0x97, "A limit of the implementation or the administrator is exceeded.";
    AdministrativeAction = 0x98, "An administrator has closed the connection.";
    PayloadFormatInvalid = 0x99, "The payload is not what it says it is.";
    RetainNotSupported = 0x9A, "Retained messages are not served.";
    QosNotSupported = 0x9B, "The QoS is above Maximum QoS.";
    UseAnotherServer = 0x9C, "Use another server, for now.";
    ServerMoved = 0x9D, "Use another server, for good.";
    SharedSubscriptionsNotSupported = 0x9E, "Shared subscriptions are not served.";
    ConnectionRateExceeded = 0x9F, "Connections come too fast.";
    MaximumConnectTime = 0xA0, "The connection has lasted as long as it may.";
    SubscriptionIdentifiersNotSupported = 0xA1, "Subscription identifiers are not served.";
    WildcardSubscriptionsNotSupported = 0xA2, "Subscriptions with wildcards are not served.";
}

impl ReasonCode {
    /// Whether the code reports a failure.
    pub fn is_error(self) -> bool {
        self >= ReasonCode::UnspecifiedError
    }

    /// Whether the standard lists the code for this packet from this side.
    pub(crate) fn is_allowed(self, packet: PacketType, sender: Sender) -> bool {
        let byte = self as u8;
        match packet {
            PacketType::Connack => {
                matches!(byte, 0x00 | 0x80..=0x8A | 0x8C | 0x90 | 0x95 | 0x97 | 0x99..=0x9D | 0x9F)
            }
            PacketType::Puback | PacketType::Pubrec => {
                matches!(byte, 0x00 | 0x10 | 0x80 | 0x83 | 0x87 | 0x90 | 0x91 | 0x97 | 0x99)
            }
            PacketType::Pubrel | PacketType::Pubcomp => matches!(byte, 0x00 | 0x92),
            PacketType::Suback => {
                matches!(byte, 0x00..=0x02 | 0x80 | 0x83 | 0x87 | 0x8F | 0x91 | 0x97 | 0x9E | 0xA1 | 0xA2)
            }
            PacketType::Unsuback => matches!(byte, 0x00 | 0x11 | 0x80 | 0x83 | 0x87 | 0x8F | 0x91),
            PacketType::Disconnect if sender == Sender::Client => {
                matches!(byte, 0x00 | 0x04 | 0x80..=0x83 | 0x90 | 0x93..=0x99)
            }
            PacketType::Disconnect => {
                matches!(byte, 0x00 | 0x80..=0x83 | 0x87 | 0x89 | 0x8B | 0x8D..=0x90 | 0x93..=0x9F | 0xA0..=0xA2)
            }
            PacketType::Auth => matches!(byte, 0x00 | 0x18 | 0x19),
            _ => false,
        }
    }
}

/// A byte that is no reason code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:#04x} is no reason code")]
pub struct UnknownReasonCode(pub u8);
