//! Values made up where a visitor must have one before it asks for the next.

use std::cell::Cell;

use erased_serde::Error;
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, DeserializeSeed, Error as _, IntoDeserializer, Visitor};

/// A value of any type within a value may be one of another: a recursive type is made up without end.
const MAX_DEPTH: u8 = 16;
/// What the longest tuple of made-up parts is.
const MAX_PARTS: usize = 4_096;

/// A value of whatever is asked for. Types that accept not every value (`NonZero`, an address in a text) may
/// accept another attempt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dummy<'f> {
    attempt: u8,
    depth: u8,
    /// How many more may be made: arrays of arrays of arrays are large.
    fuel: &'f Cell<u32>,
}

impl<'f> Dummy<'f> {
    pub(super) fn new(attempt: u8, fuel: &'f Cell<u32>) -> Self {
        Self { attempt, depth: 0, fuel }
    }

    fn of<T: Copy>(self, values: &[T; 8]) -> Result<T, Error> {
        self.fuel.set(self.fuel.get().saturating_sub(1));
        let index = usize::from(self.attempt) % values.len();
        values.get(index).copied().ok_or_else(|| Error::custom("nothing is made up"))
    }

    fn number(self) -> Result<u8, Error> {
        self.of(&[1, 0, 2, 10, 48, 64, 97, 127])
    }

    fn text(self) -> Result<&'static str, Error> {
        self.of(&[
            "",
            "a",
            "1",
            "0.0.0",
            "127.0.0.1",
            "http://a.a/",
            "2000-01-01T00:00:00Z",
            "00000000-0000-4000-8000-000000000000",
        ])
    }

    fn bytes(self) -> Result<&'static [u8], Error> {
        const ZEROS: &[u8] = &[0; 32];
        let len = self.of(&[0, 1, 4, 8, 16, 20, 24, 32])?;
        ZEROS.get(..len).ok_or_else(|| Error::custom("nothing is made up"))
    }

    /// What is inside it.
    fn inside(self) -> Result<Self, Error> {
        if self.depth >= MAX_DEPTH || self.fuel.get() == 0 {
            return Err(Error::custom("values within values without end"));
        }
        self.fuel.set(self.fuel.get() - 1);
        Ok(Self { depth: self.depth + 1, ..self })
    }

    /// Elements of a collection: none, and one in the later attempts.
    fn few(self) -> usize {
        usize::from(self.attempt > 3)
    }

    fn sequence<'de, V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        let inside = self.inside()?;
        let parts = std::iter::repeat_n(inside, len.min(MAX_PARTS));
        visitor.visit_seq(SeqDeserializer::new(parts))
    }

    /// The first variant, the last, the second, the one before the last: one of them ends a recursive type.
    fn variant(self, count: usize) -> usize {
        let half = usize::from(self.attempt / 2) % count.max(1);
        if self.attempt.is_multiple_of(2) { half } else { count.saturating_sub(half + 1) }
    }
}

impl IntoDeserializer<'_, Error> for Dummy<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! made_up {
    ($($deserialize:ident $visit:ident $what:ident;)*) => {
        $(fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.$visit(self.$what()?.into())
        })*
    };
}

impl<'de> de::Deserializer<'de> for Dummy<'_> {
    type Error = Error;

    made_up! {
        deserialize_u8 visit_u8 number;
        deserialize_u16 visit_u16 number;
        deserialize_u32 visit_u32 number;
        deserialize_u64 visit_u64 number;
        deserialize_u128 visit_u128 number;
        deserialize_i16 visit_i16 number;
        deserialize_i32 visit_i32 number;
        deserialize_i64 visit_i64 number;
        deserialize_i128 visit_i128 number;
        deserialize_f32 visit_f32 number;
        deserialize_f64 visit_f64 number;
        deserialize_char visit_char number;
        deserialize_identifier visit_u64 number;
        deserialize_str visit_borrowed_str text;
        deserialize_string visit_string text;
        deserialize_bytes visit_borrowed_bytes bytes;
        deserialize_byte_buf visit_byte_buf bytes;
    }

    fn deserialize_i8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_i8(self.number()?.try_into().map_err(Error::custom)?)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bool(!self.attempt.is_multiple_of(2))
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_none()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self.inside()?)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.sequence(self.few(), visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        self.sequence(len, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.sequence(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let inside = self.inside()?;
        visitor.visit_map(MapDeserializer::new(std::iter::repeat_n((inside, inside), self.few())))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.sequence(fields.len(), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let index = self.variant(variants.len());
        visitor.visit_enum(Variant { index, inside: self.inside()? })
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// A made-up variant.
struct Variant<'f> {
    index: usize,
    inside: Dummy<'f>,
}

impl<'de> de::EnumAccess<'de> for Variant<'_> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Error> {
        let index = self.index as u64;
        Ok((seed.deserialize(index.into_deserializer())?, self))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(self.inside)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        self.inside.sequence(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.inside.sequence(fields.len(), visitor)
    }
}
