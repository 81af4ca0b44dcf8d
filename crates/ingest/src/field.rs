//! One field of a value or sampling, in the literal text that the sender wrote.

use std::borrow::Cow;
use std::fmt;

use serde_json::value::RawValue;

use crate::excerpt::{Excerpt, clip};

/// What a field holds. Numbers stay text: no float comes between the sender's digits and the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Field<'a> {
    /// A string, its escapes resolved; borrowed where it has none.
    Text(Cow<'a, str>),
    /// A number, `true` or `false`, as it was written.
    Literal(&'a str),
    /// `null`.
    Null,
    /// An object or an array.
    Composite,
    /// A string with half of a surrogate pair: valid JSON, but no Unicode text.
    Unpaired,
}

impl<'a> From<&'a RawValue> for Field<'a> {
    fn from(raw: &'a RawValue) -> Field<'a> {
        let text = raw.get();
        match text.as_bytes() {
            [b'"', inner @ .., b'"'] => string(text, inner.contains(&b'\\')),
            [b'{' | b'[', ..] => Field::Composite,
            b"null" => Field::Null,
            _ => Field::Literal(text),
        }
    }
}

fn string(text: &str, has_escapes: bool) -> Field<'_> {
    if !has_escapes {
        return Field::Text(Cow::Borrowed(&text[1..text.len() - 1]));
    }
    // The grammar was checked when the raw text was cut out, so a lone surrogate is all that can fail here.
    serde_json::from_str(text).map_or(Field::Unpaired, |resolved| Field::Text(Cow::Owned(resolved)))
}

impl fmt::Display for Field<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Field::Text(text) => Excerpt(text).fmt(formatter),
            Field::Literal(literal) => {
                let (start, ellipsis) = clip(literal);
                write!(formatter, "{start}{ellipsis}")
            }
            Field::Null => formatter.write_str("null"),
            Field::Composite => formatter.write_str("an object or an array"),
            Field::Unpaired => formatter.write_str("a string with an unpaired surrogate"),
        }
    }
}
