//! What a value tells whoever writes it, as one number: to see whether another value tells the same.
//!
//! Codecs may write two values alike, as JSON does `None` and `Some(None)`. This tells them apart. The order of the
//! elements of a list does not count, because sets and maps come in any.

use std::cell::Cell;
use std::fmt::{Display, Error};

use serde::Serialize;
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use super::{Codec, Failure, Plain, Slot, ids};
use crate::key;

/// A codec that only writes: eight bytes, and one that says whether a part of the value is nothing.
#[derive(Debug)]
pub(crate) struct Tally;

impl Codec for Tally {
    fn id(&self) -> u8 {
        ids::NOTHING
    }

    fn name(&self) -> &'static str {
        "tally"
    }

    fn encode(&self, value: &Plain<'_>) -> Result<Vec<u8>, Failure> {
        let hollow = Cell::new(false);
        let told = value.serialize(Teller(&hollow))?;
        Ok([&told.to_le_bytes()[..], &[u8::from(hollow.get())]].concat())
    }

    fn decode(&self, _: &[u8], _: &mut Slot<'_>) -> Result<(), Failure> {
        Err("nothing is read from a tally".into())
    }
}

/// Parts that belong together, in this order.
fn mixed(kind: u8, parts: &[u64]) -> u64 {
    let mut bytes = vec![kind];
    bytes.extend(parts.iter().flat_map(|part| part.to_le_bytes()));
    key::hash(&bytes)
}

fn leaf(kind: u8, bytes: &[u8]) -> u64 {
    mixed(kind, &[key::hash(bytes)])
}

const BOOL: u8 = 0;
const SIGNED: u8 = 1;
const UNSIGNED: u8 = 2;
const F32: u8 = 3;
const F64: u8 = 4;
const CHAR: u8 = 5;
const STR: u8 = 6;
const BYTES: u8 = 7;
const NONE: u8 = 8;
const SOME: u8 = 9;
const UNIT: u8 = 10;
const VARIANT: u8 = 11;
const LIST: u8 = 12;
const ROW: u8 = 13;
const PAIR: u8 = 14;

/// Notes whether there is a `None`, or a list or map without elements: of what would be in it nothing is seen.
#[derive(Clone, Copy)]
struct Teller<'a>(&'a Cell<bool>);

/// The parts so far.
struct Parts<'a> {
    teller: Teller<'a>,
    /// Whether it is a list or a map, which may have none.
    is_list: bool,
    /// The variant that they are of.
    of: u64,
    sum: u64,
    count: u64,
    /// The key that waits for its value.
    key: u64,
}

impl<'a> Parts<'a> {
    const fn of(teller: Teller<'a>, of: u64) -> Self {
        Self { teller, is_list: false, of, sum: 0, count: 0, key: 0 }
    }

    const fn list_of(teller: Teller<'a>) -> Self {
        Self { is_list: true, ..Self::of(teller, 0) }
    }

    fn add(&mut self, part: u64) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(part);
    }

    fn list(&mut self, part: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        let part = part.serialize(self.teller)?;
        self.add(part);
        Ok(())
    }

    fn row(&mut self, part: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        let part = mixed(ROW, &[self.count, part.serialize(self.teller)?]);
        self.add(part);
        Ok(())
    }

    fn field(&mut self, name: &str, part: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        let part = mixed(PAIR, &[key::hash(name.as_bytes()), part.serialize(self.teller)?]);
        self.add(part);
        Ok(())
    }

    fn end(&self) -> u64 {
        if self.is_list && self.count == 0 {
            self.teller.0.set(true);
        }
        mixed(LIST, &[self.of, self.sum, self.count])
    }
}

macro_rules! leaves {
    ($($method:ident $type:ty: $kind:ident as $wide:ty;)*) => {$(
        fn $method(self, value: $type) -> Result<u64, Error> {
            Ok(leaf($kind, &<$wide>::from(value).to_le_bytes()))
        }
    )*};
}

impl<'a> Serializer for Teller<'a> {
    type Ok = u64;
    type Error = Error;
    type SerializeSeq = Parts<'a>;
    type SerializeTuple = Parts<'a>;
    type SerializeTupleStruct = Parts<'a>;
    type SerializeTupleVariant = Parts<'a>;
    type SerializeMap = Parts<'a>;
    type SerializeStruct = Parts<'a>;
    type SerializeStructVariant = Parts<'a>;

    leaves! {
        serialize_bool bool: BOOL as u8;
        serialize_i8 i8: SIGNED as i128;
        serialize_i16 i16: SIGNED as i128;
        serialize_i32 i32: SIGNED as i128;
        serialize_i64 i64: SIGNED as i128;
        serialize_i128 i128: SIGNED as i128;
        serialize_u8 u8: UNSIGNED as u128;
        serialize_u16 u16: UNSIGNED as u128;
        serialize_u32 u32: UNSIGNED as u128;
        serialize_u64 u64: UNSIGNED as u128;
        serialize_u128 u128: UNSIGNED as u128;
        serialize_f32 f32: F32 as f32;
        serialize_f64 f64: F64 as f64;
        serialize_char char: CHAR as u32;
    }

