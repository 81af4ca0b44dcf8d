//! From what an agent sends to what is kept: topic spelling to message kind, payload to rows,
//! or a typed rejection for each value that cannot be one. Pure: no IO, clock or state.

mod value;

pub use value::{Row, Value};
