//! How values become bytes and values again, for the backends that keep bytes.
//!
//! | codec | name | for | cannot |
//! |---|---|---|---|
//! | [`Bincode`] | `bincode` | everything that a program writes for itself: small and fast; the default | untagged and internally tagged enums, `flatten`, `skip_serializing_if`, values of any shape |
//! | [`Json`] | `json` | what others read too, or what bincode cannot | maps whose keys are no text or numbers; `NaN`, `Some(None)` |
//! | [`MsgPack`] | `msgpack` | the same in fewer bytes | `Some(None)` |
//! | [`Text`] | `string` | text, numbers, booleans, unit variants: stored as they are written | everything else |
//! | [`Raw`] | `raw` | bytes and text: stored as they are | everything else |
//!
//! A route says which it uses (`?codec=json`, [`Route::codec`](crate::Route::codec)), an attribute may say otherwise for
//! one function (`codec = Json`), and a call for itself (`.codec(&Json)`). What is stored says which codec wrote it, so a
//! route can change its codec while entries of the old one live on.
//!
//! One's own is a [`Codec`]: see its example.

mod bincode;
mod json;
mod msgpack;
pub(crate) mod named;
mod raw;
mod tally;
mod text;

use std::any::Any;
use std::fmt;

use erased_serde::Serialize as ErasedSerialize;
use serde::{Deserializer, Serialize, Serializer};

pub use self::bincode::Bincode;
#[cfg(feature = "json")]
pub use self::json::Json;
#[cfg(feature = "msgpack")]
pub use self::msgpack::MsgPack;
pub use self::raw::Raw;
pub use self::text::Text;

use crate::error::{Error, Result};
use crate::fence::{Carried, Limited};
use crate::schema::Enums;

pub(crate) use self::bincode::{decode as quick_decode, encode as quick_encode, measure};
pub(crate) use self::tally::Tally;

/// Why a codec could not: whatever error its library has.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Turns values into bytes and back.
///
/// Implement it to store values in a form of one's own. It works for values of every type with serde
/// implementations; one that is for some types only answers the others with an error. Codecs are constants: give
/// them as `&MyCodec`, from a unit struct or a `static`.
///
/// Bytes given to [`decode`](Codec::decode) may be of anybody where the route has no secret: bound what you allocate by
/// the length of the bytes.
///
/// A self-describing one is given each value that it may have written like another (`Some(None)` like `None`, `NaN`) to
/// read once more before it is stored.
///
/// ```
/// use cache_core::codec::{Codec, Failure, Plain, Slot};
///
/// /// JSON with its lines broken.
/// #[derive(Debug)]
/// struct Pretty;
///
/// impl Codec for Pretty {
///     fn id(&self) -> u8 {
///         200
///     }
///     fn name(&self) -> &'static str {
///         "pretty"
///     }
///     fn encode(&self, value: &Plain<'_>) -> Result<Vec<u8>, Failure> {
///         Ok(serde_json::to_vec_pretty(value)?)
///     }
///     fn decode(&self, bytes: &[u8], slot: &mut Slot<'_>) -> Result<(), Failure> {
///         slot.read(&mut serde_json::Deserializer::from_slice(bytes))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_core::Result<()> {
/// # let cache = cache_core::Cache::builder().route("", cache_core::testing::Wire::new()).build().await?;
/// cache.set("names", &vec!["Ada".to_owned()]).codec(&Pretty).await?;
/// assert_eq!(cache.get::<Vec<String>>("names").codec(&Pretty).await?.unwrap(), ["Ada"]);
/// assert_eq!(cache.get_raw("names").await?.unwrap(), &b"[\n  \"Ada\"\n]"[..]);
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no codec",
    label = "expected a codec, such as `macadamia::codec::Bincode`",
    note = "a codec of one's own is a type that implements `macadamia::Codec`; ours also go by their names, as text"
)]
pub trait Codec: Send + Sync + fmt::Debug + 'static {
    /// Which codec wrote a value, as it is stored beside it: 128 to 255 for one's own, another for each. Never change it
    /// while values of it may live.
    fn id(&self) -> u8;

    /// Its name, for messages.
    fn name(&self) -> &'static str;

    /// Whether its bytes tell their own shape, field names included. One that says `false` is not given values that a
    /// reader could not tell apart then: the command fails, and says why.
    fn is_self_describing(&self) -> bool {
        true
    }

    /// The value as bytes.
    fn encode(&self, value: &Plain<'_>) -> Result<Vec<u8>, Failure>;

    /// The bytes as a value, put into the slot. All of the bytes are the value: what is left over is an error.
    fn decode(&self, bytes: &[u8], slot: &mut Slot<'_>) -> Result<(), Failure>;
}

/// The ids of what the library writes itself.
pub(crate) mod ids {
    pub(crate) const BINCODE: u8 = 1;
    #[cfg(feature = "json")]
    pub(crate) const JSON: u8 = 2;
    #[cfg(feature = "msgpack")]
    pub(crate) const MSGPACK: u8 = 3;
    pub(crate) const TEXT: u8 = 4;
    pub(crate) const RAW: u8 = 5;
    /// Whole numbers, in decimal: what counts is of every integer type.
    pub(crate) const NUMBER: u8 = 6;
    /// No value at all.
    pub(crate) const NOTHING: u8 = 0;
    /// The first of those for others.
    pub(crate) const OWN: u8 = 128;
}

/// A value on its way into bytes. It serializes as the value does.
pub struct Plain<'a> {
    any: &'a dyn Any,
    serde: &'a dyn ErasedSerialize,
    enums: &'a Enums,
}

