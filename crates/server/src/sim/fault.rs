//! What goes wrong for an agent, by stable names.

use std::io;

use mqtt::{ProtocolError, ReasonCode, TooLarge};

/// A kind of failure; counted by its [`name`](Fault::name).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// No TCP connection.
    Tcp,
    /// No TLS handshake, or an alert after it: a certificate that is not taken.
    Tls,
    /// No CONNACK in time.
    ConnectTimeout,
    /// The server closed instead of answering CONNECT, and it was not the close of a first connect.
    ClosedBeforeConnack,
    /// CONNACK refuses.
    Connack(ReasonCode),
    /// The connection ended under way.
    ConnectionLost,
    /// The server said DISCONNECT.
    Disconnect(ReasonCode),
    /// A PINGREQ was not answered.
    KeepAliveTimeout,
    /// The server sent what is no MQTT, or what it may not send.
    Protocol,
    /// PUBACK, PUBREC or PUBCOMP refuses a message.
    MessageRefused(ReasonCode),
    /// SUBACK refuses the subscription.
    SubscribeRefused(ReasonCode),
}

impl Fault {
    /// The name in reports.
    pub(crate) fn name(self) -> String {
        let with = |name: &str, reason: ReasonCode| format!("{name}_{}", snake_case(&format!("{reason:?}")));
        match self {
            Fault::Tcp => "tcp".to_owned(),
            Fault::Tls => "tls".to_owned(),
            Fault::ConnectTimeout => "connect_timeout".to_owned(),
            Fault::ClosedBeforeConnack => "closed_before_connack".to_owned(),
            Fault::Connack(reason) => with("connack", reason),
            Fault::ConnectionLost => "connection_lost".to_owned(),
            Fault::Disconnect(reason) => with("disconnect", reason),
            Fault::KeepAliveTimeout => "keep_alive_timeout".to_owned(),
            Fault::Protocol => "protocol".to_owned(),
            Fault::MessageRefused(reason) => with("message", reason),
            Fault::SubscribeRefused(reason) => with("subscribe", reason),
        }
    }
}

fn snake_case(name: &str) -> String {
    name.char_indices().fold(String::new(), |mut out, (index, letter)| {
        if index > 0 && letter.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
        out
    })
}

/// A failure: its kind, and what the system said.
#[derive(Debug, thiserror::Error)]
#[error("{}: {cause}", fault.name())]
pub(crate) struct Failed {
    /// The kind.
    pub(crate) fault: Fault,
    /// In words.
    pub(crate) cause: String,
}

impl Failed {
    pub(super) fn new(fault: Fault, cause: &(impl ToString + ?Sized)) -> Failed {
        Failed { fault, cause: cause.to_string() }
    }

    /// A connection that ended: rustls tells alerts and bad records as invalid data.
    pub(super) fn lost(cause: &io::Error) -> Failed {
        let is_tls = cause.kind() == io::ErrorKind::InvalidData;
        Failed::new(if is_tls { Fault::Tls } else { Fault::ConnectionLost }, cause)
    }
}

impl From<ProtocolError> for Failed {
    fn from(error: ProtocolError) -> Failed {
        Failed::new(Fault::Protocol, &error)
    }
}

impl From<TooLarge> for Failed {
    fn from(error: TooLarge) -> Failed {
        Failed::new(Fault::Protocol, &error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_with_a_reason_is_named_by_both() {
        assert_eq!(Fault::Connack(ReasonCode::NotAuthorized).name(), "connack_not_authorized");
        assert_eq!(Fault::KeepAliveTimeout.name(), "keep_alive_timeout");
    }
}
