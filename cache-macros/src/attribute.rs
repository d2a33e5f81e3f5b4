//! The attributes: a file each, and the one list of them.

pub(crate) mod cached;
pub(crate) mod circuit_breaker;
pub(crate) mod early;
pub(crate) mod fail;
mod guard;
pub(crate) mod hit;
pub(crate) mod invalidate;
pub(crate) mod locked;
pub(crate) mod perf;
pub(crate) mod rate_limit;
pub(crate) mod soft;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Expr, Lifetime, Type};

use crate::error::Errors;
use crate::function::Function;
use crate::grammar::{Arguments, Key, Shape};
use crate::key::Key as Keys;
use crate::krate::Private;
use crate::stack::Applied;
use crate::value::here;

/// Every attribute that there is. A new one is a file beside these and a line here.
pub(crate) const ALL: &Table = &Table {
    crates: &["macadamia", "cache_macros"],
    attributes: &[
        cached::ATTRIBUTE,
        early::ATTRIBUTE,
        hit::ATTRIBUTE,
        soft::ATTRIBUTE,
        invalidate::ATTRIBUTE,
        rate_limit::ATTRIBUTE,
        fail::ATTRIBUTE,
        locked::ATTRIBUTE,
        circuit_breaker::ATTRIBUTE,
        perf::ATTRIBUTE,
    ],
};

/// Attributes that see each other on a function.
pub(crate) struct Table {
    /// The crates by whose path they may be named.
    pub(crate) crates: &'static [&'static str],
    pub(crate) attributes: &'static [Attribute],
}

impl Frame<'_> {
    /// For a layer that refuses the call, or answers it from what was there: what tells those outside.
    pub(crate) fn note(&self, what: &str) -> Option<TokenStream> {
        let (outside, what) = (self.outside.as_ref()?, Ident::new(what, Span::mixed_site()));
        Some(quote_spanned!(Span::mixed_site()=> #outside.#what();))
    }

    /// For a layer that asks what those inside noted.
    pub(crate) fn asks(&self, what: &str) -> Option<TokenStream> {
        let (inside, what) = (self.inside.as_ref()?, Ident::new(what, Span::mixed_site()));
        Some(quote_spanned!(Span::mixed_site()=> #inside.#what()))
    }
}

impl Table {
    pub(crate) fn find(&self, name: impl Fn(&str) -> bool) -> Option<&'static Attribute> {
        self.attributes.iter().find(|attribute| name(attribute.name))
    }
}

/// An attribute.
pub(crate) struct Attribute {
    pub(crate) name: &'static str,
    /// Whether it stores values under the key: of those a function has at most one.
    pub(crate) stores: bool,
    /// Whether it counts calls where nobody stores values.
    pub(crate) counts: bool,
    pub(crate) parse: fn(&Input<'_>, &mut Errors) -> Option<Box<dyn Layer>>,
}

/// What an attribute is made from.
pub(crate) struct Input<'a> {
    pub(crate) args: TokenStream,
    /// Where the attribute is.
    pub(crate) span: Span,
    pub(crate) function: &'a Function,
    /// All attributes of the function, and which of them this is.
    pub(crate) stack: &'a [Applied],
    pub(crate) depth: usize,
}

/// An attribute, understood: one layer around the function.
pub(crate) trait Layer {
    /// The runtime it talks to.
    fn private(&self) -> &Private;

    /// Statements that end in the answer: what is inside runs in `Frame::run`.
    fn wrap(&self, frame: &Frame<'_>) -> TokenStream;

    /// Items beside the function, on which layers keep answers under these keys for when it fails.
    fn beside(&self, _function: &Function, _resorts: &[&Keys]) -> TokenStream {
        TokenStream::new()
    }

    /// Under which keys it keeps answers for when the function fails.
    fn resort(&self) -> Option<&Keys> {
        None
    }

    /// The key of a state that it keeps, made readable, if that is known now.
    fn state(&self, _function: &Function) -> Option<String> {
        None
    }

    /// What the registry says of it; `None` for a layer that keeps no values.
    fn described(&self, _function: &Function) -> Option<Described> {
        None
    }
}

/// A layer's line in the registry.
#[derive(Default)]
pub(crate) struct Described {
    /// The key template, with its prefix, if there is one.
    pub(crate) template: Option<String>,
    /// The ttl, if it is a literal.
    pub(crate) ttl: Option<String>,
    /// The parameters that do not enter the key.
    pub(crate) unkeyed: Vec<String>,
    /// Where its calls are counted, if somebody else wants to know.
    pub(crate) counters: Option<TokenStream>,
}

/// A layer's place in the function.
pub(crate) struct Frame<'a> {
    pub(crate) function: &'a Function,
    /// The label of the layer's block: an early answer breaks to it.
    pub(crate) label: Lifetime,
    pub(crate) output: &'a Type,
    /// The `&Inside` in which the layer notes that the function did not give the answer, if layers outside may ask.
    pub(crate) outside: Option<Ident>,
    /// The same one, in which layers inside may have noted it.
    pub(crate) inside: Option<Ident>,
    /// Whether the layer counts the calls it lets through: nobody else is there to count.
    pub(crate) counts: bool,
    /// An `async move` block: the layers inside, and the body.
    pub(crate) inner: TokenStream,
}

/// What every attribute takes beside its key.
pub(crate) struct Common {
    pub(crate) p: Private,
    pub(crate) cache: Option<Expr>,
    when: Option<Expr>,
}

impl Common {
    pub(crate) const KEYS: &[Key] =
        &[Key("cache", Shape::Value), Key("when", Shape::Value), Key("crate", Shape::Value)];

    pub(crate) fn take(arguments: &mut Arguments, errors: &mut Errors) -> Self {
        let mut expr = |name| arguments.expr(name).map(|(_, expr)| expr);
        let (cache, when) = (expr("cache"), expr("when"));
        for closure in [&cache, &when].into_iter().flatten().filter(|expr| matches!(expr, Expr::Closure(_))) {
            errors.at(closure, "this is evaluated before the call: write the expression, without `|…|`");
        }
        Self { p: Private::take(arguments, errors), cache, when }
    }

    /// The cache of the call.
    pub(crate) fn cache(&self) -> TokenStream {
        cache(self.cache.as_ref(), &self.p)
    }

    /// The condition, a `bool`, with the name of the local that holds it.
    pub(crate) fn when(&self, local: &Ident) -> Option<TokenStream> {
        self.when.as_ref().map(|when| quote!(let #local: bool = #when;))
    }
}

/// The key and what shapes it, for attributes that have one.
pub(crate) const KEYED: &[Key] =
    &[Key("key", Shape::Value), Key("prefix", Shape::Value), Key("skip", Shape::List)];

/// The cache that an expression names, or the one of the running code.
pub(crate) fn cache(expr: Option<&Expr>, p: &Private) -> TokenStream {
    let Some(expr) = expr else { return quote!(#p::current()) };
    let (here, p) = (here(expr), p.at(here(expr)));
    quote_spanned!(here=> #p::cache_of(&(#expr)))
}
