//! What to invalidate: `profile(user.uid = id)`, `items`, `"items:page:*"`. Also what `key!` makes keys of.

mod given;
mod method;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Expr, ExprPath, LitStr, Path, Token, token};

use self::method::Method;

use crate::attribute::cache;
use crate::error::Errors;
use crate::krate::Private;
use crate::placeholder::Scope;
use crate::template::{Piece, Template, Use};

/// What a path is called behind its first mention: a name that does not exist is complained about once.
const HANDLE: &str = "__MacadamiaTarget";

/// A target, understood.
pub(crate) enum Target {
    /// A pattern, or a key with placeholders.
    Text(Template),
    /// A function, by its handle.
    Function { path: Path, args: Vec<Given> },
    /// A method, by its.
    Method { method: Method, args: Vec<Given> },
}

/// `user.uid = id` or `page = _`.
pub(crate) struct Given {
    name: String,
    span: Span,
    /// Nothing for `_`.
    value: Option<Expr>,
}

impl Target {
    /// Reads one target. `None`: read, but wrong in a way that is recorded.
    pub(crate) fn parse(
        input: ParseStream<'_>,
        scope: Scope<'_>,
        errors: &mut Errors,
    ) -> syn::Result<Option<Self>> {
        Self::parse_for(Use::Pattern, input, scope, errors)
    }

    /// Reads one target of a macro that wants this.
    pub(crate) fn parse_for(
        purpose: Use,
        input: ParseStream<'_>,
        scope: Scope<'_>,
        errors: &mut Errors,
    ) -> syn::Result<Option<Self>> {
        if input.peek(LitStr) {
            let literal: LitStr = input.parse()?;
            return Ok(Template::parse(&literal, purpose, scope, errors).map(Self::Text));
        }
        if !input.peek(syn::Ident::peek_any) && !input.peek(Token![::]) && !input.peek(Token![<]) {
            let what = "expected a function, `profile(user.uid = id)`, or text, `\"user:<id>\"`";
            return Err(input.error(what));
        }
        let path: ExprPath = input.parse()?;
        if !input.peek(token::Paren) {
            return Self::named(path, Vec::new()).map(Some);
        }
        let content;
        syn::parenthesized!(content in input);
        match Given::parse_all(&content, &path.path, errors) {
            Ok(args) => Self::named(path, args).map(Some),
            Err(error) => {
                // Or what is left over would be complained about too.
                content.parse::<TokenStream>()?;
                Err(error)
            }
        }
    }

    /// The function or method of this path.
    fn named(path: ExprPath, args: Vec<Given>) -> syn::Result<Self> {
        if let Some(method) = Method::new(&path) {
            return Ok(Self::Method { method, args });
        }
        let ExprPath { qself, path, .. } = path;
        if qself.is_some() || path.segments.iter().any(|segment| !segment.arguments.is_none()) {
            return Err(syn::Error::new_spanned(
                path,
                "a function is named without type arguments: its keys of all types are meant",
            ));
        }
        Ok(Self::Function { path, args })
    }

