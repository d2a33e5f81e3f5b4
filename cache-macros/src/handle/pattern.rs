//! The handle as a target: which placeholders there are, of which types, and the pattern they make.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Type;

use super::Handle;
use crate::key::{Head, Key, Kind};
use crate::placeholder::{Filter, Hole, Source, write};

/// The names that a target may give, each once. A placeholder that comes again behind another filter cannot
/// be given (it would need two values), nor can what the key context fills in.
pub(crate) fn names(key: &Key) -> Vec<String> {
    slots(key).into_iter().filter(Slot::is_open).map(|slot| slot.name).collect()
}

/// One entry of `PLACEHOLDERS`.
pub(super) struct Slot<'a> {
    pub(super) name: String,
    pub(super) hole: &'a Hole,
}

impl Slot<'_> {
    /// Whether it can be given.
    pub(super) fn is_open(&self) -> bool {
        self.name == self.hole.name && matches!(self.hole.source, Source::Value { .. })
    }
}

pub(super) fn slots(key: &Key) -> Vec<Slot<'_>> {
    let mut slots: Vec<Slot<'_>> = Vec::new();
    for hole in key.holes() {
        let same = |slot: &&Slot<'_>| slot.hole.name == hole.name;
        match slots.iter().filter(same).map(|slot| slot.hole.filter == hole.filter).collect::<Vec<_>>() {
            again if again.contains(&true) => {}
            first if first.is_empty() => slots.push(Slot { name: hole.name.clone(), hole }),
            more => slots.push(Slot { name: format!("{} (filter {})", hole.name, more.len() + 1), hole }),
        }
    }
    slots
}