impl<'a> Plain<'a> {
    /// This value.
    pub fn of<T: Serialize + Any>(value: &'a T) -> Self {
        Self { any: value, serde: value, enums: &[] }
    }

    /// With the enums of its type.
    pub(crate) const fn with(self, enums: &'a Enums) -> Self {
        Self { enums, ..self }
    }

    const fn enums(&self) -> &'a Enums {
        self.enums
    }

    /// The value, if it has this type.
    pub fn downcast_ref<T: Any>(&self) -> Option<&'a T> {
        self.any.downcast_ref()
    }
}

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        erased_serde::serialize(self.serde, serializer)
    }
}

impl fmt::Debug for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plain")
    }
}

/// Where a value goes that was read from bytes.
pub struct Slot<'a> {
    pub(crate) read:
        &'a mut dyn FnMut(&mut dyn erased_serde::Deserializer<'_>) -> Result<(), erased_serde::Error>,
    pub(crate) put: &'a mut dyn FnMut(&mut dyn Any) -> bool,
}

impl Slot<'_> {
    /// Reads the value by its serde implementation: at most 128 values within each other, since bytes that go deeper
    /// are after the stack.
    pub fn read<'de, D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), Failure> {
        let carried = Carried::default();
        let mut erased = <dyn erased_serde::Deserializer<'_>>::erase(Limited::new(deserializer, &carried));
        Ok((self.read)(&mut erased)?)
    }

    /// Puts the value itself there, if a `T` is what is wanted; else gives it back.
    pub fn put<T: Any>(&mut self, value: T) -> Result<(), T> {
        let mut value = Some(value);
        if (self.put)(&mut value) {
            return Ok(());
        }
        value.map_or(Ok(()), Err)
    }
}

impl fmt::Debug for Slot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slot")
    }
}

/// What `.codec(…)` takes: a [`Codec`], or the name of one of ours.
pub trait IntoCodec {
    /// The codec.
    fn into_codec(self) -> Result<&'static dyn Codec>;
}

impl<C: Codec> IntoCodec for &'static C {
    fn into_codec(self) -> Result<&'static dyn Codec> {
        (self as &'static dyn Codec).into_codec()
    }
}

impl IntoCodec for &'static dyn Codec {
    fn into_codec(self) -> Result<&'static dyn Codec> {
        match why_taken(self) {
            Some(why) => Err(Error::config(why)),
            None => Ok(self),
        }
    }
}

impl IntoCodec for &str {
    fn into_codec(self) -> Result<&'static dyn Codec> {
        by_name(self)
    }
}

/// What the library brings.
const OURS: &[&dyn Codec] = &[
    &Bincode,
    #[cfg(feature = "json")]
    &Json,
    #[cfg(feature = "msgpack")]
    &MsgPack,
    &Text,
    &Raw,
];

