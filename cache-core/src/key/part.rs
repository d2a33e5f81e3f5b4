//! `KeyPart`: how a value becomes a piece of a key.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZero;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::KeyWriter;

/// A value that can be part of a key: equal values write equal text, different values different text,
/// in every process and on every machine.
///
/// There for integers, `bool`, `char`, strings, bytes (`[u8]`, as hex), `Option`, slices, arrays, tuples,
/// references and smart pointers of those, IP addresses and [`Duration`]; derive it for your own types. In
/// a template, a type without it is written through `Display`.
///
/// Deliberately absent: maps and sets (no stable order), floats (`NaN`, `-0`), anything secret.
///
/// ```
/// use cache_core::{KeyPart, KeyWriter};
///
/// struct Tenant { region: &'static str, number: u32 }
///
/// impl KeyPart for Tenant {
///     fn write(&self, out: &mut KeyWriter<'_>) {
///         out.fields(&mut |fields| {
///             fields.field(self.region);
///             fields.field(&self.number);
///         });
///     }
/// }
///
/// let mut key = cache_core::KeyBuf::new();
/// key.literal("tenant:");
/// key.part(&Tenant { region: "eu", number: 7 });
/// assert_eq!(key.as_str(), "tenant:(eu,7)");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be part of a cache key",
    label = "this value has no stable text",
    note = "use one of its fields or methods (`<value.id>`), a filter (`<value:display>`), leave it out with `skip(…)`, or `#[derive(KeyPart)]`",
    note = "maps, sets and floats are refused on purpose: equal values may print differently"
)]
pub trait KeyPart {
    /// Writes this value.
    fn write(&self, out: &mut KeyWriter<'_>);

    /// Writes a slice of such values; bytes override it.
    #[doc(hidden)]
    fn write_slice(items: &[Self], out: &mut KeyWriter<'_>)
    where
        Self: Sized,
    {
        out.list(items);
    }
}

macro_rules! integers {
    ($($int:ty),*) => {$(
        impl KeyPart for $int {
            #[inline]
            fn write(&self, out: &mut KeyWriter<'_>) {
                out.integer(*self);
            }
        }
        impl KeyPart for NonZero<$int> {
            #[inline]
            fn write(&self, out: &mut KeyWriter<'_>) {
                out.integer(self.get());
            }
        }
    )*};
}
integers!(u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);

impl KeyPart for u8 {
    #[inline]
    fn write(&self, out: &mut KeyWriter<'_>) {
        out.integer(*self);
    }

    fn write_slice(items: &[Self], out: &mut KeyWriter<'_>) {
        out.bytes(items);
    }
}

impl KeyPart for NonZero<u8> {
    fn write(&self, out: &mut KeyWriter<'_>) {
        out.integer(self.get());
    }
}

impl KeyPart for bool {
    fn write(&self, out: &mut KeyWriter<'_>) {
        out.text(if *self { "true" } else { "false" });
    }
}

impl KeyPart for char {
    fn write(&self, out: &mut KeyWriter<'_>) {
        out.text(self.encode_utf8(&mut [0; 4]));
    }
}

impl KeyPart for str {
    #[inline]
    fn write(&self, out: &mut KeyWriter<'_>) {
        out.text(self);
    }
}

impl KeyPart for String {
    #[inline]
    fn write(&self, out: &mut KeyWriter<'_>) {
        out.text(self);
    }
}

impl KeyPart for () {
    fn write(&self, out: &mut KeyWriter<'_>) {
        out.list::<u8>([]);
    }
}

impl KeyPart for Duration {
    /// Nanoseconds, as `1500000000ns`.
    fn write(&self, out: &mut KeyWriter<'_>) {
        out.integer(self.as_nanos());
        out.text("ns");
    }
}

macro_rules! displayed {
    ($($type:ty),*) => {$(
        impl KeyPart for $type {
            fn write(&self, out: &mut KeyWriter<'_>) {
                out.display(self);
            }
        }
    )*};
}
displayed!(IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr);

#[cfg(feature = "uuid")]
displayed!(uuid::Uuid);

macro_rules! pointers {
    ($($pointer:ty),*) => {$(
        impl<T: KeyPart + ?Sized> KeyPart for $pointer {
            #[inline]
            fn write(&self, out: &mut KeyWriter<'_>) {
                (**self).write(out);
            }
        }
    )*};
}
pointers!(&T, &mut T, Box<T>, Arc<T>, Rc<T>);

impl<T: KeyPart + ToOwned + ?Sized> KeyPart for Cow<'_, T> {
    fn write(&self, out: &mut KeyWriter<'_>) {
        (**self).write(out);
    }
}

impl<T: KeyPart> KeyPart for Option<T> {
    fn write(&self, out: &mut KeyWriter<'_>) {
        out.option(self.as_ref());
    }
}

impl<T: KeyPart> KeyPart for [T] {
    fn write(&self, out: &mut KeyWriter<'_>) {
        T::write_slice(self, out);
    }
}

impl<T: KeyPart> KeyPart for Vec<T> {
    fn write(&self, out: &mut KeyWriter<'_>) {
        T::write_slice(self, out);
    }
}

impl<T: KeyPart, const N: usize> KeyPart for [T; N] {
    fn write(&self, out: &mut KeyWriter<'_>) {
        T::write_slice(self, out);
    }
}

macro_rules! tuples {
    ($(($($name:ident $index:tt),+))*) => {$(
        impl<$($name: KeyPart),+> KeyPart for ($($name,)+) {
            fn write(&self, out: &mut KeyWriter<'_>) {
                out.fields(&mut |fields| { $(fields.field(&self.$index);)+ });
            }
        }
    )*};
}
tuples! {
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7)
}
