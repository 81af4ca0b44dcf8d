//! Behaviour of the broker, a file a subject.
#![allow(clippy::unwrap_used)]

mod matching;
mod sessions;
