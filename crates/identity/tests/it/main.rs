//! What the identity crate does, a file per subject.

#![allow(clippy::unwrap_used)]

mod certificates;
mod disk_format;
mod handshakes;
mod hostile_bytes;
mod judging;
mod known_credentials;
mod names;
mod openssl;
mod paths;
mod pem;
mod permissions;
mod pki;
mod privacy;
mod proof_of_possession;
mod registry;
mod uploads;
