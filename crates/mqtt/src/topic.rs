//! Topic names and topic filters [MQTT-4.7].

/// The most bytes of a UTF-8 string on the wire [MQTT-1.5.4].
const TEXT_LENGTH_MAX: usize = 65_535;

/// What a shared subscription begins with [MQTT-4.8.2-1].
const SHARE: &str = "$share/";

/// A topic that a message can be published to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName<'a>(&'a str);

/// What a subscription asks for: a topic, with wildcards maybe, and of a share group maybe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicFilter<'a> {
    text: &'a str,
    /// Where the filter proper begins: behind `$share/group/`, else 0.
    filter_start: usize,
}

impl<'a> TopicName<'a> {
    /// Checks a topic name.
    ///
    /// # Errors
    /// It is empty, too long, or has a wildcard or U+0000.
    pub fn new(text: &'a str) -> Result<TopicName<'a>, TopicNameError> {
        // `a`, `a//b`, `/`, `$SYS/x`, `a b`: topic names. The empty text, `a/#`, `a+b`: not.
        match text {
            "" => Err(TopicNameError::Empty),
            _ if text.len() > TEXT_LENGTH_MAX => Err(TopicNameError::TooLong),
            _ if text.contains(['+', '#']) => Err(TopicNameError::Wildcard),
            _ if text.contains('\0') => Err(TopicNameError::NullCharacter),
            _ => Ok(TopicName(text)),
        }
    }

    /// The text.
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// The number of `/`, one less than there are levels.
    pub fn slashes(self) -> usize {
        slashes(self.0)
    }
}

impl<'a> TopicFilter<'a> {
    /// Checks a topic filter.
    ///
    /// # Errors
    /// It is empty or too long, has U+0000, a wildcard that is not a whole level, a `#` before the end, or begins with
    /// `$share/` and is no shared subscription.
    pub fn new(text: &'a str) -> Result<TopicFilter<'a>, TopicFilterError> {
        if text.len() > TEXT_LENGTH_MAX {
            return Err(TopicFilterError::TooLong);
        }
        if text.contains('\0') {
            return Err(TopicFilterError::NullCharacter);
        }
        let Some(shared) = text.strip_prefix(SHARE) else {
            check_levels(text)?;
            return Ok(TopicFilter { text, filter_start: 0 });
        };
        // `$share/g/a/#`: shared. `$share/g`, `$share//a`, `$share/+/a`, `$share/g/`: not.
        let (group, filter) = shared.split_once('/').ok_or(TopicFilterError::Share)?;
        if group.is_empty() || group.contains(['+', '#']) || filter.is_empty() {
            return Err(TopicFilterError::Share);
        }
        check_levels(filter)?;
        Ok(TopicFilter { text, filter_start: text.len() - filter.len() })
    }

    /// The whole text, with `$share/group/` where there is one.
    pub fn as_str(self) -> &'a str {
        self.text
    }

    /// Whether it asks for a shared subscription [MQTT-4.8.2].
    pub fn is_shared(self) -> bool {
        self.filter_start > 0
    }

    /// Whether it has a wildcard.
    pub fn has_wildcard(self) -> bool {
        self.filter().contains(['+', '#'])
    }

    /// What topics are compared with: the text without `$share/group/`.
    pub fn filter(self) -> &'a str {
        &self.text[self.filter_start..]
    }

    /// The number of `/` in what topics are compared with.
    pub fn slashes(self) -> usize {
        slashes(self.filter())
    }
}

fn slashes(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'/').count()
}

/// `#`, `a/#`, `+`, `a/+/b`, `/`, `a//b`: filters. The empty text, `a#`, `a/#/b`, `a+`, `a/b+/c`: not.
fn check_levels(filter: &str) -> Result<(), TopicFilterError> {
    if filter.is_empty() {
        return Err(TopicFilterError::Empty);
    }
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        let is_wildcard = level.contains(['+', '#']);
        if is_wildcard && level.len() > 1 {
            return Err(TopicFilterError::WildcardInLevel);
        }
        if level == "#" && levels.peek().is_some() {
            return Err(TopicFilterError::NotLast);
        }
    }
    Ok(())
}

/// Why a text is no topic name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicNameError {
    /// No characters.
    #[error("the topic is empty [MQTT-4.7.3-1]")]
    Empty,
    /// Longer than a string can be.
    #[error("the topic is longer than 65,535 bytes [MQTT-4.7.3-3]")]
    TooLong,
    /// `+` or `#`.
    #[error("the topic has a wildcard [MQTT-4.7.0-1]")]
    Wildcard,
    /// U+0000.
    #[error("the topic has the character U+0000 [MQTT-4.7.3-2]")]
    NullCharacter,
}

/// Why a text is no topic filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicFilterError {
    /// No characters.
    #[error("the topic filter is empty [MQTT-4.7.3-1]")]
    Empty,
    /// Longer than a string can be.
    #[error("the topic filter is longer than 65,535 bytes [MQTT-4.7.3-3]")]
    TooLong,
    /// U+0000.
    #[error("the topic filter has the character U+0000 [MQTT-4.7.3-2]")]
    NullCharacter,
    /// A wildcard beside other characters of its level.
    #[error("a wildcard of the topic filter is not a level of its own [MQTT-4.7.1-1, MQTT-4.7.1-2]")]
    WildcardInLevel,
    /// `#` before the last level.
    #[error("the # of the topic filter is not its last level [MQTT-4.7.1-1]")]
    NotLast,
    /// `$share/` without a group or a filter, or with a wildcard in the group's name.
    #[error("the shared subscription is not $share/<group>/<filter> [MQTT-4.8.2-1, MQTT-4.8.2-2]")]
    Share,
    /// More levels than a topic may have.
    #[error("the topic filter has more slashes than a topic may have")]
    TooManySlashes,
}
