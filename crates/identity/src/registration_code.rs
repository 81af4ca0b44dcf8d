//! The code that a verification certificate must carry.

use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::dates::DAY_US;
use crate::text::checked_text;

/// How long a registration code can be used, microseconds: 7 days, as the usual `-days 7` of the certificate made for it.
pub const REGISTRATION_CODE_LIFETIME_US: i64 = 7 * DAY_US;

/// Hex digits of a code: 128 bits, so that nobody guesses one.
const DIGITS: usize = 32;

/// 32 lower-case hex digits that one authority's owner puts into the CN of a verification certificate.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RegistrationCode(Arc<str>);

checked_text!(RegistrationCode, MalformedCode);

impl FromStr for RegistrationCode {
    type Err = MalformedCode;

    fn from_str(text: &str) -> Result<RegistrationCode, MalformedCode> {
        let hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if hex && text.len() == DIGITS { Ok(RegistrationCode(text.into())) } else { Err(MalformedCode) }
    }
}

/// The text is not a registration code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a registration code is {DIGITS} lower-case hex digits")]
pub struct MalformedCode;
