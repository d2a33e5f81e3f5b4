//! How a placeholder without a filter is written: through `KeyPart`, else through `Display`.
//!
//! Autoref picks: `(&&Part(&value)).write_part(key)` finds [`AsKeyPart`] if the type has it, else
//! [`AsDisplay`], and else [`Neither`], whose bound explains what is missing.

use std::fmt;

use crate::key::{KeyBuf, KeyPart, KeyWriter};

/// A value on its way into a key.
#[derive(Debug)]
pub struct Part<'a, T: ?Sized>(pub &'a T);

/// Types that are parts of keys.
pub trait AsKeyPart {
    /// Writes the value.
    fn write_part(&self, out: &mut KeyBuf);
}

impl<T: KeyPart + ?Sized> AsKeyPart for &&&Part<'_, T> {
    #[inline]
    fn write_part(&self, out: &mut KeyBuf) {
        out.part(self.0);
    }
}

/// Numbers that print but are no key: equal ones print differently (`-0`), and `NaN` equals nothing.
pub trait Float {}
impl Float for f32 {}
impl Float for f64 {}
impl<T: Float + ?Sized> Float for &T {}

/// Floats are caught before `Display` can take them.
pub trait AsFloat<T: ?Sized> {
    /// Explains.
    fn write_part(&self, out: &mut KeyBuf)
    where
        T: KeyPart;
}

impl<T: Float + ?Sized> AsFloat<T> for &&Part<'_, T> {
    fn write_part(&self, out: &mut KeyBuf)
    where
        T: KeyPart,
    {
        out.part(self.0);
    }
}

/// Other types that can be shown.
pub trait AsDisplay {
    /// Writes the value.
    fn write_part(&self, out: &mut KeyBuf);
}

impl<T: fmt::Display + ?Sized> AsDisplay for &Part<'_, T> {
    fn write_part(&self, out: &mut KeyBuf) {
        out.part(&Displayed(self.0));
    }
}

/// What is left has no stable text: the bound on the method is where the compiler says so.
pub trait Neither<T: ?Sized> {
    /// Explains.
    fn write_part(&self, out: &mut KeyBuf)
    where
        T: KeyPart;
}

impl<T: ?Sized> Neither<T> for Part<'_, T> {
    fn write_part(&self, out: &mut KeyBuf)
    where
        T: KeyPart,
    {
        out.part(self.0);
    }
}

/// Where the same value is written a second time: what is wrong with it has been said at the first.
pub trait Said {
    /// Makes no key.
    fn write_part(&self, out: &mut KeyBuf);
}

impl<T: ?Sized> Said for Part<'_, T> {
    fn write_part(&self, out: &mut KeyBuf) {
        out.unkeyable("this value cannot be part of a cache key");
    }
}

struct Displayed<'a, T: ?Sized>(&'a T);

impl<T: fmt::Display + ?Sized> KeyPart for Displayed<'_, T> {
    fn write(&self, out: &mut KeyWriter<'_>) {
        out.display(self.0);
    }
}

/// Writes one placeholder.
#[doc(hidden)]
#[macro_export]
macro_rules! __part {
    ($out:expr, $value:expr) => {{
        #[allow(unused_imports, reason = "which of these is needed depends on the type")]
        use $crate::__private::part::{AsDisplay as _, AsFloat as _, AsKeyPart as _, Neither as _};
        (&&&&$crate::__private::part::Part(&$value)).write_part($out)
    }};
}

/// Writes one placeholder again: of a value that cannot be written, [`part!`](crate::__part) has told.
#[doc(hidden)]
#[macro_export]
macro_rules! __part_again {
    ($out:expr, $value:expr) => {{
        #[allow(unused_imports, reason = "which of these is needed depends on the type")]
        use $crate::__private::part::{AsDisplay as _, AsKeyPart as _, Said as _};
        (&&&&$crate::__private::part::Part(&$value)).write_part($out)
    }};
}