/// What a feature of the front door would bring, for the message when it is missing.
const BY_FEATURE: &[&str] = &["json", "msgpack"];

/// Ours of this id.
pub(crate) fn by_id(id: u8) -> Option<&'static dyn Codec> {
    OURS.iter().copied().find(|codec| codec.id() == id)
}

/// Ours of this name.
fn by_name(name: &str) -> Result<&'static dyn Codec> {
    let lower = name.to_ascii_lowercase();
    if let Some(codec) = OURS.iter().find(|codec| codec.name() == lower) {
        return Ok(*codec);
    }
    if BY_FEATURE.contains(&lower.as_str()) {
        return Err(Error::config(format!(
            "the codec `{lower}` needs the feature \"{lower}\": macadamia = {{ version = \"{}\", features = [\"{lower}\"] }}",
            env!("CARGO_PKG_VERSION")
        )));
    }
    let known: Vec<_> = OURS.iter().map(|codec| codec.name()).collect();
    Err(Error::config(format!("no codec is called `{name}`; there are: {}", known.join(", "))))
}

/// Why a codec of one's own cannot be told from ours by what is stored, if it cannot.
pub(crate) fn why_taken(codec: &dyn Codec) -> Option<String> {
    let (id, name) = (codec.id(), codec.name());
    if id >= ids::OWN || by_id(id).is_some_and(|ours| ours.name() == name) {
        return None;
    }
    Some(format!("the codec `{name}` has id {id}: those below {} are taken", ids::OWN))
}

/// Which of ours keep the names that bincode drops, for messages.
pub(crate) fn self_describing() -> String {
    let names: Vec<_> = OURS
        .iter()
        .filter(|codec| codec.is_self_describing() && ![ids::TEXT, ids::RAW].contains(&codec.id()))
        .map(|codec| format!("`{}`", codec.name()))
        .collect();
    if names.is_empty() {
        "`json` (feature \"json\") or `msgpack` (feature \"msgpack\")".to_owned()
    } else {
        names.join(" or ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_codec_is_found_by_its_name_and_its_id() {
        for codec in OURS {
            assert_eq!(codec.name().into_codec().unwrap().id(), codec.id());
            assert_eq!(by_id(codec.id()).map(Codec::name), Some(codec.name()));
        }
        assert_eq!("BINCODE".into_codec().unwrap().id(), ids::BINCODE);
    }

    #[test]
    fn an_unknown_codec_is_told_with_those_there_are() {
        let message = "yaml".into_codec().unwrap_err().to_string();
        assert!(message.contains("`yaml`") && message.contains("bincode"), "{message}");
    }

    #[test]
    fn a_codec_whose_feature_is_off_names_the_feature() {
        for (name, is_there) in [("json", cfg!(feature = "json")), ("msgpack", cfg!(feature = "msgpack"))] {
            match (name.into_codec(), is_there) {
                (Ok(codec), true) => assert_eq!(codec.name(), name),
                (Err(error), false) => assert_eq!(
                    error.to_string(),
                    format!(
                        "the codec `{name}` needs the feature \"{name}\": macadamia = {{ version = \"{}\", \
                            features = [\"{name}\"] }}",
                        env!("CARGO_PKG_VERSION")
                    )
                ),
                (found, _) => panic!("{name}: {found:?}"),
            }
        }
    }

    #[test]
    fn an_own_codec_cannot_pass_for_one_of_ours() {
        #[derive(Debug)]
        struct Sly;
        impl Codec for Sly {
            fn id(&self) -> u8 {
                ids::BINCODE
            }
            fn name(&self) -> &'static str {
                "sly"
            }
            fn encode(&self, _: &Plain<'_>) -> Result<Vec<u8>, Failure> {
                Ok(Vec::new())
            }
            fn decode(&self, _: &[u8], _: &mut Slot<'_>) -> Result<(), Failure> {
                Ok(())
            }
        }
        static SLY: &dyn Codec = &Sly;
        for refused in [(&Sly).into_codec(), SLY.into_codec()] {
            let message = refused.unwrap_err().to_string();
            assert_eq!(message, "the codec `sly` has id 1: those below 128 are taken");
        }
    }
}
