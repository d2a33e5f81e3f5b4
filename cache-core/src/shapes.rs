//! What is known of the types that go over a wire, found out when each first does.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};

use crate::codec::{Codec, ids};
use crate::coder::Coder;
use crate::schema::{Enums, Nothings, Schema};

/// A type, as it is stored.
pub(crate) struct Shape {
    schema: Schema,
    fingerprint: u64,
    /// How often a codec may yet read back what it wrote.
    tried: RwLock<HashMap<u8, u32>>,
}

/// One for each type, kept for good: a program has so many types and no more.
static KNOWN: LazyLock<RwLock<HashMap<TypeId, &'static Shape>>> = LazyLock::new(RwLock::default);

/// What is known of the type.
pub(crate) fn of(coder: &'static Coder) -> &'static Shape {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(&coder.type_id()).copied();
    known.unwrap_or_else(|| {
        let schema = recorded(coder);
        let mut all = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
        all.entry(coder.type_id()).or_insert_with(|| {
            Box::leak(Box::new(Shape { fingerprint: schema.fingerprint(), schema, tried: RwLock::default() }))
        })
    })
}

/// The type's shape as its `Deserialize` tells it. One that panics when it is asked tells none.
fn recorded(coder: &'static Coder) -> Schema {
    let record = || Schema::record(&mut |from| coder.run(from));
    std::panic::catch_unwind(record).unwrap_or_else(|_| {
        Schema::record(&mut |_| Err(serde::de::Error::custom("its `Deserialize` panicked")))
    })
}

/// Whether a value had no `None` and no empty list in it, which hide what their parts would be.
pub(crate) struct Whole(pub(crate) bool);

/// How many values are read back, as long as none is whole.
const TIMES: u32 = 64;

impl Shape {
    pub(crate) const fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    pub(crate) fn is_recursive(&self) -> bool {
        self.schema.is_recursive()
    }

    pub(crate) fn enums(&self) -> &Enums {
        self.schema.enums()
    }

    pub(crate) fn needs_names(&self) -> Option<&str> {
        self.schema.needs_names()
    }

    /// Whether these bytes may be those of another value too: of `None` for `Some(None)`, or `null` for `NaN`.
    pub(crate) fn is_doubtful(&self, codec: &dyn Codec, bytes: &[u8]) -> bool {
        let Nothings { options, inside, floats } = self.schema.nothings();
        // Where there is always a mark of it in the bytes, that.
        let (may, mark): (bool, &[u8]) = match codec.id() {
            ids::BINCODE | ids::RAW => (false, b""),
            #[cfg(feature = "json")]
            ids::JSON => (inside || floats, b"null"),
            #[cfg(feature = "msgpack")]
            ids::MSGPACK => (inside, &[0xc0]),
            ids::TEXT => (options, b""),
            _ => (codec.is_self_describing() && (inside || floats), b""),
        };
        may && (mark.is_empty() || bytes.windows(mark.len()).any(|window| window == mark))
    }

    /// Why a codec cannot read back what it wrote, if it cannot: asked until it could with a value that shows every
    /// part, or often enough with others. Some values of a type may be beyond a codec that can do others.
    pub(crate) fn tried(
        &self,
        codec: &dyn Codec,
        attempt: impl FnOnce() -> Result<Whole, String>,
    ) -> Option<String> {
        let tried = self.tried.read().unwrap_or_else(PoisonError::into_inner);
        let times = tried.get(&codec.id()).copied().unwrap_or_default();
        drop(tried);
        if times >= TIMES {
            return None;
        }
        match attempt() {
            Ok(Whole(whole)) => {
                let times = if whole { TIMES } else { times + 1 };
                self.tried.write().unwrap_or_else(PoisonError::into_inner).insert(codec.id(), times);
                None
            }
            Err(why) => Some(why),
        }
    }
}
