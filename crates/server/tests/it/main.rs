//! The server as its users meet it: a process, its ports, its command line. A file a subject.
#![allow(clippy::unwrap_used, unreachable_pub, missing_docs)]

mod authorisation;
mod command_line;
mod documents;
mod isolation;
mod kill;
mod onboarding;
mod publishing;
mod reading;
mod readme;
mod real_clients;
mod refusals;
mod restart;
mod revocation;
mod serve;
mod sessions;
mod sim;
mod support;
mod trace;
