//! `errors = PATTERN`: which errors are failures of the function; the others are answers like any other.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::{Pat, PatIdent};

use crate::error::Errors;
use crate::function::Function;
use crate::grammar::{Argument, Arguments, Key, Shape, Value};

/// The errors that are meant: those that a pattern fits, or all.
pub(crate) struct Failure(Option<Pat>);

impl Failure {
    pub(crate) const KEYS: &[Key] = &[Key("errors", Shape::Pattern)];

    /// Takes `errors` out of the arguments.
    pub(crate) fn take(arguments: &mut Arguments, function: &Function, errors: &mut Errors) -> Self {
        let Some(Argument { key, value: Value::Pattern(pattern) }) = arguments.take("errors") else {
            return Self(None);
        };
        function.refuse_idle(key.span(), "errors", "a `Result`", errors);
        refuse_bindings(&pattern, errors);
        Self(Some(pattern))
    }

    /// Whether the user has said which: a refusal by one of our guards is a failure only where the pattern fits it.
    pub(crate) const fn is_said(&self) -> bool {
        self.0.is_some()
    }

    /// Whether the error behind this reference is one, as a `bool`.
    pub(crate) fn matches(&self, error: &Ident) -> TokenStream {
        let Some(pattern) = &self.0 else { return quote_spanned!(Span::mixed_site()=> true) };
        quote_spanned! {Span::mixed_site()=>
            match #error {
                #pattern => true,
                #[allow(unreachable_patterns)]
                _ => false,
            }
        }
    }
}

/// A bare name as a pattern matches everything, whatever it is called.
pub(crate) fn refuse_bindings(pattern: &Pat, errors: &mut Errors) {
    match pattern {
        Pat::Ident(PatIdent { ident, subpat: None, .. }) => errors.push(
            ident.span(),
            format!(
                "`{ident}` alone would match every error: write its path (`MyError::{ident}`), or `_` \
                for all of them"
            ),
        ),
        Pat::Or(or) => or.cases.iter().for_each(|case| refuse_bindings(case, errors)),
        Pat::Paren(paren) => refuse_bindings(&paren.pat, errors),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use quote::{format_ident, quote};

    use super::*;

    fn read(function: &str, errors: TokenStream) -> (Failure, Vec<String>) {
        let function: Function = syn::parse_str(function).unwrap();
        let mut mistakes = Errors::default();
        let mut arguments = Arguments::parse("`#[x]`", errors, &[Failure::KEYS], None, &mut mistakes);
        let failure = Failure::take(&mut arguments, &function, &mut mistakes);
        (failure, mistakes.messages())
    }

    const FALLIBLE: &str = "async fn f() -> Result<u8, E> {}";

    #[test]
    fn every_error_is_a_failure_unless_a_pattern_says_which() {
        let (all, mistakes) = read(FALLIBLE, quote!());
        assert_eq!((all.is_said(), mistakes.len()), (false, 0));
        assert_eq!(all.matches(&format_ident!("e")).to_string(), "true");
        let pattern = quote!(E::Timeout | E::Http(500..=599) | E::Io { .. } | &E::Odd(ref x));
        let (some, mistakes) = read(FALLIBLE, quote!(errors = #pattern));
        assert_eq!((some.is_said(), mistakes.len()), (true, 0));
        let printed = some.matches(&format_ident!("e")).to_string();
        assert!(printed.starts_with(&format!("match e {{ {pattern} => true ,")), "{printed}");
    }

    #[test]
    fn a_name_alone_and_a_function_that_cannot_fail_are_refused() {
        let (_, mistakes) = read(FALLIBLE, quote!(errors = E::A | (Timeout)));
        assert_eq!(mistakes.len(), 1);
        assert!(mistakes[0].starts_with("`Timeout` alone would match every error"), "{mistakes:?}");
        let (_, mistakes) = read("async fn f() -> u8 {}", quote!(errors = E::A));
        assert_eq!(mistakes, ["`errors` is for functions that return a `Result`, and `f` returns `u8`"]);
    }
}
