//! The handle: an empty enum with the function's name, through which its keys are made and its entries
//! reached.

mod constant;
mod methods;
mod naming;
mod pattern;
mod resort;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Expr, Type};

pub(crate) use naming::{Named, Naming, constant, named};
pub(crate) use resort::RESORTS;

use crate::attribute::{Common, cache};
use crate::function::{Function, Param};
use crate::keeping::Keeping;
use crate::key::{Head, Key, Kind, type_args};
use crate::krate::Private;
use crate::tokens::mentions;

/// A handle about to be written.
pub(crate) struct Handle<'a> {
    name: &'a Ident,
    /// Where `handle` says that it stands in an `impl`.
    within: Option<Span>,
    /// Of one element, where the function takes many.
    function: &'a Function,
    /// As it is written.
    whole: &'a Function,
    key: &'a Key,
    keeping: &'a Keeping,
    /// Under which other keys answers are kept for when the function fails.
    resorts: Vec<&'a Key>,
    cache: Option<&'a Expr>,
    /// Whether the cache is an argument of the function, and so one of the handle's functions.
    lent: bool,
    type_args: Vec<TokenStream>,
    /// What a value carries that `set` stores, where that is more than its ttl.
    marks: Option<&'a TokenStream>,
    p: &'a Private,
}

impl<'a> Handle<'a> {
    pub(crate) fn new(
        named: &'a Named,
        function: &'a Function,
        whole: &'a Function,
        key: &'a Key,
        keeping: &'a Keeping,
        common: &'a Common,
        marks: Option<&'a TokenStream>,
    ) -> Self {
        let cache = common.cache.as_ref();
        let lent = cache.is_some_and(|expr| function.reads(expr));
        let type_args = match key.kind {
            Kind::Default { .. } => type_args(function, key),
            Kind::Template(_) | Kind::Code { .. } => Vec::new(),
        };
        let Named { name, within } = named;
        let (within, resorts, p) = (*within, Vec::new(), &common.p);
        Self { name, within, function, whole, key, keeping, resorts, cache, lent, type_args, marks, p }
    }

    /// What the function's default keys begin with.
    pub(crate) fn head(&self) -> Head<'_> {
        if self.within.is_some() {
            return Head::Here;
        }
        Head::Handle(self.name, &self.type_args)
    }

    /// The enum, its functions and what targets need of it; the constant in an `impl`.
    pub(crate) fn tokens(&self) -> TokenStream {
        if self.within.is_some() {
            return self.constant();
        }
        let Self { name, function, key, .. } = self;
        let (vis, shown) = (&function.vis, function.name());
        let cfgs: Vec<_> = function.attrs.iter().filter(|attr| attr.path().is_ident("cfg")).collect();
        let about = format!("The handle of the function `{shown}`: its keys and entries. It has no values.");
        let readable = key.readable(function);
        let holes = match pattern::names(key) {
            names if names.is_empty() => String::new(),
            names => format!(
                "Placeholders for `#[invalidate]`: {}. A value for a field inside a parameter, or behind a \
                    filter of your own, is taken as it is.",
                names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
            ),
        };
        let (methods, traits) = (self.methods(), pattern::traits(self));
        // Seen at its name: there the compiler points if another type has it.
        let declared = quote_spanned!(Span::mixed_site().located_at(name.span())=> enum #name {});
        quote_spanned! {Span::mixed_site()=>
            #(#cfgs)*
            #[doc = #about]
            #[doc = ""]
            #[doc = #holes]
            #[allow(
                non_camel_case_types, dead_code, unreachable_pub, missing_debug_implementations,
                missing_copy_implementations, clippy::all, clippy::pedantic, clippy::exhaustive_enums
            )]
            #vis #declared

            #(#cfgs)*
            #[allow(
                dead_code, deprecated, unreachable_pub, unused_variables, unused_mut, single_use_lifetimes,
                private_interfaces, private_bounds, clippy::all, clippy::pedantic, clippy::nursery,
                clippy::impl_trait_in_params
            )]
            #[automatically_derived]
            impl #name {
                /// The template of the keys.
                #vis const TEMPLATE: &'static str = #readable;
                #methods
            }

            #(#cfgs)*
            #[allow(
                dead_code, unused_variables, single_use_lifetimes, private_interfaces, private_bounds,
                clippy::all, clippy::pedantic, clippy::nursery
            )]
            const _: () = { #traits };
        }
    }

    /// The leading parameter, if the cache is lent, and the cache.
    fn cache(&self) -> (TokenStream, TokenStream) {
        let p = self.p;
        if self.lent {
            let name = Ident::new("cache", Span::mixed_site());
            return (quote!(#name: &#p::Cache,), quote!(#p::cache_of(#name)));
        }
        (TokenStream::new(), cache(self.cache, p))
    }

    /// Whether a type can be named outside of the function's signature.
    fn is_nameable(&self, ty: &Type) -> bool {
        let hidden = |word: &Ident| word == "Self" || word == "impl" || word == "dyn" || word == "_";
        let tokens = ty.to_token_stream();
        let lifetimes = tokens.to_string().replace("'static", "").contains(['\'', '&']);
        !lifetimes && !mentions(tokens.clone(), &hidden) && !self.function.names_generic(&tokens)
    }

    fn param(&self, name: &Ident) -> Option<&Param> {
        self.function.params.iter().find(|param| param.plain().is_some_and(|plain| plain == name))
    }

    /// Whether keys of different instances of the function differ.
    fn is_generic(&self) -> bool {
        let anonymous = || self.function.params.iter().any(|param| Function::is_impl_trait(&param.ty));
        let method = || self.function.generics().next().is_some() || anonymous();
        if self.within.is_some() { method() } else { !self.type_args.is_empty() }
    }
}
