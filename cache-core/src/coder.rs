//! One type, and how its values go through whatever codec.

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde::de::value::{Error as ValueError, I64Deserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};

use crate::codec::{self, Bincode, Codec, Failure, Plain, Slot, Tally, ids};
use crate::entry::{Entry, Kind, Meta, Payload};
use crate::envelope::{MAX_PAYLOAD, Unreadable};
use crate::error::{Error, Result};
use crate::schema::Enums;
use crate::shapes::{self, Shape, Whole};

/// How values of one type become bytes and entries again, by any [`Codec`](crate::codec::Codec). Made by
/// [`Coder::of`].
pub struct Coder {
    type_name: fn() -> &'static str,
    type_id: fn() -> TypeId,
    encode: fn(&dyn Any, &dyn Codec, &Enums) -> Encoding,
    quick_encode: fn(&dyn Any, &Enums) -> Encoding,
    quick_decode: fn(&[u8], Meta) -> Result<Arc<Entry>, Failure>,
    read: fn(&mut dyn erased_serde::Deserializer<'_>) -> Result<Made, erased_serde::Error>,
    put: fn(&mut dyn Any) -> Option<Made>,
    measure: fn(&dyn Any) -> Option<usize>,
    number: fn(i64, Meta) -> Result<Arc<Entry>, Failure>,
}

type Encoding = Result<Vec<u8>, Failure>;

/// A value that waits for its times.
type Made = Box<dyn FnOnce(Meta) -> Arc<Entry>>;

struct Of<T>(std::marker::PhantomData<T>);

impl<T: Serialize + DeserializeOwned + Any + Send + Sync> Of<T> {
    const CODER: Coder = Coder {
        type_name: std::any::type_name::<T>,
        type_id: TypeId::of::<T>,
        encode: |value, codec, enums| codec.encode(&Plain::of(expect::<T>(value)?).with(enums)),
        quick_encode: |value, enums| codec::quick_encode(expect::<T>(value)?, enums),
        quick_decode: codec::quick_decode::<T>,
        read: |from| Ok(made::<T>(erased_serde::deserialize(from)?)),
        put: |value| Some(made::<T>(value.downcast_mut::<Option<T>>()?.take()?)),
        measure: |value| codec::measure(value.downcast_ref::<T>()?),
        number: |number, meta| {
            let from: I64Deserializer<ValueError> = number.into_deserializer();
            Ok(Entry::new(T::deserialize(from)?, meta))
        },
    };
}

fn made<T: Any + Send + Sync>(value: T) -> Made {
    Box::new(|meta| Entry::new(value, meta))
}

fn expect<T: Any>(value: &dyn Any) -> Result<&T, Failure> {
    value.downcast_ref().ok_or_else(|| "the value has another type".into())
}

impl Coder {
    /// The coder of `T`.
    pub fn of<T: Serialize + DeserializeOwned + Any + Send + Sync>() -> &'static Self {
        &Of::<T>::CODER
    }

