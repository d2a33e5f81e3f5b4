//! The key of a call: from a template, by code, or by default from all parameters.

mod read;

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::Expr;
use syn::ext::IdentExt;

use crate::function::{Function, Param};
use crate::krate::Private;
use crate::placeholder::Hole;
use crate::template::{Piece, Template};
use crate::tokens::mentions;
use crate::value;

/// How keys of a function are made.
pub(crate) struct Key {
    prefix: Option<String>,
    pub(crate) kind: Kind,
}

/// The three ways.
pub(crate) enum Kind {
    Template(Template),
    /// `|user, lang| expr`: the parameters it names and the whole key.
    Code {
        params: Vec<Ident>,
        expr: Expr,
    },
    /// The item's path, then `:name:<value>` for each parameter.
    Default {
        pieces: Vec<Piece>,
    },
}

/// What a default key begins with.
pub(crate) enum Head<'a> {
    /// The path of the function's handle, then these type arguments.
    Handle(&'a Ident, &'a [TokenStream]),
    /// The path of the method of this name, seen from its handle.
    Beside(&'a Ident),
    /// The path of the function of this name, seen from beside it.
    Function(&'a Ident),
    /// The path of the running function, with the type it belongs to and all type arguments.
    Here,
}

impl Key {
    /// The same keys behind one more prefix.
    pub(crate) fn under(self, prefix: &str) -> Self {
        Self { prefix: Some(prefix.to_owned() + &self.prefix.unwrap_or_default()), ..self }
    }

    /// The template as written, behind its prefix.
    pub(crate) fn template(&self) -> Option<String> {
        match &self.kind {
            Kind::Template(template) => {
                Some(self.prefix.clone().unwrap_or_default() + &template.literal.value())
            }
            Kind::Code { .. } | Kind::Default { .. } => None,
        }
    }

    /// What the function is given and the key does not contain, `self` first.
    pub(crate) fn unkeyed(&self, function: &Function) -> Vec<String> {
        let used = |name: &Ident| match &self.kind {
            Kind::Code { params, expr } => {
                params.contains(name) || (name == "self" && mentions(quote!(#expr), &|word| word == "self"))
            }
            Kind::Template(_) | Kind::Default { .. } => self.holes().any(|hole| hole.root() == Some(name)),
        };
        let receiver = function.binding("self");
        let names = receiver.iter().chain(function.bindings()).filter(|name| !used(name));
        names.map(|name| name.unraw().to_string()).collect()
    }

    /// What every key begins with, as far as it is known now.
    pub(crate) fn literal_head(&self) -> String {
        let mut head = self.prefix.clone().unwrap_or_default();
        if let Kind::Template(template) = &self.kind {
            head.push_str(template.head());
        }
        head
    }

    /// Whether the key needs this parameter.
    pub(crate) fn uses(&self, param: &Param) -> bool {
        let named = |name: &Ident| param.bindings.contains(name);
        match &self.kind {
            Kind::Code { params, .. } => params.iter().any(named),
            Kind::Template(_) | Kind::Default { .. } => self.holes().filter_map(Hole::root).any(named),
        }
    }

    /// The placeholders in order.
    pub(crate) fn holes(&self) -> impl Iterator<Item = &Hole> {
        self.pieces().iter().filter_map(|piece| match piece {
            Piece::Hole(hole) => Some(hole),
            Piece::Text(_) => None,
        })
    }

    fn pieces(&self) -> &[Piece] {
        match &self.kind {
            Kind::Template(template) => &template.pieces,
            Kind::Default { pieces } => pieces,
            Kind::Code { .. } => &[],
        }
    }

    /// The key made readable: the template, or the form of the default key.
    pub(crate) fn readable(&self, function: &Function) -> String {
        let prefix = self.prefix.as_deref().unwrap_or_default();
        match &self.kind {
            Kind::Template(template) => format!("{prefix}{}", template.literal.value()),
            Kind::Code { params, .. } => {
                let params: Vec<_> = params.iter().map(ToString::to_string).collect();
                format!("{prefix}|{}| …", params.join(", "))
            }
            Kind::Default { pieces } => {
                let piece = |piece: &Piece| match piece {
                    Piece::Text(text) => text.clone(),
                    Piece::Hole(hole) => format!("<{}>", hole.name),
                };
                format!("{prefix}{}{}", function.name(), pieces.iter().map(piece).collect::<String>())
            }
        }
    }

    /// Statements that write the key into the `KeyBuf` of this name.
    pub(crate) fn render(&self, buf: &Ident, head: &Head<'_>, p: &Private) -> TokenStream {
        let out = quote!(&mut #buf);
        self.write_pattern(buf, &out, head, "", &|_, hole| hole.write(&out, p), p)
    }

    /// The same statements in the handle.
    pub(crate) fn render_again(&self, buf: &Ident, head: &Head<'_>, p: &Private) -> TokenStream {
        let out = quote!(&mut #buf);
        self.write_pattern(buf, &out, head, "", &|_, hole| hole.write_again(&out, p), p)
    }

    /// Statements that write literals to `buf`, values to `out` (the `&mut KeyBuf` of it), `behind_head`
    /// behind a default head, and these for the placeholders.
    pub(crate) fn write_pattern(
        &self,
        buf: &Ident,
        out: &TokenStream,
        head: &Head<'_>,
        behind_head: &str,
        hole: &dyn Fn(usize, &Hole) -> TokenStream,
        p: &Private,
    ) -> TokenStream {
        let mut code = TokenStream::new();
        let mut text = self.prefix.clone().unwrap_or_default();
        let flush = |text: &mut String, code: &mut TokenStream| {
            let piece = std::mem::take(text);
            if !piece.is_empty() {
                code.extend(quote!(#buf.literal(#piece);));
            }
        };
        match &self.kind {
            Kind::Code { expr, .. } => {
                flush(&mut text, &mut code);
                let here = value::here(expr);
                let p = p.at(here);
                code.extend(quote_spanned!(here=> #p::raw_key(#out, &(#expr));));
            }
            Kind::Default { .. } => {
                flush(&mut text, &mut code);
                code.extend(default_head(out, head, p));
                text.push_str(behind_head);
            }
            Kind::Template(_) => {}
        }
        let mut index = 0;
        for piece in self.pieces() {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Hole(written) => {
                    flush(&mut text, &mut code);
                    code.extend(hole(index, written));
                    index += 1;
                }
            }
        }
        flush(&mut text, &mut code);
        code
    }
}

fn default_head(out: &TokenStream, head: &Head<'_>, p: &Private) -> TokenStream {
    match head {
        Head::Handle(handle, []) => quote!(#p::head_of::<#handle>(#out);),
        Head::Handle(handle, args) => quote! {
            #p::head_of::<#handle>(#out);
            #p::type_args(#out, &[#(#args),*]);
        },
        Head::Beside(method) => {
            let method = method.unraw().to_string();
            quote!(#p::head_of_method(#out, &|| (), #method);)
        }
        Head::Function(function) => quote!(#p::head_of_val(#out, &#function);),
        Head::Here => quote!(#p::head_of_val(#out, &|| ());),
    }
}

/// The type arguments that a handle's head is followed by: type names, const values, types behind `impl`.
pub(crate) fn type_args(function: &Function, key: &Key) -> Vec<TokenStream> {
    let generics = function.sig.generics.params.iter().filter_map(|param| match param {
        syn::GenericParam::Type(param) => {
            let name = &param.ident;
            Some(quote!(::core::any::type_name::<#name>()))
        }
        syn::GenericParam::Const(param) => {
            let name = &param.ident;
            Some(quote!(&::std::string::ToString::to_string(&#name)))
        }
        syn::GenericParam::Lifetime(_) => None,
    });
    let hidden = function.params.iter().filter(|param| key.uses(param) && Function::is_impl_trait(&param.ty));
    let hidden =
        hidden.flat_map(|param| &param.bindings).map(|name| quote!(::core::any::type_name_of_val(&#name)));
    generics.chain(hidden).collect()
}
