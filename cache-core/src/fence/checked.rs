//! The fence before the bytes.

use std::fmt;

use serde::Serialize;
use serde::ser::{
    Error, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::deeper;
use crate::schema::Enums;

/// A value that serializes as it does without, or not at all:
///
/// - A field that is left out by `skip_serializing_if` is an error. Without names in the bytes the next field would
///   be read in its place.
/// - So is a variant of an enum that is written by another number than it is read by: `#[serde(skip)]` on one before it
///   makes it so.
/// - So are more than [`MAX_DEPTH`](super::MAX_DEPTH) values within each other: the stack is not without end, and
///   reading them would be refused.
///
/// It wraps the value, since the serializers of some codecs cannot be named.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checked<'a, T: ?Sized> {
    value: &'a T,
    at: At<'a>,
}

impl<'a, T: ?Sized> Checked<'a, T> {
    /// The value, of a type that has these enums in it.
    #[inline]
    pub(crate) const fn new(value: &'a T, enums: &'a Enums) -> Self {
        Self { value, at: At { depth: 0, enums } }
    }
}

impl<T: Serialize + ?Sized> Serialize for Checked<'_, T> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(Fenced { inner: serializer, at: self.at })
    }
}

/// Within how many values, of what.
#[derive(Debug, Clone, Copy)]
struct At<'a> {
    depth: u8,
    enums: &'a Enums,
}

impl At<'_> {
    #[inline]
    fn deeper<E: Error>(self) -> Result<Self, E> {
        Ok(Self { depth: deeper(self.depth, E::custom)?, ..self })
    }

    /// Refuses a variant whose number is that of another where it is read.
    #[inline]
    fn variant<E: Error>(self, name: &str, index: u32, variant: &str) -> Result<(), E> {
        let (mut known, mut fits) = (false, false);
        for (_, variants) in self.enums.iter().filter(|(known, _)| *known == name) {
            known |= variants.contains(&variant);
            fits |= variants.get(index as usize) == Some(&variant);
        }
        if known && !fits { Err(misnumbered(name, variant)) } else { Ok(()) }
    }
}

#[cold]
fn misnumbered<E: Error>(name: &str, variant: &str) -> E {
    E::custom(format_args!(
        "`{name}::{variant}` is written by another number than it is read by, as after a variant with `#[serde(skip)]`"
    ))
}

/// A serializer, or what one gave for the parts of a value.
struct Fenced<'a, S> {
    inner: S,
    at: At<'a>,
}

impl<'e, S> Fenced<'e, S> {
    #[inline]
    const fn within<'a, T: ?Sized>(&self, value: &'a T) -> Checked<'a, T>
    where
        'e: 'a,
    {
        Checked { value, at: self.at }
    }
}

macro_rules! plain {
    ($($serialize:ident $type:ty;)*) => {
        $(#[inline]
        fn $serialize(self, value: $type) -> Result<S::Ok, S::Error> {
            self.inner.$serialize(value)
        })*
    };
}

/// What has parts is one level down.
macro_rules! compound {
    ($($serialize:ident -> $part:ident ($($name:ident: $type:ty),*);)*) => {
        $(#[inline]
        fn $serialize(self, $($name: $type),*) -> Result<Fenced<'e, S::$part>, S::Error> {
            let at = self.at.deeper()?;
            Ok(Fenced { inner: self.inner.$serialize($($name),*)?, at })
        })*
    };
}

