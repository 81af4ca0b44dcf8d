//! A promise that was not kept.

/// What was promised, and what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation(pub(crate) String);

/// Goes on only if a promise is kept.
macro_rules! promise {
    ($kept:expr, $($words:tt)+) => {
        if !$kept {
            return Err($crate::violation::Violation(format!($($words)+)));
        }
    };
}

pub(crate) use promise;
