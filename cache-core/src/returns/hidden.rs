//! What is told of an error that a fallback hides, by autoref dispatch: nothing is asked of its type.

use std::any::type_name;
use std::fmt::{Debug, Display};

use super::probe::Probe;
use crate::error::Error;

/// Our own error is told as it is.
pub trait HiddenOurs<E> {
    /// What to tell.
    fn hidden(&self, error: &E) -> Error;
}

impl HiddenOurs<Error> for &&&Probe<Error> {
    fn hidden(&self, error: &Error) -> Error {
        error.clone()
    }
}

/// Errors that can be shown are told by their text.
pub trait HiddenShown<E> {
    /// What to tell.
    fn hidden(&self, error: &E) -> Error;
}

impl<E: Display> HiddenShown<E> for &&Probe<E> {
    fn hidden(&self, error: &E) -> Error {
        Error::hidden(error)
    }
}

/// Others as they are written for programmers.
pub trait HiddenWritten<E> {
    /// What to tell.
    fn hidden(&self, error: &E) -> Error;
}

impl<E: Debug> HiddenWritten<E> for &Probe<E> {
    fn hidden(&self, error: &E) -> Error {
        Error::hidden(format_args!("{error:?}"))
    }
}

/// The rest by the name of their type.
pub trait HiddenByName<E> {
    /// What to tell.
    fn hidden(&self, error: &E) -> Error;
}

impl<E> HiddenByName<E> for Probe<E> {
    fn hidden(&self, _: &E) -> Error {
        Error::hidden(type_name::<E>())
    }
}

/// What to tell of an error, given the [`Probe`] of its type.
#[doc(hidden)]
#[macro_export]
macro_rules! __hidden {
    ($probe:expr, $error:expr) => {{
        #[allow(unused_imports, reason = "which of these is needed depends on the type")]
        use $crate::__private::returns::{
            HiddenByName as _, HiddenOurs as _, HiddenShown as _, HiddenWritten as _,
        };
        (&&&&$probe).hidden($error)
    }};
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Written;
    struct Silent;

    #[test]
    fn an_error_is_told_as_well_as_it_can_tell_itself() {
        let told = |error: Error| error.to_string();
        assert!(matches!(crate::__hidden!(Probe::<Error>::NEW, &Error::Locked), Error::Locked));
        assert_eq!(told(crate::__hidden!(Probe::<&str>::NEW, &"gone")), "the function failed: gone");
        assert_eq!(told(crate::__hidden!(Probe::<Written>::NEW, &Written)), "the function failed: Written");
        let silent = told(crate::__hidden!(Probe::<Silent>::NEW, &Silent));
        assert!(silent.ends_with("hidden::tests::Silent"), "{silent}");
        let boxed: Box<dyn std::error::Error + Send + Sync> = "boxed".into();
        assert_eq!(
            told(crate::__hidden!(Probe::<Box<dyn std::error::Error + Send + Sync>>::NEW, &boxed)),
            "the function failed: boxed"
        );
    }
}
