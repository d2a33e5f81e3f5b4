//! `key!`, `purge!`, `duration!`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::parse::{ParseStream, Parser};
use syn::{LitInt, LitStr};

use crate::attribute::Common;
use crate::duration::{parse, seconds};
use crate::error::Errors;
use crate::grammar::{Arguments, Key, Shape};
use crate::krate::Private;
use crate::placeholder::Scope;
use crate::tags::Tags;
use crate::target::Target;
use crate::template::{Use, reserved, reserved_message};

/// `purge!(items(page = 3), "user:<id>")`: a future of how many entries went.
pub(crate) fn purge(tokens: TokenStream) -> TokenStream {
    const KEYS: &[Key] = &[Key("tags", Shape::Value)];
    let mut errors = Errors::default();
    let mut targets = Vec::new();
    let mut read = |input: ParseStream<'_>, errors: &mut Errors| {
        targets.push(Target::parse(input, Scope::Caller, errors)?);
        Ok(())
    };
    let keys = &[KEYS, Common::KEYS];
    let mut arguments = Arguments::parse("`purge!`", tokens, keys, Some(&mut read), &mut errors);
    let common = Common::take(&mut arguments, &mut errors);
    let tags = Tags::take(&mut arguments, Scope::Caller, &mut errors);
    if targets.is_empty() && tags.is_empty() && errors.is_empty() {
        errors.push(
            Span::call_site(),
            "what? Write a function, `items(page = 3)`, a pattern, `\"user:<id>\"`, or `tags = [\"items\"]`",
        );
    }
    let p = &common.p;
    let when = Ident::new("__when", Span::mixed_site());
    let cache = common.cache.as_ref();
    let targets = targets.iter().flatten().map(|target| target.target(cache, p));
    let targets = targets.chain(tags.target(cache, p));
    let expanded = match common.when(&when) {
        None => quote!(#p::purge([#(#targets),*])),
        Some(condition) => quote_spanned! {Span::mixed_site()=> {
            #condition
            #p::purge(::core::iter::Iterator::flatten(::core::iter::IntoIterator::into_iter(
                if #when {
                    ::core::option::Option::Some([#(#targets),*])
                } else {
                    ::core::option::Option::None
                }
            )))
        }},
    };
    finish(&errors, expanded)
}

/// `key!("user:<id>")` or `key!(profile(user.uid = id))`: a `Key`.
pub(crate) fn key(tokens: TokenStream) -> TokenStream {
    const KEYS: &[Key] = &[Key("crate", Shape::Value)];
    let mut errors = Errors::default();
    let mut targets = Vec::new();
    let mut read = |input: ParseStream<'_>, errors: &mut Errors| {
        let span = input.span();
        let target = Target::parse_for(Use::Key, input, Scope::Caller, errors)?;
        if let Some(Target::Text(template)) = &target
            && let Some(prefix) = reserved(template.head())
        {
            errors.push(span, reserved_message(prefix));
        }
        targets.push((span, target));
        Ok(())
    };
    let mut arguments = Arguments::parse("`key!`", tokens, &[KEYS], Some(&mut read), &mut errors);
    let p = Private::take(&mut arguments, &mut errors);
    match targets.as_slice() {
        [] if errors.is_empty() => {
            errors.push(
                Span::call_site(),
                "of what? Write `key!(\"user:<id>\")` or `key!(profile(user.uid = id))`",
            );
        }
        [_, (span, _), ..] => errors.push(*span, "`key!` makes one key: write another `key!` for this"),
        _ => {}
    }
    let expanded = targets.iter().flat_map(|(_, target)| target).map(|target| target.key(&p)).collect();
    finish(&errors, expanded)
}

/// `duration!("1d2h")`: a `Duration`, known at build time.
pub(crate) fn duration(tokens: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let read = |input: ParseStream<'_>| {
        if input.peek(LitInt) {
            let literal: LitInt = input.parse()?;
            let count = literal.base10_parse()?;
            return seconds(count).map_err(|message| syn::Error::new(literal.span(), message));
        }
        if !input.peek(LitStr) {
            return Err(input.error("write the duration as text, such as \"1d2h3m50s\", or as whole seconds"));
        }
        let literal: LitStr = input.parse()?;
        parse(&literal.value()).map_err(|message| syn::Error::new(literal.span(), message))
    };
    let millis = errors.keep(read.parse2(tokens)).unwrap_or(1);
    finish(&errors, quote!(::core::time::Duration::from_millis(#millis)))
}

/// The expression, or the mistakes in its place.
fn finish(errors: &Errors, expanded: TokenStream) -> TokenStream {
    if errors.is_empty() {
        return expanded;
    }
    let errors = errors.to_tokens();
    quote!({ #errors })
}
