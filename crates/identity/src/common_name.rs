//! The common name of an agent's certificate.

use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::text::checked_text;

/// Characters of the longest common name (RFC 5280 appendix A.1, ub-common-name).
pub const COMMON_NAME_LENGTH_MAX: usize = 64;

/// The CN of an agent's certificate: 1 to 64 characters, none of `+ # /`, NUL or control characters, because it
/// becomes part of client ids and topics.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommonName(Arc<str>);

checked_text!(CommonName, CommonNameError);

impl FromStr for CommonName {
    type Err = CommonNameError;

    fn from_str(text: &str) -> Result<CommonName, CommonNameError> {
        if text.is_empty() {
            return Err(CommonNameError::Empty);
        }
        // Counting stops just past the bound.
        if text.chars().nth(COMMON_NAME_LENGTH_MAX).is_some() {
            return Err(CommonNameError::TooLong);
        }
        match text.chars().find(|character| is_forbidden(*character)) {
            Some(character) => Err(CommonNameError::Forbidden(character)),
            None => Ok(CommonName(text.into())),
        }
    }
}

/// Whether no name read from the wire may have this character: topic separators, wildcards and control characters.
pub(crate) fn is_forbidden(character: char) -> bool {
    matches!(character, '+' | '#' | '/') || character.is_control()
}

/// Why a text is no common name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommonNameError {
    /// No characters.
    #[error("it is empty")]
    Empty,
    /// More than [`COMMON_NAME_LENGTH_MAX`] characters.
    #[error("it has more than {COMMON_NAME_LENGTH_MAX} characters")]
    TooLong,
    /// A character that names never have.
    #[error("it has the character {0:?}; + # / and control characters are not allowed")]
    Forbidden(char),
}
