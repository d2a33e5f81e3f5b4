//! `#[hit]`: computed anew after so many answers.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, Lit};

use super::{Attribute, Input, Layer};
use crate::detach::Arguments as Taken;
use crate::error::Errors;
use crate::grammar::{Arguments, Key, Shape};
use crate::keeper::{Keeper, Kept};
use crate::refresh::background;
use crate::value::{self, here};

pub(crate) const ATTRIBUTE: Attribute = Attribute { name: "hit", stores: true, counts: false, parse };

const KEYS: &[Key] = &[
    Key("cache_hits", Shape::Value),
    Key("update_before", Shape::Value),
    Key("update_after", Shape::Value),
    Key("background", Shape::Value),
];

fn parse(input: &Input<'_>, errors: &mut Errors) -> Option<Box<dyn Layer>> {
    let Input { function, span, .. } = *input;
    let (draft, mut arguments) = Keeper::parse(&ATTRIBUTE, &[KEYS], input, errors);
    let limit = arguments.expr("cache_hits");
    if limit.is_none() && !arguments.is_misread("cache_hits") {
        errors.push(span, "how many hits? Write `cache_hits = 100`");
    }
    let limit = limit.and_then(|(key, expr)| Count::parse(&key, expr, 1, errors));
    let update = Update::take(&mut arguments, limit.as_ref(), errors);
    let said = arguments.expr("background");
    if let (Some((key, _)), Some(None)) = (&said, &update) {
        errors.push(
            key.span(),
            "`background` is about computing anew before the last hit: say when, with `update_before` or `update_after`",
        );
    }
    let background = match said {
        Some((key, expr)) => value::switch(&key, &expr, errors)?,
        None => background(&mut arguments, errors)?,
    };
    let update = update?;
    let taken = Taken::of(background && update.is_some(), function, errors);
    let (keeper, limit) = (draft.whole()?, limit?);
    let (p, limit) = (&keeper.common.p, limit.print());
    let kind = quote!(#p::cached::Policy::hit(1));
    let mut policy = quote!(#p::cached::Policy::hit(#limit));
    if let Some(Update { method, count }) = update {
        let count = count.print();
        policy.extend(quote!(.#method(#count)));
    }
    if !background {
        policy.extend(quote!(.in_foreground()));
    }
    Some(Box::new(Kept::refreshed(keeper, policy, kind).taken(taken?)))
}

/// A number of hits: a literal, or an expression of type `u32`.
struct Count {
    expr: Expr,
    known: Option<u32>,
}

impl Count {
    fn parse(key: &Ident, expr: Expr, least: u32, errors: &mut Errors) -> Option<Self> {
        let known = match &expr {
            Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => {
                number.base10_parse().ok().filter(|number| *number >= least)
            }
            Expr::Lit(_) | Expr::Closure(_) | Expr::Unary(_) => None,
            _ => return Some(Self { expr, known: None }),
        };
        if known.is_none() {
            errors.at(
                &expr,
                format!("`{key}` is a whole number from {least} to {}, or an expression", u32::MAX),
            );
        }
        known.map(|known| Self { expr, known: Some(known) })
    }

    fn print(&self) -> TokenStream {
        let expr = &self.expr;
        self.known.map_or_else(
            || quote_spanned!(here(expr)=> { let __count: u32 = #expr; __count }),
            |known| quote!(#known),
        )
    }
}

/// At which hit the value is computed anew, while it goes on answering.
struct Update {
    /// Of the runtime's policy.
    method: Ident,
    count: Count,
}

impl Update {
    #[expect(clippy::option_option, reason = "wrong, not said, and said are three answers")]
    fn take(arguments: &mut Arguments, limit: Option<&Count>, errors: &mut Errors) -> Option<Option<Self>> {
        let (before, after) = (arguments.expr("update_before"), arguments.expr("update_after"));
        let limit = limit.and_then(|limit| limit.known);
        let (key, expr, method, least) = match (before, after) {
            (None, None) => return Some(None),
            (Some(_), Some((key, _))) => {
                errors.push(
                    key.span(),
                    "`update_before` counts from the last hit and `update_after` from the first: keep one of them",
                );
                return None;
            }
            (Some((key, expr)), None) => (key, expr, "before", 0),
            (None, Some((key, expr))) => (key, expr, "after", 1),
        };
        let span = expr.span();
        let count = Count::parse(&key, expr, least, errors)?;
        if let (Some(limit), Some(count)) = (limit, count.known)
            && (count > limit || (count == limit && method == "before"))
        {
            let most = if method == "before" { limit - 1 } else { limit };
            errors.push(span, format!("with `cache_hits = {limit}`, `{key}` is from {least} to {most}"));
            return None;
        }
        Some(Some(Self { method: Ident::new(method, proc_macro2::Span::call_site()), count }))
    }
}
