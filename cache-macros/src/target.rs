//! What to invalidate: `profile(user.uid = id)`, `items`, `"items:page:*"`. Also what `key!` makes keys of.

use proc_macro2::{Delimiter, Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Expr, LitFloat, LitInt, LitStr, Path, Token, token};

use crate::attribute::cache;
use crate::error::Errors;
use crate::krate::Private;
use crate::placeholder::Scope;
use crate::template::{Piece, Template, Use};
use crate::tokens::moved;

/// A target, understood.
pub(crate) enum Target {
    /// A pattern, or a key with placeholders.
    Text(Template),
    /// A function, by its handle.
    Function { path: Path, args: Vec<Given> },
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
        if !input.peek(syn::Ident::peek_any) && !input.peek(Token![::]) {
            let what = "expected a function, `profile(user.uid = id)`, or text, `\"user:<id>\"`";
            return Err(input.error(what));
        }
        let path = input.call(Path::parse_mod_style)?;
        if !input.peek(token::Paren) {
            return Ok(Some(Self::Function { path, args: Vec::new() }));
        }
        let content;
        syn::parenthesized!(content in input);
        match Given::parse_all(&content, &path, errors) {
            Ok(args) => Ok(Some(Self::Function { path, args })),
            Err(error) => {
                // Or what is left over would be complained about too.
                content.parse::<TokenStream>()?;
                Err(error)
            }
        }
    }

    /// A `Target`.
    pub(crate) fn target(&self, cached_in: Option<&Expr>, p: &Private) -> TokenStream {
        let pattern = self.pattern(p);
        let cache = match (self, cached_in) {
            (Self::Function { path, .. }, None) => quote!(<#path as #p::HasCache>::cache()),
            (_, cached_in) => cache(cached_in, p),
        };
        quote!(#p::Target::new(#cache, #pattern))
    }

    /// A `Pattern`.
    pub(crate) fn pattern(&self, p: &Private) -> TokenStream {
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
                let check = quote_spanned! {here=>
                    const _: () = #q::all_given(
                        <#path as #q::Handle>::PLACEHOLDERS,
                        &[#(#names),*],
                        <#path as #q::Handle>::MISSING,
                    );
                };
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
    let site = Span::mixed_site();
    let (mut checks, mut values, mut arms) = (TokenStream::new(), TokenStream::new(), TokenStream::new());
    for (index, Given { name, span, value }) in args.iter().enumerate() {
        let here = site.located_at(*span);
        let hole = format_ident!("__MACADAMIA_HOLE{index}", span = here);
        let (q, named) = (p.at(here), moved(path.to_token_stream(), here));
        checks.extend(quote_spanned! {here=>
            const #hole: usize = #q::placeholder(
                <#named as #q::Handle>::PLACEHOLDERS,
                #name,
                <#named as #q::Handle>::UNKNOWN,
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
        let (q, named) = (p.at(blamed), moved(path.to_token_stream(), blamed));
        let write = quote_spanned!(blamed=> <#named as #q::Placeholder<#hole, _>>::write(#local, __out));
        arms.extend(quote_spanned!(site=> #hole => { #write; true }));
    }
    let fill = if arms.is_empty() {
        quote!(|_, _| false)
    } else {
        quote_spanned!(site=> |__hole, __out| match __hole { #arms _ => false })
    };
    quote_spanned! {site=> {
        #checks
        #values
        <#path as #p::Handle>::pattern(&mut #fill)
    }}
}

impl Given {
    fn parse_all(input: ParseStream<'_>, path: &Path, errors: &mut Errors) -> syn::Result<Vec<Self>> {
        let mut all: Vec<Self> = Vec::new();
        while !input.is_empty() {
            let given = Self::parse(input, path)?;
            if all.iter().any(|other| other.name == given.name) {
                errors.push(given.span, format!("`{}` is given twice", given.name));
            }
            all.push(given);
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(all)
    }

    fn parse(input: ParseStream<'_>, path: &Path) -> syn::Result<Self> {
        let owner = path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        let how = format!("name the placeholder: `{owner}(user.uid = id)`, or `page = _` for any value");
        if !input.peek(syn::Ident::peek_any) {
            return Err(input.error(how));
        }
        let root = Ident::parse_any(input)?;
        let mut name = root.unraw().to_string();
        while input.peek(Token![.]) {
            input.parse::<Token![.]>()?;
            name.push('.');
            if input.peek(LitInt) {
                name.push_str(input.parse::<LitInt>()?.base10_digits());
            } else if input.peek(LitFloat) {
                name.push_str(&input.parse::<LitFloat>()?.to_string());
            } else {
                name.push_str(&Ident::parse_any(input)?.unraw().to_string());
                if input.peek(token::Paren) {
                    empty_parens(input)?;
                    name.push_str("()");
                }
            }
        }
        if !input.peek(Token![=]) || input.peek(Token![==]) {
            return Err(syn::Error::new(root.span(), how));
        }
        input.parse::<Token![=]>()?;
        if input.peek(Token![_]) {
            input.parse::<Token![_]>()?;
            return Ok(Self { name, span: root.span(), value: None });
        }
        let mut value: Expr = input.parse()?;
        // A value is lent anyway: `path = &file.path` means the same as `path = file.path`.
        while let Expr::Reference(reference) = value {
            value = *reference.expr;
        }
        Ok(Self { name, span: root.span(), value: Some(value) })
    }
}

fn empty_parens(input: ParseStream<'_>) -> syn::Result<()> {
    let group: proc_macro2::Group = input.parse()?;
    if group.delimiter() == Delimiter::Parenthesis && group.stream().is_empty() {
        return Ok(());
    }
    Err(syn::Error::new(group.span(), "methods of a placeholder take no arguments"))
}
