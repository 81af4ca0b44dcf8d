//! Ids in the text form of the vendor's messages: ULID, 26 characters of Crockford's base 32.

use ::ulid::Ulid;

/// The text of an id: always 26 characters, upper case.
pub fn format_ulid(id: u128) -> String {
    Ulid(id).to_string()
}

/// Reads an id, in either case; `None` for anything that is not exactly one.
pub fn parse_ulid(text: &str) -> Option<u128> {
    let id = Ulid::from_string(text).ok()?;
    // 26 characters hold 130 bits. A text beyond 128 is nobody's id, and must not be read as another one.
    id.to_string().eq_ignore_ascii_case(text).then_some(id.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_comes_back_from_its_text() {
        for id in [0, 1, u128::MAX, 0x0193_4c1e_5a3b_0000_0000_0000_0000_0007] {
            let text = format_ulid(id);
            assert_eq!(text.len(), 26);
            assert_eq!(parse_ulid(&text), Some(id));
            assert_eq!(parse_ulid(&text.to_lowercase()), Some(id));
        }
        assert_eq!(format_ulid(u128::MAX), "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
    }

    #[test]
    fn a_text_that_is_no_id_is_none() {
        let long = "0".repeat(27);
        let nearly = ["", "0", &long, "80000000000000000000000000", "ZZZZZZZZZZZZZZZZZZZZZZZZZZ"];
        let foreign = ["0000000000000000000000000U", "0000000000000000000000000-", "000000000000000000000000é"];
        for text in nearly.into_iter().chain(foreign) {
            assert_eq!(parse_ulid(text), None, "{text}");
        }
    }
}
