//! The fence behind the bytes.

use std::cell::Cell;
use std::fmt::{self, Display};

use erased_serde::Error;
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::deeper;

/// A deserializer that fails beyond [`MAX_DEPTH`](super::MAX_DEPTH) values within each other.
///
/// The bytes of a recursive type say how deep it goes, a byte a level, and a megabyte of them from somebody who
/// wishes ill is the end of the stack and of the process.
///
/// It also carries errors past the codec. An erased deserializer turns each error into the codec's own and back at
/// every level, and bincode puts quotes around it each time: an error 40 levels down would take a terabyte.
///
/// So it belongs between a codec and the erased deserializer that types read from, where it is compiled once for
/// the codec and not once a type:
///
/// ```text
/// let carried = Carried::default();
/// let mut erased = <dyn erased_serde::Deserializer<'_>>::erase(Limited::new(codec, &carried));
/// erased_serde::deserialize::<T>(&mut erased)
/// ```
pub(crate) struct Limited<'s, D> {
    inner: D,
    depth: u8,
    carried: &'s Carried,
}

/// Where an error is while it passes the codec.
#[derive(Default)]
pub(crate) struct Carried(Cell<Option<Error>>);

impl Carried {
    /// Keeps an error from above, and gives the codec another to pass on.
    #[cold]
    fn keep<E: de::Error>(&self, error: Error) -> E {
        self.0.set(Some(error));
        E::custom("the value was refused")
    }

    /// The error that was kept, or else the codec's own.
    #[cold]
    fn give(&self, error: &dyn Display) -> Error {
        self.0.take().unwrap_or_else(|| de::Error::custom(error))
    }
}

impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Carried").finish_non_exhaustive()
    }
}

impl<'s, D> Limited<'s, D> {
    pub(crate) fn new(inner: D, carried: &'s Carried) -> Self {
        Self { inner, depth: 0, carried }
    }
}

impl<D> fmt::Debug for Limited<'_, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limited").field("depth", &self.depth).finish_non_exhaustive()
    }
}

macro_rules! forward {
    ($($deserialize:ident($($name:ident: $type:ty),*);)*) => {
        $(fn $deserialize<V: Visitor<'de>>(self, $($name: $type,)* visitor: V) -> Result<V::Value, Error> {
            let Self { inner, depth, carried } = self;
            inner.$deserialize($($name,)* Limited { inner: visitor, depth, carried }).map_err(|error| carried.give(&error))
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Limited<'_, D> {
    type Error = Error;

    forward! {
        deserialize_any();
        deserialize_bool();
        deserialize_i8();
        deserialize_i16();
        deserialize_i32();
        deserialize_i64();
        deserialize_i128();
        deserialize_u8();
        deserialize_u16();
        deserialize_u32();
        deserialize_u64();
        deserialize_u128();
        deserialize_f32();
        deserialize_f64();
        deserialize_char();
        deserialize_str();
        deserialize_string();
        deserialize_bytes();
        deserialize_byte_buf();
        deserialize_option();
        deserialize_unit();
        deserialize_unit_struct(name: &'static str);
        deserialize_newtype_struct(name: &'static str);
        deserialize_seq();
        deserialize_tuple(len: usize);
        deserialize_tuple_struct(name: &'static str, len: usize);
        deserialize_map();
        deserialize_struct(name: &'static str, fields: &'static [&'static str]);
        deserialize_enum(name: &'static str, variants: &'static [&'static str]);
        deserialize_identifier();
        deserialize_ignored_any();
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! plain {
    ($($visit:ident $type:ty;)*) => {
        $(fn $visit<E: de::Error>(self, value: $type) -> Result<V::Value, E> {
            self.inner.$visit(value).map_err(|error| self.carried.keep(error))
        })*
    };
}

/// What comes with parts is one level down.
macro_rules! compound {
    ($($visit:ident $access:ident;)*) => {
        $(fn $visit<A: $access<'de>>(self, access: A) -> Result<V::Value, A::Error> {
            let Self { inner, depth, carried } = self;
            let depth = deeper(depth, de::Error::custom).map_err(|error| carried.keep(error))?;
            inner.$visit(Limited { inner: access, depth, carried }).map_err(|error| carried.keep(error))
        })*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Limited<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    plain! {
        visit_bool bool;
        visit_i8 i8;
        visit_i16 i16;
        visit_i32 i32;
        visit_i64 i64;
        visit_i128 i128;
        visit_u8 u8;
        visit_u16 u16;
        visit_u32 u32;
        visit_u64 u64;
        visit_u128 u128;
        visit_f32 f32;
        visit_f64 f64;
        visit_char char;
        visit_str &str;
        visit_borrowed_str &'de str;
        visit_string String;
        visit_bytes &[u8];
        visit_borrowed_bytes &'de [u8];
        visit_byte_buf Vec<u8>;
    }

    compound! {
        visit_some Deserializer;
        visit_newtype_struct Deserializer;
        visit_seq SeqAccess;
        visit_map MapAccess;
    }

    fn visit_none<E: de::Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none().map_err(|error| self.carried.keep(error))
    }

    fn visit_unit<E: de::Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit().map_err(|error| self.carried.keep(error))
    }

    /// A variant without parts is no level: the others are when they are known.
    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        let Self { inner, depth, carried } = self;
        inner.visit_enum(Limited { inner: access, depth, carried }).map_err(|error| carried.keep(error))
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Limited<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        let Self { inner, depth, carried } = self;
        inner
            .deserialize(Limited { inner: deserializer, depth, carried })
            .map_err(|error| carried.keep(error))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Limited<'_, A> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let seed = Limited { inner: seed, depth: self.depth, carried: self.carried };
        self.inner.next_element_seed(seed).map_err(|error| self.carried.give(&error))
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Limited<'_, A> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let seed = Limited { inner: seed, depth: self.depth, carried: self.carried };
        self.inner.next_key_seed(seed).map_err(|error| self.carried.give(&error))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let seed = Limited { inner: seed, depth: self.depth, carried: self.carried };
        self.inner.next_value_seed(seed).map_err(|error| self.carried.give(&error))
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, 's, A: EnumAccess<'de>> EnumAccess<'de> for Limited<'s, A> {
    type Error = Error;
    type Variant = Limited<'s, A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), Error> {
        let Self { inner, depth, carried } = self;
        let seed = Limited { inner: seed, depth, carried };
        let (value, variant) = inner.variant_seed(seed).map_err(|error| carried.give(&error))?;
        Ok((value, Limited { inner: variant, depth, carried }))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Limited<'_, A> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        self.inner.unit_variant().map_err(|error| self.carried.give(&error))
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Error> {
        let Self { inner, depth, carried } = self;
        let depth = deeper(depth, de::Error::custom)?;
        inner
            .newtype_variant_seed(Limited { inner: seed, depth, carried })
            .map_err(|error| carried.give(&error))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        let Self { inner, depth, carried } = self;
        inner
            .tuple_variant(len, Limited { inner: visitor, depth, carried })
            .map_err(|error| carried.give(&error))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let Self { inner, depth, carried } = self;
        inner
            .struct_variant(fields, Limited { inner: visitor, depth, carried })
            .map_err(|error| carried.give(&error))
    }
}
