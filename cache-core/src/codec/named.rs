//! What a codec is that an attribute calls by its name. A name whose feature is off is an error of the user's build: the
//! macros know the names and not the features.

use super::{Bincode, Codec, Raw, Text};

/// `codec = "bincode"`.
pub const fn bincode() -> &'static dyn Codec {
    &Bincode
}

/// `codec = "string"`.
pub const fn string() -> &'static dyn Codec {
    &Text
}

/// `codec = "raw"`.
pub const fn raw() -> &'static dyn Codec {
    &Raw
}

// The `panic!`s run while the user's program is compiled and are its error messages.
macro_rules! by_feature {
    ($($name:ident, $feature:literal, $codec:ident;)*) => {$(
        #[doc = concat!("`codec = \"", $feature, "\"`.")]
        #[cfg(feature = $feature)]
        pub const fn $name() -> &'static dyn Codec {
            &super::$codec
        }

        #[doc = concat!("`codec = \"", $feature, "\"`.")]
        #[cfg(not(feature = $feature))]
        #[track_caller]
        #[allow(clippy::missing_panics_doc, reason = "one does, without its feature: at build time, as a compile error")]
        pub const fn $name() -> &'static dyn Codec {
            panic!(concat!(
                "the codec `", $feature, "` needs the feature \"", $feature, "\": macadamia = {{ version = \"",
                env!("CARGO_PKG_VERSION"), "\", features = [\"", $feature, "\"] }}"
            ))
        }
    )*};
}

by_feature! {
    json, "json", Json;
    msgpack, "msgpack", MsgPack;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::IntoCodec;

    #[test]
    fn an_attribute_means_by_a_name_what_a_route_means() {
        for (name, codec) in [
            ("bincode", bincode as fn() -> &'static dyn Codec),
            ("json", json),
            ("msgpack", msgpack),
            ("string", string),
            ("raw", raw),
        ] {
            let caught = std::panic::catch_unwind(|| codec().id());
            match (name.into_codec(), caught) {
                (Ok(known), Ok(id)) => assert_eq!(known.id(), id),
                (Err(known), Err(panic)) => {
                    let said = panic.downcast_ref::<&str>().map_or_else(
                        || panic.downcast_ref::<String>().cloned().unwrap_or_default(),
                        |said| (*said).to_owned(),
                    );
                    assert_eq!(known.to_string(), said);
                }
                (known, _) => panic!("`{name}` is not there for both: {known:?}"),
            }
        }
    }
}
