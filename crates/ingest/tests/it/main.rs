//! Tests of what the crate promises, a file per behaviour.
#![allow(clippy::unwrap_used)]

mod bounds;
mod diagnostics;
mod exact_text;
mod log_form;
mod random;
mod time_series;
mod times;
mod topics;
mod verdict_lines;
