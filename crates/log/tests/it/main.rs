//! Behaviour of the log, on all its backends.

#![allow(clippy::unwrap_used)]

mod commit;
mod concurrency;
mod crash;
mod damage;
mod folder;
mod model;
mod reading;
mod recovery;
mod removal;
mod spare;
mod storage_contract;
mod support;