impl<'e, S: Serializer> Serializer for Fenced<'e, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Fenced<'e, S::SerializeSeq>;
    type SerializeTuple = Fenced<'e, S::SerializeTuple>;
    type SerializeTupleStruct = Fenced<'e, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Fenced<'e, S::SerializeTupleVariant>;
    type SerializeMap = Fenced<'e, S::SerializeMap>;
    type SerializeStruct = Fenced<'e, S::SerializeStruct>;
    type SerializeStructVariant = Fenced<'e, S::SerializeStructVariant>;

    plain! {
        serialize_bool bool;
        serialize_i8 i8;
        serialize_i16 i16;
        serialize_i32 i32;
        serialize_i64 i64;
        serialize_i128 i128;
        serialize_u8 u8;
        serialize_u16 u16;
        serialize_u32 u32;
        serialize_u64 u64;
        serialize_u128 u128;
        serialize_f32 f32;
        serialize_f64 f64;
        serialize_char char;
        serialize_str &str;
        serialize_bytes &[u8];
        serialize_unit_struct &'static str;
    }

    compound! {
        serialize_seq -> SerializeSeq(len: Option<usize>);
        serialize_tuple -> SerializeTuple(len: usize);
        serialize_tuple_struct -> SerializeTupleStruct(name: &'static str, len: usize);
        serialize_map -> SerializeMap(len: Option<usize>);
        serialize_struct -> SerializeStruct(name: &'static str, len: usize);
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        self.at.variant(name, index, variant)?;
        let at = self.at.deeper()?;
        Ok(Fenced { inner: self.inner.serialize_tuple_variant(name, index, variant, len)?, at })
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        self.at.variant(name, index, variant)?;
        let at = self.at.deeper()?;
        Ok(Fenced { inner: self.inner.serialize_struct_variant(name, index, variant, len)?, at })
    }

    #[inline]
    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_none()
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let at = self.at.deeper()?;
        self.inner.serialize_some(&Checked { value, at })
    }

    #[inline]
    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit()
    }

    #[inline]
    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.at.variant(name, index, variant)?;
        self.inner.serialize_unit_variant(name, index, variant)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let at = self.at.deeper()?;
        self.inner.serialize_newtype_struct(name, &Checked { value, at })
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.at.variant(name, index, variant)?;
        let at = self.at.deeper()?;
        self.inner.serialize_newtype_variant(name, index, variant, &Checked { value, at })
    }

    #[inline]
    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! elements {
    ($($part:ident $serialize:ident;)*) => {
        $(impl<S: $part> $part for Fenced<'_, S> {
            type Ok = S::Ok;
            type Error = S::Error;

            #[inline]
            fn $serialize<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
                let value = self.within(value);
                self.inner.$serialize(&value)
            }

            #[inline]
            fn end(self) -> Result<S::Ok, S::Error> {
                self.inner.end()
            }
        })*
    };
}

elements! {
    SerializeSeq serialize_element;
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
    SerializeTupleVariant serialize_field;
}

macro_rules! fields {
    ($($part:ident)*) => {
        $(impl<S: $part> $part for Fenced<'_, S> {
            type Ok = S::Ok;
            type Error = S::Error;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), S::Error> {
                let value = self.within(value);
                self.inner.serialize_field(name, &value)
            }

            #[inline]
            fn skip_field(&mut self, name: &'static str) -> Result<(), S::Error> {
                Err(left_out(name))
            }

            #[inline]
            fn end(self) -> Result<S::Ok, S::Error> {
                self.inner.end()
            }
        })*
    };
}

fields! { SerializeStruct SerializeStructVariant }

#[cold]
fn left_out<E: Error>(name: &str) -> E {
    E::custom(format_args!(
        "`{name}` is left out by `skip_serializing_if`, and a codec without names cannot tell"
    ))
}

impl<S: SerializeMap> SerializeMap for Fenced<'_, S> {
    type Ok = S::Ok;
    type Error = S::Error;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), S::Error> {
        let key = self.within(key);
        self.inner.serialize_key(&key)
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        let value = self.within(value);
        self.inner.serialize_value(&value)
    }

    #[inline]
    fn serialize_entry<K: Serialize + ?Sized, V: Serialize + ?Sized>(
        &mut self,
        key: &K,
        value: &V,
    ) -> Result<(), S::Error> {
        let (key, value) = (self.within(key), self.within(value));
        self.inner.serialize_entry(&key, &value)
    }

    #[inline]
    fn end(self) -> Result<S::Ok, S::Error> {
        self.inner.end()
    }
}
