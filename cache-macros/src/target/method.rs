//! A method as a target: `Repo::get(id = x)`, by the constant that is its handle.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{ExprPath, PathSegment};

use super::Given;
use crate::handle::constant;
use crate::krate::Private;

/// The path of a method.
pub(crate) struct Method {
    /// The path of its handle.
    handle: ExprPath,
    here: Span,
}

impl Method {
    /// The method that a path names. What stands before it is a type: behind brackets, or with a capital.
    pub(super) fn new(path: &ExprPath) -> Option<Self> {
        let mut behind = path.path.segments.iter().rev();
        let (name, owner) = (behind.next()?, behind.next());
        let qualified =
            path.qself.as_ref().is_some_and(|qself| qself.position + 1 == path.path.segments.len());
        if !qualified && !owner.is_some_and(is_type) {
            return None;
        }
        let (here, mut handle) = (name.ident.span(), path.clone());
        handle.path.segments.last_mut()?.ident = constant(&name.ident);
        Some(Self { handle, here })
    }

    /// A block in which a method without a handle has one that says so.
    fn asking(&self, code: &TokenStream, p: &Private) -> TokenStream {
        let constant = self.handle.path.segments.last().map(|last| &last.ident);
        quote_spanned! {Span::mixed_site()=> {
            #[allow(dead_code, non_upper_case_globals)]
            trait __MacadamiaNoHandle {
                const #constant: #p::method::NoHandle = #p::method::NoHandle;
            }
            impl<__T: ?::core::marker::Sized> __MacadamiaNoHandle for __T {}
            #code
        }}
    }

    /// A `CacheRef`.
    pub(super) fn cache(&self, p: &Private) -> TokenStream {
        let handle = &self.handle;
        self.asking(&quote_spanned!(Span::mixed_site().located_at(self.here)=> #handle.cache()), p)
    }

    /// Fails the build unless the names are all there are.
    pub(super) fn complete(&self, names: &[&String], p: &Private) -> TokenStream {
        let here = Span::mixed_site().located_at(self.here);
        let (handle, q) = (&self.handle, p.at(here));
        self.asking(&quote_spanned!(here=> #q::method::checked::<{ #handle.complete(&[#(#names),*]) }>();), p)
    }

    /// The pattern: names checked at build time, types by the slots of the handle, evaluated in order.
    pub(super) fn pattern(&self, args: &[Given], p: &Private) -> TokenStream {
        let (handle, site) = (&self.handle, Span::mixed_site());
        let (mut checks, mut values, mut fills) = (TokenStream::new(), TokenStream::new(), Vec::new());
        for (index, Given { name, span, value }) in args.iter().enumerate() {
            let here = site.located_at(*span);
            let number = quote_spanned!(here=> { #handle.index(#name) });
            let Some(value) = value else {
                // Named only to be checked.
                let p = p.at(here);
                checks.extend(quote_spanned!(here=> #p::method::checked::<#number>();));
                continue;
            };
            let (local, blamed) =
                (quote::format_ident!("__value{index}", span = site), crate::value::here(value));
            values.extend(quote_spanned!(blamed=> let #local = &(#value);));
            fills.push(quote_spanned!(blamed=> #handle.fill::<#number, _>(__hole, #local, __out)));
        }
        let fill = if fills.is_empty() {
            quote!(|_, _| false)
        } else {
            quote_spanned!(site=> |__hole, __out| #(#fills)||*)
        };
        let here = site.located_at(self.here);
        let q = p.at(here);
        let known = quote_spanned!(here=> #q::method::known(&#handle););
        self.asking(&quote_spanned!(site=> #known #checks #values #handle.pattern(&mut #fill)), p)
    }
}

/// Types begin with a capital.
fn is_type(segment: &PathSegment) -> bool {
    segment.ident.to_string().trim_start_matches("r#").starts_with(char::is_uppercase)
}
