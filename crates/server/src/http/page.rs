//! Pages: how many of a list one answer holds, and where the next page begins.

use super::Problem;

/// Items in a page that names no limit.
const DEFAULT: usize = 1000;

/// Items in a page, at most.
const MAX: usize = 10_000;

/// The size of the page that a query's `limit` asks for. Fails for none, and for more than an answer may hold.
pub(super) fn limit(asked: Option<usize>) -> Result<usize, Problem> {
    match asked.unwrap_or(DEFAULT) {
        limit @ 1..=MAX => Ok(limit),
        _ => Err(Problem::parameter("limit", format!("limit is 1 to {MAX}."))),
    }
}

/// Cuts a list that may hold one item more than the page; gives the key of the last that stays if there was more.
pub(super) fn cut<T>(items: &mut Vec<T>, limit: usize, key: impl Fn(&T) -> &str) -> Option<String> {
    let more = items.len() > limit;
    items.truncate(limit);
    items.last().filter(|_| more).map(|last| key(last).to_owned())
}
