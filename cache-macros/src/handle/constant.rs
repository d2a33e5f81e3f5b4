//! The handle of a method: a hidden constant beside it, whose type says what fills which placeholder.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};

use super::pattern::{Slot, cache, complaints, exact, lent, pattern, slots};
use super::{Handle, Named, constant};
use crate::error::Errors;
use crate::key::{Key, Kind};
use crate::placeholder::{Filter, Needs, write};

/// The places for placeholders that the runtime has.
const SLOTS: usize = 12;

impl Named {
    /// What a handle asks of its key, that of a method more than others.
    pub(crate) fn check(&self, key: &Key, errors: &mut Errors) {
        let name = &self.name;
        if let Some(hole) = key.holes().find(|hole| hole.condition.is_some()) {
            errors.push(
                name.span(),
                format!(
                    "`{}` is not always there, and a handle needs to know all placeholders: write \
                        `handle = false`, or leave it out of the key",
                    hole.name
                ),
            );
        }
        let Some(place) = self.within else { return };
        if matches!(key.kind, Kind::Code { .. }) {
            errors.push(
                place,
                format!("the key of `{name}` is made by code and has no placeholders: a method with such a key has no `handle`"),
            );
        }
        let count = slots(key).len();
        if count > SLOTS {
            errors.push(
                place,
                format!("`{name}` has {count} placeholders, and the handle of a method at most {SLOTS}"),
            );
        }
    }
}

impl Handle<'_> {
    /// The constant.
    pub(super) fn constant(&self) -> TokenStream {
        let Self { name, function, p, .. } = self;
        let (slots, vis) = (slots(self.key), &function.vis);
        let cfgs = function.attrs.iter().filter(|attr| attr.path().is_ident("cfg"));
        let names = slots.iter().map(|slot| slot.name.as_str());
        let (unknown, missing) = complaints(name, &slots);
        let (mut types, mut values) = (Vec::new(), Vec::new());
        for slot in &slots {
            let (ty, value) = self.slot(slot);
            types.push(ty);
            values.push(value);
        }
        for _ in slots.len()..SLOTS {
            types.push(quote!(#p::method::Closed));
            values.push(quote!(#p::method::Closed));
        }
        let (cache_type, cache) = cache(self);
        // A free function would get a constant that no target finds.
        let site = Span::mixed_site();
        let of_type = self.within.map(|place| quote_spanned!(site.located_at(place)=> Self));
        let (constant, pattern) = (constant(name), pattern(self, &slots));
        quote_spanned! {Span::mixed_site()=>
            #(#cfgs)*
            #[doc(hidden)]
            #[allow(
                non_upper_case_globals, dead_code, unreachable_pub, private_interfaces, clippy::all,
                clippy::pedantic, clippy::nursery
            )]
            #vis const #constant: #p::method::MethodHandle<(#(#types),*), #cache_type> =
                #p::method::MethodHandle::new(
                    &[#(#names),*],
                    #unknown,
                    #missing,
                    |__fill| {
                        let _ = ::core::marker::PhantomData::<#of_type>;
                        #pattern
                    },
                    #cache,
                    (#(#values),*),
                );
        }
    }

    /// Whether the cache is one of the instance.
    pub(super) fn reads_self(&self) -> bool {
        let tokens = self.cache.map(quote::ToTokens::to_token_stream).unwrap_or_default();
        crate::tokens::mentions(tokens, &|word| word == "self")
    }

    /// The type and the value of a slot.
    fn slot(&self, slot: &Slot<'_>) -> (TokenStream, TokenStream) {
        let p = self.p;
        let site = Span::mixed_site();
        let filter = slot.hole.filter.as_ref();
        let unit = |kind: &str| {
            let kind = Ident::new(kind, site);
            (quote!(#p::method::#kind), quote!(#p::method::#kind))
        };
        if !slot.is_open() {
            return unit("Closed");
        }
        let (value, out) = (Ident::new("__value", site), Ident::new("__out", site));
        if let Some(ty) = exact(self, slot.hole) {
            let ty = lent(ty, filter);
            let write = slot.hole.write_given(&quote!(#out.buf()), &quote!(*#value), p);
            let writer = quote!(#p::method::Exact(|#value: &#ty, #out: &mut #p::PatternBuf| { #write }));
            return (quote!(#p::method::Exact<#ty>), writer);
        }
        match filter {
            // What a filter of the user makes of a part is only known inside: the value is taken as its result.
            None | Some(Filter::Path(_)) => unit("AnyPart"),
            Some(Filter::Builtin(_, Needs::Length)) => unit("AnyLength"),
            Some(Filter::Builtin(_, Needs::Display)) => unit("AnyDisplay"),
            Some(Filter::Builtin(_, Needs::Text) | Filter::Jwt(_)) => {
                let write = write(filter, &quote!(#out), &quote!(*#value), site, p);
                let writer = quote!(|#out: &mut #p::KeyBuf, #value: &str| { #write });
                (quote!(#p::method::AnyText), quote!(#p::method::AnyText(#writer)))
            }
        }
    }
}
