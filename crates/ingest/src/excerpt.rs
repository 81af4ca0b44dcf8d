//! Foreign text inside a message for people: short, quoted, and without control characters.

use std::fmt::{self, Write};

/// Characters of foreign text that a message repeats: enough to recognise a value.
const EXCERPT_LENGTH_MAX: usize = 64;

/// Prints a text in quotes, its end cut off where it is long.
pub(crate) struct Excerpt<'a>(pub(crate) &'a str);

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_char('"')?;
        let (start, ellipsis) = clip(self.0);
        write!(formatter, "{}{ellipsis}\"", start.escape_debug())
    }
}

/// The start of a text, and what stands for the rest of it.
pub(crate) fn clip(text: &str) -> (&str, &'static str) {
    match text.char_indices().nth(EXCERPT_LENGTH_MAX) {
        Some((end, _)) => (&text[..end], "…"),
        None => (text, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_and_a_hostile_one_is_tamed() {
        assert_eq!(Excerpt("21.75").to_string(), "\"21.75\"");
        assert_eq!(Excerpt("a\"\n\0").to_string(), r#""a\"\n\0""#);
        assert_eq!(Excerpt(&"é".repeat(64)).to_string(), format!("\"{}\"", "é".repeat(64)));
        assert_eq!(Excerpt(&"é".repeat(65)).to_string(), format!("\"{}…\"", "é".repeat(64)));
    }
}