    fn serialize_str(self, value: &str) -> Result<u64, Error> {
        Ok(leaf(STR, value.as_bytes()))
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<u64, Error> {
        self.serialize_str(&value.to_string())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<u64, Error> {
        Ok(leaf(BYTES, value))
    }

    fn serialize_none(self) -> Result<u64, Error> {
        self.0.set(true);
        Ok(mixed(NONE, &[]))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<u64, Error> {
        Ok(mixed(SOME, &[value.serialize(self)?]))
    }

    fn serialize_unit(self) -> Result<u64, Error> {
        Ok(mixed(UNIT, &[]))
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<u64, Error> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<u64, Error> {
        Ok(leaf(VARIANT, variant.as_bytes()))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<u64, Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<u64, Error> {
        Ok(mixed(VARIANT, &[key::hash(variant.as_bytes()), value.serialize(self)?]))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts<'a>, Error> {
        Ok(Parts::list_of(self))
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts<'a>, Error> {
        Ok(Parts::of(self, 0))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Parts<'a>, Error> {
        Ok(Parts::of(self, 0))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'a>, Error> {
        Ok(Parts::of(self, key::hash(variant.as_bytes())))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Parts<'a>, Error> {
        Ok(Parts::list_of(self))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Parts<'a>, Error> {
        Ok(Parts::of(self, 0))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'a>, Error> {
        Ok(Parts::of(self, key::hash(variant.as_bytes())))
    }
}

impl SerializeMap for Parts<'_> {
    type Ok = u64;
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.key = key.serialize(self.teller)?;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let pair = mixed(PAIR, &[self.key, value.serialize(self.teller)?]);
        self.add(pair);
        Ok(())
    }

    fn end(self) -> Result<u64, Error> {
        Ok(Self::end(&self))
    }
}

macro_rules! parts {
    ($($trait:ident $method:ident($($name:ident: $type:ty)?) $how:ident;)*) => {$(
        impl $trait for Parts<'_> {
            type Ok = u64;
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, $($name: $type,)? part: &T) -> Result<(), Error> {
                self.$how($($name,)? part)
            }

            fn end(self) -> Result<u64, Error> {
                Ok(Self::end(&self))
            }
        }
    )*};
}

parts! {
    SerializeSeq serialize_element() list;
    SerializeTuple serialize_element() row;
    SerializeTupleStruct serialize_field() row;
    SerializeTupleVariant serialize_field() row;
    SerializeStruct serialize_field(name: &'static str) field;
    SerializeStructVariant serialize_field(name: &'static str) field;
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use serde::Serialize;

    use super::*;

    fn tally(value: &(impl Serialize + 'static)) -> Vec<u8> {
        Tally.encode(&Plain::of(value)).unwrap()
    }

    #[derive(Serialize)]
    enum Kinds {
        Unit,
        Other,
        New(u8),
        Tuple(u8, u8),
        Struct { a: u8, b: u8 },
    }

    #[test]
    fn values_that_differ_tell_something_else() {
        let each = [
            tally(&None::<Option<()>>),
            tally(&Some(None::<()>)),
            tally(&Some(Some(()))),
            tally(&()),
            tally(&f64::NAN),
            tally(&0.0),
            tally(&-0.0),
            tally(&1u8),
            tally(&-1),
            tally(&true),
            tally(&"1"),
            tally(&'1'),
            tally(&(1u8, 2u8)),
            tally(&(2u8, 1u8)),
            tally(&vec![1u8, 2]),
            tally(&vec![1u8, 2, 2]),
            tally(&HashMap::from([(1u8, 2u8)])),
            tally(&HashMap::from([(2u8, 1u8)])),
            tally(&Kinds::Unit),
            tally(&Kinds::Other),
            tally(&Kinds::New(1)),
            tally(&Kinds::Tuple(1, 2)),
            tally(&Kinds::Tuple(2, 1)),
            tally(&Kinds::Struct { a: 1, b: 2 }),
            tally(&Kinds::Struct { a: 2, b: 1 }),
        ];
        assert_eq!(HashSet::<&Vec<u8>>::from_iter(&each).len(), each.len());
    }

    #[test]
    fn the_order_of_a_set_or_map_does_not_count() {
        let (one, other) = (HashSet::from(["a", "b", "c"]), HashSet::from(["c", "a", "b"]));
        assert_eq!(tally(&one), tally(&other));
        let (one, other) = (HashMap::from([("a", 1), ("b", 2)]), HashMap::from([("b", 2), ("a", 1)]));
        assert_eq!(tally(&one), tally(&other));
        assert_eq!(tally(&Some(f64::NAN)), tally(&Some(f64::NAN)), "the same one");
    }

    #[test]
    fn what_is_nowhere_nothing_is_whole() {
        let is_hollow = |told: Vec<u8>| told.last() == Some(&1);
        assert!(is_hollow(tally(&Vec::<u8>::new())));
        assert!(is_hollow(tally(&(1u8, None::<u8>))));
        assert!(is_hollow(tally(&vec![HashMap::<u8, u8>::new()])));
        assert!(!is_hollow(tally(&vec![Some(Kinds::Struct { a: 1, b: 2 })])));
        assert!(!is_hollow(tally(&((), "", Kinds::Unit))));
    }
}
