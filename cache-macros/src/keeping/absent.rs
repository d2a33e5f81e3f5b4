//! How long `None` and `Err` are kept: what may be said of that.

use proc_macro2::Span;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Expr, Pat, Token};

use super::ErrTtl;
use crate::error::Errors;
use crate::failure::refuse_bindings;
use crate::function::Function;
use crate::grammar::{Argument, Value};
use crate::value::{Place, Ttl};

/// What is kept must be able to come: `None` and `Err` from types that have them.
pub(super) fn refuse_idle(
    (none, err): (Option<Span>, Option<Span>),
    function: &Function,
    errors: &mut Errors,
) {
    for (place, argument, wanted) in [(none, "none_ttl", "an `Option`"), (err, "err_ttl", "a `Result`")] {
        if let Some(place) = place {
            function.refuse_idle(place, argument, wanted, errors);
        }
    }
}

pub(super) fn err_ttl(argument: Option<Argument>, errors: &mut Errors) -> ErrTtl {
    let Some(Argument { key, value }) = argument else { return ErrTtl::None };
    let list = match value {
        Value::Expr(expr) => {
            return Ttl::parse(&key, expr, Place::Absence, errors).map_or(ErrTtl::None, ErrTtl::All);
        }
        Value::List(list) => list,
        Value::Flag | Value::Pattern(_) => return ErrTtl::None,
    };
    let mut arms = Vec::new();
    let parse = |input: ParseStream<'_>| {
        Punctuated::<(Pat, Expr), Token![,]>::parse_terminated_with(input, |input| {
            let pattern = Pat::parse_multi_with_leading_vert(input)?;
            if !input.peek(Token![=]) {
                return Err(syn::Error::new_spanned(
                    pattern,
                    "for how long? Write `= \"5s\"` behind the pattern",
                ));
            }
            input.parse::<Token![=]>()?;
            Ok((pattern, input.parse()?))
        })
    };
    let Some(written) = errors.keep(parse.parse2(list)) else { return ErrTtl::None };
    if written.is_empty() {
        errors.push(key.span(), "write `err_ttl = \"5s\"` or `err_ttl(MyError::NotFound(_) = \"5s\")`");
    }
    for (pattern, expr) in written {
        refuse_bindings(&pattern, errors);
        if let Some(ttl) = Ttl::parse(&key, expr, Place::Absence, errors) {
            arms.push((pattern, ttl));
        }
    }
    ErrTtl::Arms(arms)
}
