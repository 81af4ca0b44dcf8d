//! What people query, and what a restart begins with, in SQL: images, chunks of samples, the projection, queued
//! messages, refusals and tokens. Everything is behind the trait [`Store`]; SQLite today.
//!
//! Calls block. Queries read a snapshot and never wait for a writer, so that a checkpoint does not stop them.

mod chunk;
mod downsample;
mod error;
mod merge;
mod projection;
mod prune;
mod query;
mod refusal;
mod run;
mod sqlite;
mod store;
mod token;

pub use chunk::{ChunkError, SAMPLES_MAX, decode, encode};
pub use error::StoreError;
pub use projection::{Audit, Reject};
pub use prune::PruneLimits;
pub use query::{Aggregate, Order, SeriesQuery, whole_buckets};
pub use refusal::{Refusal, RefusalFilter};
pub use sqlite::SqliteStore;
pub use store::{Store, TenantImage};
pub use token::{TOKENS_PER_TENANT_MAX, Token};
