//! Functions that give a future without the word `async`: `-> impl Future<Output = T>`,
//! `-> Pin<Box<dyn Future<Output = T>>>`, and methods as `#[async_trait]` leaves them.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{
    Block, Expr, FnArg, GenericArgument, GenericParam, Local, Pat, Path, PathArguments, PathSegment,
    ReturnType, Stmt, Token, Type, TypeParamBound,
};

use super::Function;
use crate::tokens::mentions;

/// How a function is asynchronous.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// `async fn`
    Async,
    /// `-> impl Future`
    Opaque,
    /// `-> Pin<Box<dyn Future>>`
    Boxed,
    /// Not at all.
    Sync,
}

impl Form {
    /// The expression that the function's body ends in, around the block that computes the answer.
    pub(crate) fn around(self, block: TokenStream) -> TokenStream {
        match self {
            Self::Async | Self::Sync => block,
            Self::Opaque => quote!(async move { #block }),
            Self::Boxed => quote!(::std::boxed::Box::pin(async move { #block })),
        }
    }
}

impl Function {
    /// Sees through the future that a function without `async` gives: to its output, and to the code in it.
    pub(crate) fn unfold(&mut self) {
        if self.form != Form::Sync {
            return;
        }
        let ReturnType::Type(_, written) = &self.sig.output else { return };
        let Some((form, output)) = given(written) else { return };
        let inside = block(self.body.stream(), form);
        let body = inside.unwrap_or_else(|| awaited(&self.body, form, written));
        (self.form, self.output, self.body) = (form, output, body);
        self.restore_patterns();
    }

    /// `#[async_trait]` puts a name in the place of a pattern and takes it apart inside.
    fn restore_patterns(&mut self) {
        let made = |param: &GenericParam| matches!(param, GenericParam::Lifetime(param) if param.lifetime.ident == "async_trait");
        if !self.sig.generics.params.iter().any(made) {
            return;
        }
        let Ok(mut statements) = Block::parse_within.parse2(self.body.stream()) else { return };
        let inputs = &mut self.sig.inputs;
        statements.retain(|statement| {
            let Stmt::Local(Local { pat, init: Some(init), .. }) = statement else { return true };
            let Some(from) = moved_from(&init.expr).filter(|_| !matches!(pat, Pat::Ident(_))) else { return true };
            let whole = inputs.iter_mut().find_map(|input| match input {
                FnArg::Typed(typed) if matches!(&*typed.pat, Pat::Ident(name) if from.is_ident(&name.ident)) => {
                    Some(typed)
                }
                _ => None,
            });
            let Some(whole) = whole else { return true };
            *whole.pat = pat.clone();
            false
        });
        self.params = self.sig.inputs.iter().filter_map(super::param).collect();
        let span = self.body.span();
        self.body = Group::new(Delimiter::Brace, quote!(#(#statements)*));
        self.body.set_span(span);
    }
}

/// The variable whose value `x` or `{ let x = x; x }` is.
fn moved_from(expr: &Expr) -> Option<&Path> {
    match expr {
        Expr::Path(path) => Some(&path.path),
        Expr::Block(block) => match block.block.stmts.last()? {
            Stmt::Expr(last, None) => moved_from(last),
            _ => None,
        },
        _ => None,
    }
}

/// The form and the output of the future that a type is.
fn given(ty: &Type) -> Option<(Form, Type)> {
    match ty {
        Type::Group(group) => given(&group.elem),
        Type::Paren(paren) => given(&paren.elem),
        Type::ImplTrait(future) => Some((Form::Opaque, output(&future.bounds)?)),
        Type::Path(path) => {
            let last = path.path.segments.last()?;
            let argument = first_type(last)?;
            if last.ident == "BoxFuture" || last.ident == "LocalBoxFuture" {
                return Some((Form::Boxed, argument.clone()));
            }
            let Type::Path(boxed) = argument else { return None };
            let boxed = boxed.path.segments.last()?;
            let Type::TraitObject(future) = first_type(boxed)? else { return None };
            let form = last.ident == "Pin" && boxed.ident == "Box";
            Some((Form::Boxed, output(&future.bounds)?)).filter(|_| form)
        }
        _ => None,
    }
}

fn first_type(segment: &PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// `T` of `Future<Output = T>`.
fn output(bounds: &Punctuated<TypeParamBound, Token![+]>) -> Option<Type> {
    bounds.iter().find_map(|bound| {
        let TypeParamBound::Trait(bound) = bound else { return None };
        let last = bound.path.segments.last().filter(|last| last.ident == "Future")?;
        let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
        arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(assoc) if assoc.ident == "Output" => Some(assoc.ty.clone()),
            _ => None,
        })
    })
}

/// The braces of a body that is nothing but `async move { … }`, or `Box::pin` of that.
fn block(body: TokenStream, form: Form) -> Option<Group> {
    let mut tokens: Vec<_> = body.into_iter().collect();
    let TokenTree::Group(last) = tokens.pop()? else { return None };
    let words: Vec<_> = tokens.iter().map(ToString::to_string).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match (last.delimiter(), words.as_slice()) {
        (Delimiter::Brace, ["async"] | ["async", "move"]) => Some(last),
        (Delimiter::Parenthesis, [.., "Box", ":", ":", "pin"]) if form == Form::Boxed => {
            // No more than a path in front.
            let path = words
                .iter()
                .all(|word| *word == ":" || word.chars().all(|c| c.is_alphanumeric() || c == '_'));
            block(last.stream(), form).filter(|_| path)
        }
        _ => None,
    }
}

/// A body that awaits the future the written one gives. A `return` in that gives the future as well.
fn awaited(body: &Group, form: Form, written: &Type) -> Group {
    let site = Span::mixed_site();
    let mut code = body.clone();
    code.set_span(site.located_at(body.span()));
    let tokens = if mentions(body.stream(), &|word| word == "return") {
        let typed = (form == Form::Boxed).then(|| written.to_token_stream());
        let typed = typed.map(|written| quote!(-> #written));
        quote_spanned!(site=> let __future = (move || #typed #code)(); __future.await)
    } else {
        quote_spanned!(site=> let __future = #code; __future.await)
    };
    let mut group = Group::new(Delimiter::Brace, tokens);
    group.set_span(body.span());
    group
}
