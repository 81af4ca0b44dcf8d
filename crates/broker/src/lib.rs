//! The broker of one tenant: sessions, subscriptions and queues, without IO.
//!
//! It knows no tenant and no payload. A queue entry is the log position of its message, so a queue costs the
//! same however large the messages are. Time comes in with each call, and every call is made while a log record
//! is applied: the same records give the same state.

mod broker;
mod filter_tree;
mod queue;
mod session;

pub use broker::{Broker, Connect, Connected, Disconnected, Limits, Received, Routed};
pub use filter_tree::FilterTree;
pub use queue::{Inflight, Queue};
pub use session::{Face, Session, SessionKey, Subscription};