    /// The type it is for.
    pub fn type_name(&self) -> &'static str {
        (self.type_name)()
    }

    pub(crate) fn type_id(&self) -> TypeId {
        (self.type_id)()
    }

    /// One run of the type's `Deserialize`; what it made is let go.
    pub(crate) fn run(
        &self,
        from: &mut dyn erased_serde::Deserializer<'_>,
    ) -> Result<(), erased_serde::Error> {
        (self.read)(from).map(drop)
    }

    /// The value as bytes. What the codec could not read back is refused.
    pub(crate) fn encode(&'static self, value: &dyn Any, codec: &dyn Codec) -> Result<Payload> {
        let shape = shapes::of(self);
        self.check(codec, shape)?;
        let bytes = if is_quick(codec, shape) {
            (self.quick_encode)(value, shape.enums())
        } else {
            (self.encode)(value, codec, shape.enums())
        };
        let bytes = bytes.map_err(|failure| self.failed(codec, failure))?;
        if bytes.len() > MAX_PAYLOAD {
            let reason = format!("{} bytes are more than {MAX_PAYLOAD}", bytes.len());
            return Err(self.failed(codec, reason));
        }
        let attempt = || self.try_back(value, &bytes, codec);
        let why =
            if shape.is_doubtful(codec, &bytes) { attempt().err() } else { shape.tried(codec, attempt) };
        if let Some(why) = why {
            return Err(self.refused(codec, &why));
        }
        Ok(Payload::new(codec.id(), shape.fingerprint(), Bytes::from(bytes)))
    }

    /// The entry with its value as the type it was; `own` and `route` are the codecs it may have been written by, beside
    /// ours.
    pub(crate) fn decode(
        &'static self,
        payload: &Payload,
        meta: Meta,
        own: Option<&'static dyn Codec>,
        route: &'static dyn Codec,
    ) -> Result<Arc<Entry>> {
        if payload.codec() == ids::NUMBER {
            let number = payload.number().ok_or(Error::Unreadable(Unreadable::Value))?;
            return self.number(number, meta);
        }
        let is_untyped = payload.is_untyped();
        let codec = if is_untyped {
            // Bytes past the codec read as what they encode.
            own.unwrap_or(route)
        } else {
            let given = [own, Some(route)].into_iter().flatten();
            let codec = given.into_iter().find(|codec| codec.id() == payload.codec());
            codec
                .or_else(|| codec::by_id(payload.codec()))
                .ok_or(Error::Unreadable(Unreadable::Codec(payload.codec())))?
        };
        let shape = shapes::of(self);
        if !is_untyped && shape.fingerprint() != payload.schema() {
            return Err(Error::Unreadable(Unreadable::Schema));
        }
        self.check(codec, shape)?;
        self.read_with(payload.bytes(), codec, shape, meta).map_err(|failure| self.failed(codec, failure))
    }

    /// The number as whatever integer type this is.
    pub(crate) fn number(&self, number: i64, meta: Meta) -> Result<Arc<Entry>> {
        if !is_integer(self.type_id()) {
            return Err(Error::Unreadable(Unreadable::Schema));
        }
        (self.number)(number, meta).map_err(|failure| Error::codec(self.type_name(), failure))
    }

    /// How many bytes the value takes encoded, whatever the limit; an estimate of what it holds on the heap. `None` for
    /// a value that does not encode.
    pub(crate) fn encoded_len(&self, value: &dyn Any) -> Option<usize> {
        (self.measure)(value)
    }

    fn read_with(
        &self,
        bytes: &[u8],
        codec: &dyn Codec,
        shape: &Shape,
        meta: Meta,
    ) -> Result<Arc<Entry>, Failure> {
        if is_quick(codec, shape) {
            return (self.quick_decode)(bytes, meta);
        }
        let made: std::cell::RefCell<Option<Made>> = std::cell::RefCell::new(None);
        codec.decode(
            bytes,
            &mut Slot {
                read: &mut |from| {
                    made.replace(Some((self.read)(from)?));
                    Ok(())
                },
                put: &mut |value| match (self.put)(value) {
                    Some(value) => {
                        made.replace(Some(value));
                        true
                    }
                    None => false,
                },
            },
        )?;
        made.into_inner().map(|made| made(meta)).ok_or_else(|| "the codec put no value into the slot".into())
    }

    /// Whether what this codec wrote of a value is read as that value: tried once for each type and codec, because
    /// implementations of serde are free to write what they do not read, and each time where the bytes may be those of
    /// another value.
    fn try_back(&'static self, value: &dyn Any, bytes: &[u8], codec: &dyn Codec) -> Result<Whole, String> {
        const ALIKE: &str =
            "it is written like another value, as `Some(None)` or `NaN` is where that is `null`";
        const SIGNS: &str = "what its `Serialize` writes is not what its `Deserialize` reads";
        let shape = shapes::of(self);
        let meta = Meta::new(crate::Time::ORIGIN, crate::Time::NEVER);
        let back = match self.read_with(bytes, codec, shape, meta) {
            Ok(back) => back,
            Err(failure) if shape.is_doubtful(codec, bytes) => {
                return Err(format!("what is written of it is not read again: {failure}"));
            }
            Err(failure) => return Err(format!("{SIGNS} ({failure})")),
        };
        let told = |value: &dyn Any| (self.encode)(value, &Tally, shape.enums()).ok();
        match told(value) {
            Some(before) if told(back.value()).as_ref() == Some(&before) => {
                Ok(Whole(before.last() == Some(&0)))
            }
            _ => Err(if shape.is_doubtful(codec, bytes) { ALIKE } else { SIGNS }.to_owned()),
        }
    }

    /// Whether the codec can do this type at all.
    fn check(&self, codec: &dyn Codec, shape: &Shape) -> Result<()> {
        // What an attribute names was seen by nobody before.
        if let Some(why) = codec::why_taken(codec) {
            return Err(Error::codec(self.type_name(), why));
        }
        match shape.needs_names().filter(|_| !codec.is_self_describing()) {
            None => Ok(()),
            Some(why) => {
                let reason = format!(
                    "{why}, and `{}` writes no names: use the codec {}",
                    codec.name(),
                    codec::self_describing()
                );
                Err(Error::codec(self.type_name(), reason))
            }
        }
    }

    fn failed(&self, codec: &dyn Codec, failure: impl fmt::Display) -> Error {
        Error::codec(self.type_name(), format_args!("{failure} (codec `{}`)", codec.name()))
    }

    /// Of what would be read as something else.
    fn refused(&self, codec: &dyn Codec, why: &str) -> Error {
        if codec.is_self_describing() {
            return self.failed(codec, why);
        }
        self.failed(codec, format_args!("{why}; one that writes names may: {}", codec::self_describing()))
    }
}

