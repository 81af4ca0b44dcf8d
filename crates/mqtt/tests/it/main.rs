//! Behaviour of the protocol, a file a subject.
#![allow(clippy::unwrap_used)]

mod acknowledgements;
mod client;
mod connect;
mod failures;
mod flow;
mod keep_alive;
mod notation;
mod outgoing;
mod pipelining;
mod properties;
mod roundtrip;
mod segmentation;
mod size_limits;
mod state;
mod topics;
mod vectors;
