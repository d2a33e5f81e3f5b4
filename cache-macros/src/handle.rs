//! The handle: an empty enum with the function's name, through which its keys are made and its entries reached.

mod naming;
mod pattern;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Expr, Type};

pub(crate) use naming::{Naming, named};

use crate::attribute::{Common, cache};
use crate::function::{Function, Param, mentions};
use crate::keeping::Keeping;
use crate::key::{Head, Key, Kind, type_args};
use crate::krate::Private;
use crate::value::Ttl;

/// A handle about to be written.
pub(crate) struct Handle<'a> {
    name: &'a Ident,
    function: &'a Function,
    key: &'a Key,
    keeping: &'a Keeping,
    cache: Option<&'a Expr>,
    /// Whether the cache is an argument of the function, and so one of the handle's functions.
    lent: bool,
    type_args: Vec<TokenStream>,
    p: &'a Private,
}

impl<'a> Handle<'a> {
    pub(crate) fn new(
        name: &'a Ident,
        function: &'a Function,
        key: &'a Key,
        keeping: &'a Keeping,
        common: &'a Common,
    ) -> Self {
        let cache = common.cache.as_ref();
        let lent = cache.is_some_and(|expr| {
            let names =
                |word: &Ident| function.bindings().chain(function.generics()).any(|name| name == word);
            mentions(expr.to_token_stream(), &names)
        });
        let type_args = match key.kind {
            Kind::Default { .. } => type_args(function, key),
            Kind::Template(_) | Kind::Code { .. } => Vec::new(),
        };
        Self { name, function, key, keeping, cache, lent, type_args, p: &common.p }
    }

    /// What the function's default keys begin with.
    pub(crate) fn head(&self) -> Head<'_> {
        Head::Handle(self.name, &self.type_args)
    }

    /// The enum, its functions and what targets need of it.
    pub(crate) fn tokens(&self) -> TokenStream {
        let Self { name, function, key, .. } = self;
        let (vis, shown) = (&function.vis, function.name());
        let cfgs: Vec<_> = function.attrs.iter().filter(|attr| attr.path().is_ident("cfg")).collect();
        let about = format!("The handle of the function `{shown}`: its keys and entries. It has no values.");
        let readable = key.readable(function);
        let holes = match pattern::names(key) {
            names if names.is_empty() => String::new(),
            names => format!(
                "Placeholders for `#[invalidate]`: {}. A value for a field inside a parameter, or behind a filter of your own, is taken as it is.",
                names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
            ),
        };
        let (methods, traits) = (self.methods(), pattern::traits(self));
        quote_spanned! {Span::mixed_site()=>
            #(#cfgs)*
            #[doc = #about]
            #[doc = ""]
            #[doc = #holes]
            #[allow(
                non_camel_case_types, dead_code, unreachable_pub, missing_debug_implementations,
                missing_copy_implementations, clippy::all, clippy::pedantic
            )]
            #vis enum #name {}

            #(#cfgs)*
            #[allow(
                dead_code, unreachable_pub, unused_variables, unused_mut, single_use_lifetimes, private_interfaces,
                private_bounds, clippy::all, clippy::pedantic, clippy::nursery
            )]
            #[automatically_derived]
            impl #name {
                /// The template of the keys.
                #vis const TEMPLATE: &'static str = #readable;
                #methods
            }

            #(#cfgs)*
            #[allow(
                dead_code, unused_variables, single_use_lifetimes, private_interfaces, private_bounds, clippy::all,
                clippy::pedantic, clippy::nursery
            )]
            const _: () = { #traits };
        }
    }

    fn methods(&self) -> TokenStream {
        let Self { function, key, keeping, p, .. } = self;
        let (vis, output) = (&function.vis, &function.sig.output);
        let params: Vec<_> = function.params.iter().filter(|param| key.uses(param)).map(typed).collect();
        let value = self.value();
        let (version, undecodable) = (keeping.version, function.undecodable());
        let buf = Ident::new("__key", Span::mixed_site());
        let render = key.render(&buf, &self.head(), p);
        let made = quote! { let mut #buf = #p::KeyBuf::new(); #render };
        let (lent, cache) = self.cache();
        let (bare, where_bare) = self.generics(&params);
        let (with_value, where_value) =
            self.generics(&[params.as_slice(), &[value.to_token_stream()]].concat());
        let (all, where_all) = self.all_generics();
        let (set_ttl, ttl) = self.set_ttl();
        let (refresh_params, call) = self.call();
        quote_spanned! {Span::mixed_site()=>
            /// The key of a call with these arguments.
            #vis fn key #bare (#(#params),*) -> #p::Key #where_bare {
                #made
                #p::finish_key(#buf)
            }

            /// The stored value, without calling the function.
            #vis async fn peek #with_value (#lent #(#params),*) -> #p::Result<::core::option::Option<#value>> #where_value {
                #made
                #p::peek::<#value>(#cache, #buf, #p::codec!(#undecodable #value), #version).await
            }

            /// Stores a value as if the function had returned it. `false`: it was not stored.
            #vis async fn set #with_value (
                #lent #(#params,)* value: impl ::core::borrow::Borrow<#value>, #set_ttl
            ) -> #p::Result<bool> #where_value {
                #made
                let __value: &#value = ::core::borrow::Borrow::borrow(&value);
                #p::set::<#value>(#cache, #buf, __value, #p::codec!(#undecodable #value), #ttl, #version).await
            }

            /// Deletes the entry. `false`: there was none.
            #vis async fn invalidate #bare (#lent #(#params),*) -> #p::Result<bool> #where_bare {
                #made
                #p::invalidate_key(#cache, #buf).await
            }

            /// Calls the function whatever is stored, and stores what it returns.
            #vis async fn refresh #all (#(#refresh_params),*) #output #where_all {
                #p::refresh(#call).await
            }
        }
    }

    /// The stored type, as far as the written return type shows it.
    fn value(&self) -> Type {
        let (output, p) = (self.function.output(), self.p);
        let Some(last) = last_segment(&output) else { return output };
        let name = last.ident.to_string();
        if name == "Option" {
            return syn::parse_quote!(<#output as #p::Optional>::Value);
        }
        if !name.ends_with("Result") {
            return output;
        }
        let inside = syn::parse_quote!(<#output as #p::Fallible>::Value);
        let optional =
            first_argument(last).and_then(last_segment).is_some_and(|segment| segment.ident == "Option");
        if optional { syn::parse_quote!(<#inside as #p::Optional>::Value) } else { inside }
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
        let function = self.function;
        let (mut params, mut args) = (Vec::new(), Vec::new());
        // A parameter of the function's own name would hide the function.
        let hides = function.params.iter().any(|param| param.plain() == Some(&function.sig.ident));
        for (index, param) in function.params.iter().enumerate() {
            let name =
                param.plain().filter(|_| !hides).cloned().unwrap_or_else(|| format_ident!("argument{index}"));
            let ty = &param.ty;
            params.push(quote!(#name: #ty));
            args.push(name);
        }
        let generics: Vec<_> = function.generics().collect();
        let name = &function.sig.ident;
        let turbofish = (!generics.is_empty()).then(|| quote!(::<#(#generics),*>));
        (params, quote!(#name #turbofish (#(#args),*)))
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
        !self.type_args.is_empty()
    }
}

fn typed(param: &Param) -> TokenStream {
    let Param { pat, ty, .. } = param;
    quote!(#pat: #ty)
}

fn last_segment(ty: &Type) -> Option<&syn::PathSegment> {
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
