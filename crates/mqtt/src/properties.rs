//! The properties of a packet of version 5 [2.2.2].

use std::fmt;

use crate::cursor::Cursor;
use crate::error::{Fault, Offence, Rule};
use crate::field::Field;
use crate::property::{self, Property, PropertyId, Value};
use crate::version::Version;
use crate::writer::Writer;

/// User Properties in one packet. Far more than clients send, and few enough that nobody has to fear them.
pub const USER_PROPERTIES_MAX: usize = 100;

/// The properties of one packet, in their order. A packet of 3.1.1 has none.
///
/// Those of a packet that was read stay in its bytes: they were checked once, and are found by walking them again. To
/// send some, list them: `Properties::from(&[(PropertyId::ReceiveMaximum, Value::TwoByteInteger(20))][..])`.
#[derive(Clone, Copy)]
pub struct Properties<'a>(Source<'a>);

#[derive(Clone, Copy)]
enum Source<'a> {
    /// A checked block of a packet.
    Block(&'a [u8]),
    List(&'a [Property<'a>]),
}

/// Which properties a packet may have: these once, and these any number of times.
pub(crate) struct Allowed {
    pub(crate) once: &'static [PropertyId],
    pub(crate) repeated: &'static [PropertyId],
}

impl<'a> Properties<'a> {
    /// All properties, in the order of the packet.
    pub fn iter(self) -> impl Iterator<Item = Property<'a>> {
        let (block, list) = match self.0 {
            Source::Block(block) => (block, &[][..]),
            Source::List(list) => (&[][..], list),
        };
        let mut cursor = Cursor::new(block);
        // The block was checked, so it ends where it is empty.
        let read = std::iter::from_fn(move || property::decode(&mut cursor).ok());
        read.chain(list.iter().copied())
    }

    /// The first value of a property.
    pub fn find(self, id: PropertyId) -> Option<Value<'a>> {
        self.iter().find_map(|(found, value)| (found == id).then_some(value))
    }

    /// The value of a property that is a number of one, two, four or a variable number of bytes.
    pub fn number(self, id: PropertyId) -> Option<u32> {
        match self.find(id)? {
            Value::Byte(value) => Some(value.into()),
            Value::TwoByteInteger(value) => Some(value.into()),
            Value::FourByteInteger(value) | Value::VariableByteInteger(value) => Some(value),
            _ => None,
        }
    }

    /// The value of a property that is a string.
    pub fn text(self, id: PropertyId) -> Option<&'a str> {
        match self.find(id)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        match self.0 {
            Source::Block(block) => block.is_empty(),
            Source::List(list) => list.is_empty(),
        }
    }

    /// Reads Property Length and the properties; 3.1.1 has neither.
    pub(crate) fn decode(version: Version, cursor: &mut Cursor<'a>, allowed: &Allowed) -> Result<Self, Offence> {
        if version == Version::V311 {
            return Ok(Properties::default());
        }
        let length = cursor.varint(Field::PropertyLength)?;
        let block = cursor.take(length as usize, Field::Properties)?;
        allowed.check(block)?;
        Ok(Properties(Source::Block(block)))
    }

    /// Writes Property Length and the properties; nothing in 3.1.1.
    pub(crate) fn encode(self, version: Version, writer: &mut Writer<'_>) {
        match self.0 {
            _ if version == Version::V311 => {}
            Source::Block(block) => {
                writer.varint(u32::try_from(block.len()).unwrap_or(u32::MAX));
                writer.raw(block);
            }
            Source::List(list) => {
                writer.measured(|writer| list.iter().for_each(|property| property::encode(*property, writer)));
            }
        }
    }
}

impl Allowed {
    fn check(&self, block: &[u8]) -> Result<(), Offence> {
        let mut cursor = Cursor::new(block);
        let mut seen = 0u64;
        let mut user_properties = 0;
        while !cursor.is_empty() {
            let (id, _) = property::decode(&mut cursor)?;
            let bit = 1 << id as u8;
            if self.once.contains(&id) {
                if seen & bit != 0 {
                    return Err(Offence::Field(Field::Property(id), Fault::Repeated));
                }
            } else if !self.repeated.contains(&id) {
                return Err(Offence::Field(Field::Property(id), Fault::NotAllowed));
            }
            seen |= bit;
            user_properties += usize::from(id == PropertyId::UserProperty);
            if user_properties > USER_PROPERTIES_MAX {
                return Err(Rule::TooManyUserProperties.into());
            }
        }
        Ok(())
    }
}

impl Default for Properties<'_> {
    fn default() -> Self {
        Properties(Source::Block(&[]))
    }
}

impl<'a> From<&'a [Property<'a>]> for Properties<'a> {
    fn from(list: &'a [Property<'a>]) -> Self {
        Properties(Source::List(list))
    }
}

impl PartialEq for Properties<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Properties<'_> {}

impl fmt::Debug for Properties<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.iter().map(|(id, value)| match id {
            // A secret, or made of one.
            PropertyId::AuthenticationData => (id, Value::Text("…")),
            _ => (id, value),
        });
        f.debug_map().entries(shown).finish()
    }
}