/// What to say to a name that is not among the placeholders, and where one is left out.
pub(super) fn complaints(name: &Ident, slots: &[Slot<'_>]) -> (String, String) {
    let open: Vec<_> = slots.iter().filter(|slot| slot.is_open()).map(|slot| slot.name.as_str()).collect();
    let all: Vec<_> = slots.iter().map(|slot| slot.name.as_str()).collect();
    (
        if open.is_empty() {
            format!("`{name}`, which has none")
        } else {
            format!("`{name}`. Its placeholders: {}", open.join(", "))
        },
        format!("a key of `{name}` needs all its placeholders: {}", all.join(", ")),
    )
}

/// `Handle` and a `Placeholder` for each placeholder.
pub(super) fn traits(handle: &Handle<'_>) -> TokenStream {
    let Handle { name, key, p, .. } = handle;
    if matches!(key.kind, Kind::Code { .. }) {
        // A key made by code has no placeholders, and no pattern that is its own.
        return TokenStream::new();
    }
    let slots = slots(key);
    let all: Vec<_> = slots.iter().map(|slot| &slot.name).collect();
    let (unknown, missing) = complaints(name, &slots);
    let pattern = pattern(handle, &slots);
    let placeholders = slots.iter().enumerate().filter(|(_, slot)| slot.is_open());
    let placeholders = placeholders.map(|(index, slot)| placeholder(handle, index, slot.hole));
    let (cache_type, cache) = cache(handle);
    quote_spanned! {Span::mixed_site()=>
        #[automatically_derived]
        impl #p::Handle for #name {
            const PLACEHOLDERS: &'static [&'static str] = &[#(#all),*];
            const UNKNOWN: &'static str = #unknown;
            const MISSING: &'static str = #missing;
            type Cache = #cache_type;
            const CACHE: #cache_type = #cache;
            fn pattern(__fill: &mut dyn ::core::ops::FnMut(usize, &mut #p::PatternBuf) -> bool) -> #p::Pattern {
                #pattern
            }
        }
        #(#placeholders)*
    }
}

/// The type and the value of what is known of the cache.
pub(super) fn cache(handle: &Handle<'_>) -> (TokenStream, TokenStream) {
    let p = handle.p;
    if handle.lent || (handle.within.is_some() && handle.reads_self()) {
        return (quote!(#p::method::Lent), quote!(#p::method::Lent));
    }
    let (_, cache) = handle.cache();
    (quote!(#p::method::Known), quote!(#p::method::Known(|| #cache)))
}

/// Statements that make the pattern, with `__fill` for the placeholders.
pub(super) fn pattern(handle: &Handle<'_>, slots: &[Slot<'_>]) -> TokenStream {
    let p = handle.p;
    let buf = Ident::new("__pattern", Span::mixed_site());
    let (fill, out) = (Ident::new("__fill", Span::mixed_site()), quote!(#buf.buf()));
    let hole = |_, hole: &Hole| {
        let same = |slot: &Slot<'_>| slot.hole.name == hole.name && slot.hole.filter == hole.filter;
        let index = slots.iter().position(same);
        let filled = index.map(|index| quote!(if !#fill(#index, &mut #buf)));
        quote!(#filled { #buf.any(); })
    };
    let head =
        if handle.within.is_some() { Head::Beside(handle.name) } else { Head::Handle(handle.name, &[]) };
    let any_type = if handle.is_generic() { "<*>" } else { "" };
    let code = handle.key.write_pattern(&buf, &out, &head, any_type, &hole, p);
    let resorts = handle.resorts(&buf, &|index, buf| quote!(if !#fill(#index, &mut #buf) { #buf.any(); }));
    let finish = if resorts.is_empty() {
        quote!(#buf.finish())
    } else {
        quote!(let #buf = #buf.finish(); #resorts #buf)
    };
    quote! {
        let mut #buf = #p::PatternBuf::new();
        #code
        #finish
    }
}

/// The type that a caller's value must fit, and how it is written.
fn placeholder(handle: &Handle<'_>, index: usize, hole: &Hole) -> TokenStream {
    let Handle { name, p, .. } = handle;
    let (value, out) = (Ident::new("__value", Span::mixed_site()), Ident::new("__out", Span::mixed_site()));
    let filter = hole.filter.as_ref();
    let key_buf = quote!(#out.buf());
    let place = quote!(*#value);
    let mut bounds = None;
    let (bound, body) = if let Some(ty) = exact(handle, hole) {
        let ty = lent(ty, filter);
        // A type that the filter does not take is refused at the function. For any lifetime, or it would be here too.
        bounds = filter.and_then(|filter| filter.asks(p)).map(|asks| quote!(where for<'__any> #ty: #asks));
        let write = hole.write_given(&key_buf, &place, p);
        (quote!(#p::Fits<#ty>), quote!(let #value: &#ty = #p::Fits::fit(#value); #write))
    } else {
        // What a filter of the user makes of a part is only known inside: the value is taken as its result.
        let filter = filter.filter(|filter| !matches!(filter, Filter::Path(_)));
        (Filter::bound(filter, p), write(filter, &key_buf, &place, Span::mixed_site(), p))
    };
    quote_spanned! {Span::mixed_site()=>
        #[automatically_derived]
        impl<__V: #bound + ?::core::marker::Sized> #p::Placeholder<#index, __V> for #name #bounds {
            fn write(#value: &__V, #out: &mut #p::PatternBuf) { #body }
        }
    }
}

/// What a caller may give for a parameter of this type: text for a `String`. A filter of the user takes what
/// the parameter is.
pub(super) fn lent(ty: &Type, filter: Option<&Filter>) -> Type {
    let is_string = super::methods::last_segment(ty).is_some_and(|last| last.ident == "String");
    if is_string && !matches!(filter, Some(Filter::Path(_))) { syn::parse_quote!(str) } else { ty.clone() }
}

/// The type of the parameter that the placeholder is, if it can be named here. References are looked through.
pub(super) fn exact<'a>(handle: &'a Handle<'_>, hole: &Hole) -> Option<&'a Type> {
    let param = handle.param(hole.root().filter(|_| hole.is_whole())?)?;
    let mut ty = &param.ty;
    while let Type::Reference(reference) = ty {
        ty = &reference.elem;
    }
    handle.is_nameable(ty).then_some(ty)
}
