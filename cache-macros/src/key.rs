//! The key of a call: from a template, by code, or by default from all parameters.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Expr, ExprClosure, ExprLit, Lit, Pat, PatIdent, Token};

use crate::error::{Errors, hint, listed};
use crate::function::{Function, Param};
use crate::grammar::{Argument, Arguments, Value};
use crate::krate::Private;
use crate::placeholder::{Hole, Scope};
use crate::template::{Piece, Template, Use, reserved, reserved_message};
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
    /// The path of the running function, with the type it belongs to and all type arguments.
    Here,
}

impl Key {
    /// Takes `key`, `prefix` and `skip` out of the arguments.
    pub(crate) fn take(arguments: &mut Arguments, function: &Function, errors: &mut Errors) -> Option<Self> {
        let prefix = arguments.expr("prefix").and_then(|(key, expr)| prefix(&key, &expr, errors));
        let skip = arguments.take("skip");
        let Some((name, expr)) = arguments.expr("key") else {
            let pieces = default(function, skip, errors)?;
            return Some(Self { prefix, kind: Kind::Default { pieces } });
        };
        if let Some(skip) = skip {
            errors.push(
                skip.key.span(),
                "`skip` shapes the default key: beside `key`, leave a parameter out by not naming it",
            );
        }
        let kind = match expr {
            Expr::Lit(ExprLit { lit: Lit::Str(literal), .. }) => {
                let template = Template::parse(&literal, Use::Key, Scope::Function(function), errors)?;
                if let (None, Some(prefix)) = (&prefix, reserved(template.head())) {
                    errors.push(literal.span(), reserved_message(prefix));
                }
                Kind::Template(template)
            }
            Expr::Closure(closure) => code(closure, function, errors)?,
            other => {
                errors.at(other, format!("`{name}` is a template, `\"user:<user.uid>\"`, or a closure over parameters, `|user| …`"));
                return None;
            }
        };
        Some(Self { prefix, kind })
    }

    /// The template as written, without the prefix.
    pub(crate) fn template(&self) -> Option<String> {
        match &self.kind {
            Kind::Template(template) => Some(template.literal.value()),
            Kind::Code { .. } | Kind::Default { .. } => None,
        }
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

    /// Statements that write literals to `buf`, values to `out` (the `&mut KeyBuf` of it), `behind_head` behind
    /// a default head, and these for the placeholders.
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
                code.extend(quote_spanned!(value::here(expr)=> #p::raw_key(#out, &(#expr));));
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
        Head::Here => quote!(#p::head_of_val(#out, &|| ());),
    }
}

/// `prefix = "v2"`, as `v2:`.
fn prefix(key: &Ident, expr: &Expr, errors: &mut Errors) -> Option<String> {
    let literal = value::text(key, expr, errors)?;
    let text = literal.value();
    let strange = |c: char| c.is_whitespace() || c.is_control() || "*<>{}".contains(c);
    if text.is_empty() || text.contains(strange) {
        errors.push(
            literal.span(),
            "`prefix` is plain text without wildcards, placeholders or white space, such as \"v2\"",
        );
        return None;
    }
    let prefix = format!("{text}:");
    if let Some(prefix) = reserved(&prefix) {
        errors.push(literal.span(), reserved_message(prefix));
        return None;
    }
    Some(prefix)
}

/// `|user, lang| expr`
fn code(closure: ExprClosure, function: &Function, errors: &mut Errors) -> Option<Kind> {
    let mut params = Vec::new();
    let mut wrong = false;
    for input in &closure.inputs {
        let pat = if let Pat::Type(typed) = input { &typed.pat } else { input };
        let name = match pat {
            Pat::Ident(PatIdent { ident, .. }) => ident.unraw().to_string(),
            _ => String::new(),
        };
        match function.binding(&name).filter(|_| name != "self") {
            Some(binding) => params.push(binding),
            None => {
                let names = || function.bindings().map(|name| name.unraw().to_string()).collect::<Vec<_>>();
                let names = names();
                let names = || names.iter().map(String::as_str);
                let what = if name.is_empty() {
                    String::new()
                } else {
                    format!("`{name}` is none{} ", hint(&name, names()))
                };
                errors.at(
                    input,
                    format!(
                        "the closure of `key` names parameters of `{}`: {what}They are: {}",
                        function.name(),
                        listed(names())
                    ),
                );
                wrong = true;
            }
        }
    }
    if let Some(word) = &closure.asyncness {
        errors.at(word, "`key` is computed before the call and cannot wait: write a closure without `async`");
        return None;
    }
    (!wrong).then(|| Kind::Code { params, expr: *closure.body })
}

/// The parameters of a default key, `skip`ped ones left out.
fn default(function: &Function, skip: Option<Argument>, errors: &mut Errors) -> Option<Vec<Piece>> {
    let skipped = match skip {
        Some(Argument { value: Value::List(list), .. }) => skipped(list, function, errors)?,
        _ => Vec::new(),
    };
    if let Some(receiver) = function.receiver()
        && !skipped.iter().any(|name| name == "self")
    {
        errors.push(
            receiver.self_token.span,
            "a default key does not contain `self`: write `skip(self)` if all instances share their entries, or a `key` that names what tells them apart, such as \"user:<self.id>\"",
        );
        return None;
    }
    let kept = function.bindings().filter(|name| !skipped.contains(&name.unraw().to_string()));
    let pieces =
        kept.flat_map(|name| [Piece::Text(format!(":{}:", name.unraw())), Piece::Hole(Hole::whole(name))]);
    Some(pieces.collect())
}

fn skipped(list: TokenStream, function: &Function, errors: &mut Errors) -> Option<Vec<String>> {
    let parser = Punctuated::<Ident, Token![,]>::parse_terminated_with;
    let parse = |input: syn::parse::ParseStream<'_>| parser(input, Ident::parse_any);
    let names = errors.keep(parse.parse2(list))?;
    let known = function.names();
    for name in &names {
        let text = name.unraw().to_string();
        if !known.contains(&text) {
            let known = || known.iter().map(String::as_str);
            errors.push(
                name.span(),
                format!(
                    "`{text}` is no parameter of `{}`{} Its parameters: {}",
                    function.name(),
                    hint(&text, known()),
                    listed(known())
                ),
            );
        }
    }
    Some(names.iter().map(|name| name.unraw().to_string()).collect())
}

/// The type arguments that a handle's head is followed by: type names, const values, types behind `impl`.
pub(crate) fn type_args(function: &Function, key: &Key) -> Vec<TokenStream> {
    let generics = function.sig.generics.params.iter().filter_map(|param| match param {
        syn::GenericParam::Type(param) => {
            let name = &param.ident;
            Some(quote!(&::core::any::type_name::<#name>()))
        }
        syn::GenericParam::Const(param) => {
            let name = &param.ident;
            Some(quote!(&#name))
        }
        syn::GenericParam::Lifetime(_) => None,
    });
    let hidden = function.params.iter().filter(|param| key.uses(param) && Function::is_impl_trait(&param.ty));
    let hidden =
        hidden.flat_map(|param| &param.bindings).map(|name| quote!(&::core::any::type_name_of_val(&#name)));
    generics.chain(hidden).collect()
}
