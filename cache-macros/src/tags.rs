//! `tags = ["users", "user:<user.uid>"]`: names under which entries are deleted together.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::{Expr, ExprArray, ExprLit, Lit};

use crate::attribute::cache;
use crate::error::Errors;
use crate::function::Param;
use crate::grammar::Arguments;
use crate::krate::Private;
use crate::placeholder::{Hole, Scope};
use crate::template::{Piece, Template, Use};

/// The tags of an entry, or of what is to go.
#[derive(Default)]
pub(crate) struct Tags(Vec<Template>);

impl Tags {
    /// Takes `tags` out of the arguments.
    pub(crate) fn take(arguments: &mut Arguments, scope: Scope<'_>, errors: &mut Errors) -> Self {
        let Some((key, expr)) = arguments.expr("tags") else { return Self::default() };
        let Expr::Array(ExprArray { elems, .. }) = &expr else {
            errors.at(expr, "`tags` is a list of templates: write `tags = [\"users\", \"user:<id>\"]`");
            return Self::default();
        };
        if elems.is_empty() {
            errors.push(key.span(), "`tags` is empty: name one, `tags = [\"users\"]`, or leave it out");
        }
        let mut templates: Vec<Template> = Vec::new();
        for elem in elems {
            let Expr::Lit(ExprLit { lit: Lit::Str(literal), .. }) = elem else {
                errors.at(elem, "a tag is a template, text with placeholders: write \"user:<id>\"");
                continue;
            };
            if templates.iter().any(|known| known.literal.value() == literal.value()) {
                errors.push(literal.span(), format!("the tag \"{}\" is there already", literal.value()));
                continue;
            }
            templates.extend(Template::parse(literal, Use::Key, scope, errors));
        }
        Self(templates)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a tag needs this parameter.
    pub(crate) fn uses(&self, param: &Param) -> bool {
        let holes = self.0.iter().flat_map(|template| &template.pieces).filter_map(hole);
        holes.filter_map(Hole::root).any(|root| param.bindings.contains(root))
    }

    /// A `Target` of what carries one of them, if there are any.
    pub(crate) fn target(&self, cached_in: Option<&Expr>, p: &Private) -> Option<TokenStream> {
        if self.is_empty() {
            return None;
        }
        let (cache, tags) = (cache(cached_in, p), self.print(p));
        Some(quote!(#p::Target::tags(#cache, #tags)))
    }

    /// A `Tags`, in the function they belong to.
    pub(crate) fn print(&self, p: &Private) -> TokenStream {
        self.written(&|hole, out| hole.write(out, p), p)
    }

    /// The same in the function's handle.
    pub(crate) fn print_again(&self, p: &Private) -> TokenStream {
        self.written(&|hole, out| hole.write_again(out, p), p)
    }

    fn written(&self, write: &dyn Fn(&Hole, &TokenStream) -> TokenStream, p: &Private) -> TokenStream {
        if self.is_empty() {
            return quote!(#p::Tags::new());
        }
        let (tags, buf) = (Ident::new("__tags", Span::mixed_site()), Ident::new("__tag", Span::mixed_site()));
        let out = quote!(&mut #buf);
        let pushed = self.0.iter().map(|template| {
            let pieces = template.pieces.iter().map(|piece| match piece {
                Piece::Text(text) => quote!(#buf.literal(#text);),
                Piece::Hole(hole) => write(hole, &out),
            });
            quote!({
                let mut #buf = #p::KeyBuf::new();
                #(#pieces)*
                #tags.push(#buf);
            })
        });
        quote!({
            let mut #tags = #p::Tags::new();
            #(#pushed)*
            #tags
        })
    }
}

fn hole(piece: &Piece) -> Option<&Hole> {
    match piece {
        Piece::Hole(hole) => Some(hole),
        Piece::Text(_) => None,
    }
}
