//! The front door: every TLS connection comes in here, is read as far as its ClientHello, and is handed to MQTT
//! or HTTP by the host it names and the protocol it offers.

mod hello;
mod hosts;
mod listener;
mod pki;
mod possession;
mod reload;
mod socket;

pub(crate) use hosts::{Host, Hosts, Protocol, Role, provider};
pub(crate) use listener::{Door, Opened, Port};
pub(crate) use pki::{Files, PkiError, ServerCa, params, read, write, write_secret};
pub(crate) use reload::watch;
pub(crate) use socket::Socket;