    /// A `Target`.
    pub(crate) fn target(&self, cached_in: Option<&Expr>, p: &Private) -> TokenStream {
        let pattern = self.pattern(p);
        let cache = match (self, cached_in) {
            (Self::Function { path, .. }, None) => {
                let here = Span::mixed_site().located_at(last(path));
                let (handle, q) = (Ident::new(HANDLE, here), p.at(here));
                quote_spanned!(here=> #q::cache_of_handle(&<#handle as #q::Handle>::CACHE))
            }
            (Self::Method { method, .. }, None) => method.cache(p),
            (_, cached_in) => cache(cached_in, p),
        };
        self.naming(&quote!(#p::Target::new(#cache, #pattern)))
    }

    /// The code in a block in which the function's path has a name.
    fn naming(&self, code: &TokenStream) -> TokenStream {
        let Self::Function { path, .. } = self else { return code.clone() };
        let handle = Ident::new(HANDLE, Span::mixed_site().located_at(last(path)));
        quote!({ type #handle = #path; #code })
    }

    /// A `Pattern`; that of a function stands within [`naming`](Self::naming).
    fn pattern(&self, p: &Private) -> TokenStream {
        match self {
            Self::Text(template) => {
                let buf = Ident::new("__pattern", Span::mixed_site());
                let pieces = written(template, &buf, &quote!(#buf.buf()), p);
                quote!({
                    let mut #buf = #p::PatternBuf::new();
                    #pieces
                    #buf.finish()
                })
            }
            Self::Function { path, args } => function(path, args, p),
            Self::Method { method, args } => method.pattern(args, p),
        }
    }

    /// A `Key`.
    pub(crate) fn key(&self, p: &Private) -> TokenStream {
        match self {
            Self::Text(template) => {
                let buf = Ident::new("__key", Span::mixed_site());
                let pieces = written(template, &buf, &quote!(&mut #buf), p);
                quote!({
                    let mut #buf = #p::KeyBuf::new();
                    #pieces
                    #p::finish_key(#buf)
                })
            }
            Self::Function { path, args } => {
                let names = args.iter().filter(|given| given.value.is_some()).map(|given| &given.name);
                let pattern = self.pattern(p);
                let here = Span::mixed_site().located_at(last(path));
                let q = p.at(here);
                let handle = Ident::new(HANDLE, here);
                let check = quote_spanned! {here=>
                    const _: () = #q::all_given(
                        <#handle as #q::Handle>::PLACEHOLDERS,
                        &[#(#names),*],
                        <#handle as #q::Handle>::MISSING,
                    );
                };
                self.naming(&quote!(#check #p::key_of(#pattern)))
            }
            Self::Method { method, args } => {
                let names: Vec<_> =
                    args.iter().filter(|given| given.value.is_some()).map(|given| &given.name).collect();
                let (check, pattern) = (method.complete(&names, p), self.pattern(p));
                quote!({
                    #check
                    #p::key_of(#pattern)
                })
            }
        }
    }
}

fn last(path: &Path) -> Span {
    path.segments.last().map_or_else(Span::call_site, |segment| segment.ident.span())
}

fn written(template: &Template, buf: &Ident, out: &TokenStream, p: &Private) -> TokenStream {
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) => quote!(#buf.literal(#text);),
        Piece::Hole(hole) => hole.write(out, p),
    };
    template.pieces.iter().map(piece).collect()
}

/// The pattern of a function: names checked at build time, types by `Placeholder`, evaluated in order.
fn function(path: &Path, args: &[Given], p: &Private) -> TokenStream {
    let (site, at_path) = (Span::mixed_site(), Span::mixed_site().located_at(last(path)));
    let (q, handle) = (p.at(at_path), Ident::new(HANDLE, at_path));
    // What is no handle is complained about once, so every mention of it stands at the path.
    let handle = quote_spanned!(at_path=> <#handle as #q::Handle>);
    let (mut checks, mut values, mut arms) = (TokenStream::new(), TokenStream::new(), TokenStream::new());
    for (index, Given { name, span, value }) in args.iter().enumerate() {
        let here = site.located_at(*span);
        let hole = format_ident!("__MACADAMIA_HOLE{index}", span = here);
        let q = p.at(here);
        checks.extend(quote_spanned! {here=>
            const #hole: usize = #q::placeholder(
                #handle::PLACEHOLDERS,
                #name,
                #handle::UNKNOWN,
            );
        });
        let Some(value) = value else {
            // Named only to be checked.
            checks.extend(quote_spanned!(here=> const _: usize = #hole;));
            continue;
        };
        let local = format_ident!("__value{index}", span = site);
        let blamed = crate::value::here(value);
        values.extend(quote_spanned!(blamed=> let #local = &(#value);));
        let (q, named) = (p.at(blamed), Ident::new(HANDLE, blamed));
        let write = quote_spanned!(blamed=> <#named as #q::Placeholder<#hole, _>>::write(#local, __out));
        arms.extend(quote_spanned!(site=> #hole => { #write; true }));
    }
    let fill = if arms.is_empty() {
        quote!(|_, _| false)
    } else {
        quote_spanned!(site=> |__hole, __out| match __hole { #arms _ => false })
    };
    let asked = quote_spanned!(at_path=> #handle::pattern(&mut #fill));
    quote_spanned! {site=> {
        #checks
        #values
        #asked
    }}
}
