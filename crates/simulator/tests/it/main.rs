//! Many lives, from many seeds.
#![allow(clippy::unwrap_used)]

mod canaries;
mod lives;
mod real_store;
