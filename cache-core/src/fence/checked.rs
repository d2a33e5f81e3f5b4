//! The fence before the bytes.

use std::fmt;

use serde::Serialize;
use serde::ser::{
    Error, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::deeper;

/// A value that serializes as it does without, or not at all:
///
/// - A field that is left out by `skip_serializing_if` is an error. Without names in the bytes the next field would
///   be read in its place.
/// - So are more than [`MAX_DEPTH`](super::MAX_DEPTH) values within each other: the stack is not without end, and
///   reading them would be refused.
///
/// It wraps the value, since the serializers of some codecs cannot be named.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checked<'a, T: ?Sized>(pub(crate) &'a T);

impl<T: Serialize + ?Sized> Serialize for Checked<'_, T> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(Fenced { inner: serializer, depth: 0 })
    }
}

/// A value within `depth` others.
struct Within<'a, T: ?Sized> {
    value: &'a T,
    depth: u8,
}

impl<T: Serialize + ?Sized> Serialize for Within<'_, T> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(Fenced { inner: serializer, depth: self.depth })
    }
}

/// A serializer, or what one gave for the parts of a value, within `depth` values.
struct Fenced<S> {
    inner: S,
    depth: u8,
}

impl<S> Fenced<S> {
    #[inline]
    fn within<'a, T: ?Sized>(&self, value: &'a T) -> Within<'a, T> {
        Within { value, depth: self.depth }
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
        fn $serialize(self, $($name: $type),*) -> Result<Fenced<S::$part>, S::Error> {
            let depth = deeper(self.depth, S::Error::custom)?;
            Ok(Fenced { inner: self.inner.$serialize($($name),*)?, depth })
        })*
    };
}

impl<S: Serializer> Serializer for Fenced<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Fenced<S::SerializeSeq>;
    type SerializeTuple = Fenced<S::SerializeTuple>;
    type SerializeTupleStruct = Fenced<S::SerializeTupleStruct>;
    type SerializeTupleVariant = Fenced<S::SerializeTupleVariant>;
    type SerializeMap = Fenced<S::SerializeMap>;
    type SerializeStruct = Fenced<S::SerializeStruct>;
    type SerializeStructVariant = Fenced<S::SerializeStructVariant>;

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
        serialize_tuple_variant -> SerializeTupleVariant(
            name: &'static str, index: u32, variant: &'static str, len: usize
        );
        serialize_map -> SerializeMap(len: Option<usize>);
        serialize_struct -> SerializeStruct(name: &'static str, len: usize);
        serialize_struct_variant -> SerializeStructVariant(
            name: &'static str, index: u32, variant: &'static str, len: usize
        );
    }

    #[inline]
    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_none()
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let depth = deeper(self.depth, S::Error::custom)?;
        self.inner.serialize_some(&Within { value, depth })
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
        self.inner.serialize_unit_variant(name, index, variant)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let depth = deeper(self.depth, S::Error::custom)?;
        self.inner.serialize_newtype_struct(name, &Within { value, depth })
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let depth = deeper(self.depth, S::Error::custom)?;
        self.inner.serialize_newtype_variant(name, index, variant, &Within { value, depth })
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
        $(impl<S: $part> $part for Fenced<S> {
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
        $(impl<S: $part> $part for Fenced<S> {
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

impl<S: SerializeMap> SerializeMap for Fenced<S> {
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
