//! The functions of a handle. They take what the template names, in signature order; `refresh` takes all.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::Type;

use super::Handle;
use crate::function::Param;
use crate::value::Ttl;

impl Handle<'_> {
    /// `key`, `peek`, `set`, `invalidate`, `refresh`.
    pub(super) fn methods(&self) -> TokenStream {
        let Self { function, key, keeping, p, .. } = self;
        let vis = &function.vis;
        let params: Vec<_> = function.params.iter().filter(|param| key.uses(param)).map(typed).collect();
        let (shown, output, undecodable) = (self.value(), function.output(), function.undecodable());
        let how = if let Some(value) = &shown {
            keeping.returns(&quote!(plain #undecodable #value), Some(self), p)
        } else {
            keeping.returns(&quote!(#undecodable #output), Some(self), p)
        };
        let (value, version) = (shown.unwrap_or(output), keeping.version);
        let buf = Ident::new("__key", Span::mixed_site());
        let render = key.render_again(&buf, &self.head(), p);
        let made = quote! { let mut #buf = #p::KeyBuf::new(); #render };
        let (lent, cache) = self.cache();
        let (bare, where_bare) = self.generics(&params);
        let (with_value, where_value) =
            self.generics(&[params.as_slice(), &[value.to_token_stream()]].concat());
        let (set_ttl, ttl) = self.set_ttl();
        let set = Ident::new(if self.marks.is_some() { "set_marked" } else { "set" }, Span::call_site());
        let marks = self.marks.map(|marks| quote!(, #marks));
        let invalidate = self.invalidate(&buf, &cache);
        let (refresh, codec) = (self.refresh(), self.codec_held());
        // What is stored carries the tags: `set` takes what they name too.
        let set_params: Vec<_> = function
            .params
            .iter()
            .filter(|param| key.uses(param) || keeping.tags.uses(param))
            .map(typed)
            .collect();
        let tags = keeping.tags.print_again(p);
        let (with_set, where_set) =
            self.generics(&[set_params.as_slice(), &[value.to_token_stream()]].concat());
        quote_spanned! {Span::mixed_site()=>
            /// The key of a call with these arguments.
            #vis fn key #bare (#(#params),*) -> #p::Key #where_bare {
                #made
                #p::finish_key(#buf)
            }

            /// The stored value, without calling the function.
            #vis async fn peek #with_value (
                #lent #(#params),*
            ) -> #p::Result<::core::option::Option<#value>> #where_value {
                #made
                #p::peek(#how, #cache, #buf, #version).await
            }

            /// Stores a value as if the function had returned it. `false`: it was not stored.
            #vis async fn set #with_set (
                #lent #(#set_params,)* value: impl ::core::borrow::Borrow<#value>, #set_ttl
            ) -> #p::Result<bool> #where_set {
                #made
                let __value: &#value = ::core::borrow::Borrow::borrow(&value);
                #p::#set(#how, #cache, #buf, __value, #ttl, #version, #tags #marks).await
            }

            /// Deletes the entry. `false`: there was none.
            #vis async fn invalidate #bare (#lent #(#params),*) -> #p::Result<bool> #where_bare {
                #made
                #invalidate.await
            }

            #refresh

            /// How the calls of the function were answered since the program began.
            #[must_use]
            #vis fn stats() -> #p::Stats {
                Self::__counters().stats()
            }

            #[doc(hidden)]
            #vis const fn __counters() -> &'static #p::Counters {
                static __COUNTERS: #p::Counters = #p::Counters::new();
                &__COUNTERS
            }

            #codec
        }
    }

    /// Where the function's calls are counted; a method has a place of its own.
    pub(crate) fn counters(&self) -> Option<TokenStream> {
        let name = self.name;
        self.within.is_none().then(|| quote!(#name::__counters()))
    }

    /// By what the function's values become bytes, if its attribute says that; a method has it in place.
    pub(crate) fn codec(&self) -> Option<TokenStream> {
        let name = self.name;
        (self.keeping.codec.is_some() && self.within.is_none()).then(|| quote!(#name::__codec()))
    }

    fn codec_held(&self) -> Option<TokenStream> {
        let (p, vis, held) = (self.p, &self.function.vis, self.keeping.codec.as_ref()?.held(self.p));
        Some(quote_spanned! {Span::mixed_site()=>
            #[doc(hidden)]
            #vis const fn __codec() -> &'static dyn #p::codec::Codec { #held }
        })
    }

    /// The future that deletes the key in this buffer.
    fn invalidate(&self, key: &Ident, cache: &TokenStream) -> TokenStream {
        let p = self.p;
        let (all, slots) = (Ident::new("__pattern", Span::mixed_site()), super::pattern::slots(self.key));
        let resorts = self.resorts(&all, &|index, buf| {
            let hole = slots.get(index).map(|slot| slot.hole);
            hole.map(|hole| hole.write_again(&quote!(#buf.buf()), p)).unwrap_or_default()
        });
        if resorts.is_empty() {
            return quote!(#p::invalidate_key(#cache, #key));
        }
        quote!({
            let #all = #p::Pattern::new("");
            #resorts
            #p::invalidate_with(#cache, #key, #all)
        })
    }

    /// `refresh`, unless calling the function gives no future.
    fn refresh(&self) -> TokenStream {
        let Self { whole: function, p, .. } = self;
        if function.is_run_by_attribute() {
            return TokenStream::new();
        }
        let (vis, output) = (&function.vis, function.output());
        let (all, where_all) = self.all_generics();
        let (params, call) = self.call();
        quote_spanned! {Span::mixed_site()=>
            /// Calls the function whatever is stored, and stores what it returns.
            #vis async fn refresh #all (#(#params),*) -> #output #where_all {
                #p::refresh(#call).await
            }
        }
    }

    /// The stored type, if the written return type shows it: `Result<…>` or `Option<…>`. An alias or a type of the
    /// user's is taken as a whole, and what it means is found out at run time.
    fn value(&self) -> Option<Type> {
        let (output, p) = (self.function.output(), self.p);
        let last = last_segment(&output)?;
        let inside = first_argument(last)?;
        if last.ident == "Option" {
            return Some(syn::parse_quote!(<#output as #p::Optional>::Value));
        }
        if last.ident != "Result" {
            return None;
        }
        let value = syn::parse_quote!(<#output as #p::Fallible>::Value);
        let optional = last_segment(inside).is_some_and(|segment| segment.ident == "Option");
        Some(if optional { syn::parse_quote!(<#value as #p::Optional>::Value) } else { value })
    }

    /// The generics of a function whose signature has these types.
    fn generics(&self, types: &[TokenStream]) -> (TokenStream, TokenStream) {
        let named = types.iter().any(|ty| self.function.names_generic(ty));
        if named || !self.type_args.is_empty() {
            return self.all_generics();
        }
        (TokenStream::new(), TokenStream::new())
    }

    fn all_generics(&self) -> (TokenStream, TokenStream) {
        let generics = &self.function.sig.generics;
        (generics.to_token_stream(), generics.where_clause.to_token_stream())
    }

    /// The last parameter of `set` and the ttl it means.
    fn set_ttl(&self) -> (TokenStream, TokenStream) {
        let p = self.p;
        match &self.keeping.ttl {
            fixed @ Ttl::Fixed(..) => (TokenStream::new(), fixed.result(p)),
            Ttl::Expr(_) | Ttl::Closure(_) => {
                let ttl = Ident::new("ttl", Span::mixed_site());
                (quote!(#ttl: impl #p::IntoTtl), quote!(#p::IntoTtl::into_ttl(#ttl)))
            }
        }
    }

    /// The parameters of `refresh`, and the call with them.
    fn call(&self) -> (Vec<TokenStream>, TokenStream) {
        let function = self.whole;
        let (mut params, mut args) = (Vec::new(), Vec::new());
        // A parameter of the function's own name would hide the function.
        let hides = function.params.iter().any(|param| param.plain() == Some(&function.sig.ident));
        for (index, param) in function.params.iter().enumerate() {
            let name =
                param.plain().filter(|_| !hides).cloned().unwrap_or_else(|| format_ident!("argument{index}"));
            let ty = &param.ty;
            let cfgs = &param.cfgs;
            params.push(quote!(#(#cfgs)* #name: #ty));
            args.push(quote!(#(#cfgs)* #name));
        }
        let generics: Vec<_> = function.generics().collect();
        let name = &function.sig.ident;
        let turbofish = (!generics.is_empty()).then(|| quote!(::<#(#generics),*>));
        (params, quote!(#name #turbofish (#(#args),*)))
    }
}

fn typed(param: &Param) -> TokenStream {
    let Param { pat, ty, .. } = param;
    quote!(#pat: #ty)
}

pub(super) fn last_segment(ty: &Type) -> Option<&syn::PathSegment> {
    match ty {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last(),
        Type::Paren(paren) => last_segment(&paren.elem),
        Type::Group(group) => last_segment(&group.elem),
        _ => None,
    }
}

fn first_argument(segment: &syn::PathSegment) -> Option<&Type> {
    let syn::PathArguments::AngleBracketed(args) = &segment.arguments else { return None };
    args.args.iter().find_map(|arg| match arg {
        syn::GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}