/// Whether numbers that are counted are of such a type.
pub(crate) fn is_integer(id: TypeId) -> bool {
    macro_rules! any_of {
        ($($int:ty)*) => { [$(TypeId::of::<$int>()),*].contains(&id) };
    }
    any_of!(i64 u64 i32 u32 usize isize i16 u16 i8 u8 i128 u128)
}

/// Whether the way without erased types is open.
fn is_quick(codec: &dyn Codec, shape: &Shape) -> bool {
    codec.id() == ids::BINCODE && !shape.is_recursive()
}

impl fmt::Debug for Coder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Coder<{}>", self.type_name())
    }
}

/// What is known of the answers of a call: how their values and errors become bytes, and by which codec if that is
/// said.
#[derive(Debug, Clone, Copy, Default)]
pub struct Coding {
    value: Option<&'static Coder>,
    error: Option<&'static Coder>,
    codec: Option<&'static dyn Codec>,
}

impl Coding {
    /// Nothing is known: what is read stays as it is kept.
    pub const NONE: Self = Self { value: None, error: None, codec: None };

    /// For values of this type.
    pub fn of<T: Serialize + DeserializeOwned + Any + Send + Sync>() -> Self {
        Self { value: Some(Coder::of::<T>()), ..Self::NONE }
    }

    /// For values and errors of these.
    pub const fn new(value: Option<&'static Coder>, error: Option<&'static Coder>) -> Self {
        Self { value, error, codec: None }
    }

    /// By this codec, if one is given.
    #[must_use]
    pub const fn by(self, codec: Option<&'static dyn Codec>) -> Self {
        Self { codec, ..self }
    }

    /// By this codec, where no other is said.
    #[must_use]
    pub(crate) fn or_by(self, codec: &'static dyn Codec) -> Self {
        Self { codec: self.codec.or(Some(codec)), ..self }
    }

    /// Whether values have a way into bytes.
    pub const fn has_values(&self) -> bool {
        self.value.is_some()
    }

    /// Whether errors have one.
    pub(crate) const fn has_errors(&self) -> bool {
        self.error.is_some()
    }

    /// Whether it can be told how many bytes answers of this kind take.
    pub(crate) const fn measures(&self, kind: Kind) -> bool {
        matches!(kind, Kind::Absent) || self.coder(kind).is_some()
    }

    const fn coder(&self, kind: Kind) -> Option<&'static Coder> {
        match kind {
            Kind::Value => self.value,
            Kind::Failed => self.error,
            Kind::Absent => None,
        }
    }

    /// The same entry with its value as bytes.
    pub(crate) fn encode(&self, entry: &Entry) -> Result<Arc<Entry>> {
        let payload = match (entry.kind(), self.coder(entry.kind())) {
            (Kind::Absent, _) => Payload::nothing(),
            (_, Some(coder)) => coder.encode(entry.value(), self.codec.unwrap_or(&Bincode))?,
            (kind, None) => {
                let what = if kind == Kind::Failed { "this error type" } else { "this type" };
                return Err(Error::codec(what, "it has no serde implementation and the backend keeps bytes"));
            }
        };
        Ok(entry.with_value(payload))
    }

    /// The same entry with its value as the type it was; what is not read as bytes here stays as it is.
    pub(crate) fn decode(&self, entry: Arc<Entry>, route: &'static dyn Codec) -> Result<Arc<Entry>> {
        if let Some(number) = entry.downcast_ref::<i64>() {
            let Some(coder) = self.coder(entry.kind()) else { return Ok(entry) };
            let read = coder.number(*number, entry.meta())?;
            return Ok(read.stamped(entry.stamps().to_vec()));
        }
        let Some(payload) = entry.downcast_ref::<Payload>() else { return Ok(entry) };
        if entry.kind() == Kind::Absent {
            return Ok(entry.with_value(()));
        }
        let Some(coder) = self.coder(entry.kind()) else { return Ok(entry) };
        let read = coder.decode(payload, entry.meta(), self.codec, route)?;
        Ok(read.stamped(entry.stamps().to_vec()))
    }

    /// How many bytes the value takes encoded, if that can be told.
    pub(crate) fn encoded_len(&self, entry: &Entry) -> Option<usize> {
        match entry.kind() {
            Kind::Absent => Some(0),
            kind => self.coder(kind)?.encoded_len(entry.value()),
        }
    }
}
