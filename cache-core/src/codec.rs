//! Values as bytes, for the backends that keep bytes. The only module that knows bincode.

use std::any::Any;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde::de::value::{Error as ValueError, I64Deserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};

use crate::entry::{Encoded, Entry, Meta};
use crate::error::{Error, Result};

/// Encoding claims are counted, not wire bytes, and a claim can be eight times its wire size.
const DECODE_LIMIT: usize = 256 * 1024 * 1024;
/// The largest encoded value; larger ones are returned to the caller and not stored.
const ENCODE_LIMIT: usize = DECODE_LIMIT / 8;

/// How values of one type become bytes and entries again. Made by [`Codec::of`].
#[derive(Debug, Clone, Copy)]
pub struct Codec {
    type_name: fn() -> &'static str,
    encode: fn(&dyn Any) -> Result<Vec<u8>>,
    measure: fn(&dyn Any) -> Option<usize>,
    decode: fn(&[u8], Meta) -> Result<Arc<Entry>>,
    number: fn(i64, Meta) -> Result<Arc<Entry>>,
}

struct Of<T>(std::marker::PhantomData<T>);

impl<T: Serialize + DeserializeOwned + Any + Send + Sync> Of<T> {
    const CODEC: Codec = Codec {
        type_name: std::any::type_name::<T>,
        encode: encode::<T>,
        measure: measure::<T>,
        decode: decode::<T>,
        number: number::<T>,
    };
}

impl Codec {
    /// The codec of `T`.
    pub fn of<T: Serialize + DeserializeOwned + Any + Send + Sync>() -> &'static Self {
        &Of::<T>::CODEC
    }

    /// The type it is for.
    pub fn type_name(&self) -> &'static str {
        (self.type_name)()
    }

    /// The same entry with a whole number as an `i64`, for backends that count; `None` if it is no number.
    pub(crate) fn number(entry: &Entry) -> Option<Arc<Entry>> {
        let number = whole_number(entry.value())?;
        Some(Entry::new(number, entry.meta()).stamped(entry.stamps().to_vec()))
    }

    /// The same entry with its value as bytes.
    pub fn encode(&self, entry: &Entry) -> Result<Arc<Entry>> {
        let bytes = (self.encode)(entry.value())?;
        Ok(Entry::new(Encoded(Bytes::from(bytes)), entry.meta()).stamped(entry.stamps().to_vec()))
    }

    /// The same entry with its value as the type it was.
    pub fn decode(&self, entry: &Entry) -> Result<Arc<Entry>> {
        if let Some(number) = entry.downcast_ref::<i64>() {
            return Ok((self.number)(*number, entry.meta())?.stamped(entry.stamps().to_vec()));
        }
        match entry.encoded() {
            Some(bytes) => Ok((self.decode)(bytes, entry.meta())?.stamped(entry.stamps().to_vec())),
            None => Err(Error::Codec { type_name: self.type_name(), reason: "not an encoded entry".into() }),
        }
    }

    /// How many bytes the value takes encoded, whatever the limit; an estimate of what it holds on the heap.
    /// `None` for a value that does not encode.
    pub(crate) fn encoded_len(&self, value: &dyn Any) -> Option<usize> {
        (self.measure)(value)
    }
}

/// A value of an integer type, if 64 bits with a sign hold it.
fn whole_number(value: &dyn Any) -> Option<i64> {
    macro_rules! one_of {
        ($($int:ty)*) => {
            $(if let Some(number) = value.downcast_ref::<$int>() {
                return i64::try_from(*number).ok();
            })*
        };
    }
    one_of!(i64 i32 u64 u32 usize isize i16 u16 i8 u8);
    None
}

/// A number as whatever type reads one.
fn number<T: DeserializeOwned + Any + Send + Sync>(number: i64, meta: Meta) -> Result<Arc<Entry>> {
    let from: I64Deserializer<ValueError> = number.into_deserializer();
    Ok(Entry::new(T::deserialize(from).map_err(Error::codec::<T>)?, meta))
}

const fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<DECODE_LIMIT>()
}

fn encode<T: Serialize + Any>(value: &dyn Any) -> Result<Vec<u8>> {
    let value: &T = value.downcast_ref().ok_or_else(|| Error::codec::<T>("the value has another type"))?;
    let bytes = bincode::serde::encode_to_vec(value, config()).map_err(Error::codec::<T>)?;
    if bytes.len() > ENCODE_LIMIT {
        return Err(Error::codec::<T>(format_args!("{} bytes are more than {ENCODE_LIMIT}", bytes.len())));
    }
    Ok(bytes)
}

fn measure<T: Serialize + Any>(value: &dyn Any) -> Option<usize> {
    struct Count(usize);
    impl bincode::enc::write::Writer for Count {
        fn write(&mut self, bytes: &[u8]) -> std::result::Result<(), bincode::error::EncodeError> {
            self.0 = self.0.saturating_add(bytes.len());
            Ok(())
        }
    }
    let mut count = Count(0);
    bincode::serde::encode_into_writer(value.downcast_ref::<T>()?, &mut count, config()).ok()?;
    Some(count.0)
}

fn decode<T: DeserializeOwned + Any + Send + Sync>(bytes: &[u8], meta: Meta) -> Result<Arc<Entry>> {
    let (value, used): (T, usize) =
        bincode::serde::decode_from_slice(bytes, config()).map_err(Error::codec::<T>)?;
    if used != bytes.len() {
        return Err(Error::codec::<T>(format_args!("{} bytes are left over", bytes.len() - used)));
    }
    Ok(Entry::new(value, meta))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Time;

    fn entry<T: Any + Send + Sync>(value: T) -> Arc<Entry> {
        Entry::new(value, Meta::new(Time::from_nanos(1), Time::NEVER))
    }

    #[test]
    fn a_value_comes_back_as_it_was() {
        let codec = Codec::of::<Vec<(u32, String)>>();
        let value = vec![(7u32, "seven".to_owned())];
        let back = codec.decode(&codec.encode(&entry(value.clone())).unwrap()).unwrap();
        assert_eq!(back.downcast_ref(), Some(&value));
    }

    #[test]
    fn left_over_and_missing_bytes_are_errors() {
        let codec = Codec::of::<String>();
        let bytes = codec.encode(&entry("four".to_owned())).unwrap().encoded().unwrap().to_vec();
        let mut longer = bytes.clone();
        longer.push(0);
        for bad in [&longer[..], &bytes[..2], &[]] {
            assert!(codec.decode(&entry(Encoded(Bytes::copy_from_slice(bad)))).is_err());
        }
    }

    #[test]
    fn a_length_bomb_is_an_error_and_no_allocation() {
        let mut bomb = vec![0xfd];
        bomb.extend_from_slice(&(1u64 << 40).to_le_bytes());
        assert!(Codec::of::<String>().decode(&entry(Encoded(bomb.into()))).is_err());
    }
}
