//! Walking JSON that may have any shape: an unexpected one is told to the walk and passed over, not an end of it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What to do with one element. The shape that a walk does not override is passed over and told as [`Walk::other`].
///
/// What is passed over is not descended into with the call stack, so its depth is bounded by its length alone.
pub(crate) trait Walk<'de>: Sized {
    /// The element is an object.
    fn object<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        self.other()
    }

    /// The element is an array.
    fn array<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        self.other()
    }

    /// The element is anything else.
    fn other<E: Error>(self) -> Result<(), E>;
}

/// Makes a walk what serde drives.
pub(crate) struct Walker<W>(pub(crate) W);

impl<'de, W: Walk<'de>> DeserializeSeed<'de> for Walker<W> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, W: Walk<'de>> Visitor<'de> for Walker<W> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.0.object(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        self.0.array(seq)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.0.other()
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.0.other()
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.0.other()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.0.other()
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.0.other()
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.0.other()
    }
}
