//! `#[invalidate]`: what the call changes is no longer in the cache.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::{Expr, ExprLit, Lit};

use super::{Attribute, Common, Frame, Input, Layer};
use crate::error::{Errors, hint};
use crate::grammar::{Arguments, Key, Shape};
use crate::krate::Private;
use crate::placeholder::Scope;
use crate::tags::Tags;
use crate::target::Target;

pub(crate) const ATTRIBUTE: Attribute = Attribute { name: "invalidate", stores: false, counts: false, parse };

const KEYS: &[Key] = &[Key("on", Shape::Value), Key("tags", Shape::Value)];

struct Invalidate {
    common: Common,
    on: &'static str,
    targets: Vec<Target>,
    tags: Tags,
}

fn parse(input: &Input<'_>, errors: &mut Errors) -> Option<Box<dyn Layer>> {
    let mut targets = Vec::new();
    let mut read = |stream: syn::parse::ParseStream<'_>, errors: &mut Errors| {
        targets.push(Target::parse(stream, Scope::Function(input.function), errors)?);
        Ok(())
    };
    let keys = &[KEYS, Common::KEYS];
    let nothing = input.args.is_empty();
    let mut arguments =
        Arguments::parse("`#[invalidate]`", input.args.clone(), keys, Some(&mut read), errors);
    let common = Common::take(&mut arguments, errors);
    let tags = Tags::take(&mut arguments, Scope::Function(input.function), errors);
    let on = arguments.expr("on").map_or(Some("Success"), |(_, expr)| on(&expr, errors));
    if nothing || (targets.is_empty() && tags.is_empty() && errors.is_empty()) {
        errors.push(
            input.span,
            "what? Write a function, `profile(user.uid = id)`, a pattern, `\"user:<id>\"`, or `tags = [\"users\"]`",
        );
    }
    Some(Box::new(Invalidate { common, on: on?, targets: targets.into_iter().flatten().collect(), tags }))
}

/// When it happens.
fn on(expr: &Expr, errors: &mut Errors) -> Option<&'static str> {
    const HOW: &str = "\"success\" (the default), \"always\" or \"before\"";
    const WORDS: [(&str, &str); 3] = [("success", "Success"), ("always", "Always"), ("before", "Before")];
    let Expr::Lit(ExprLit { lit: Lit::Str(word), .. }) = expr else {
        errors.at(expr, format!("`on` is text: write {HOW}"));
        return None;
    };
    let word = word.value();
    let known = WORDS.iter().find(|(name, _)| *name == word);
    if known.is_none() {
        let hint = hint(&word, WORDS.map(|(name, _)| name));
        errors.at(expr, format!("`on` cannot be \"{word}\"{hint} Write {HOW}"));
    }
    known.map(|(_, variant)| *variant)
}

impl Layer for Invalidate {
    fn private(&self) -> &Private {
        &self.common.p
    }

    fn wrap(&self, frame: &Frame<'_>) -> TokenStream {
        let Frame { output, inner, .. } = frame;
        let (p, site) = (&self.common.p, Span::mixed_site());
        let (on, when) = (Ident::new(self.on, site), Ident::new("__when", site));
        let cache = self.common.cache.as_ref();
        let targets = self.targets.iter().map(|target| target.target(cache, p));
        let targets = targets.chain(self.tags.target(cache, p));
        let mut targets = quote_spanned!(site=> [#(#targets),*]);
        let condition = self.common.when(&when);
        if condition.is_some() {
            targets = quote_spanned! {site=>
                ::core::iter::Iterator::flatten(::core::iter::IntoIterator::into_iter(
                    if #when { ::core::option::Option::Some(#targets) } else { ::core::option::Option::None }
                ))
            };
        }
        quote_spanned! {site=>
            #condition
            let __targets = #targets;
            let mut __running = #p::invalidate::enter(#p::invalidate::On::#on, __targets).await;
            let __out: #output = __running.run(#inner).await;
            __running.leave(#p::failed!(#output, &__out)).await;
            __out
        }
    }
}
