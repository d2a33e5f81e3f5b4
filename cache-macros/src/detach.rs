//! Taking a call's arguments along into a task of its own: what is borrowed is copied, and lent to the body again.

mod receiver;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{
    GenericArgument, Lifetime, Pat, PatIdent, PathArguments, Receiver, ReceiverKind, Type, TypeReference,
};

use crate::error::Errors;
use crate::function::{Function, Param};
use crate::krate::Private;

/// What to write where something cannot be taken along.
const OTHERWISE: &str = "or refresh in the foreground: `background = false`";

/// How the arguments of a function are taken along.
pub(crate) struct Arguments {
    receiver: Option<Taken>,
    /// In the order of the parameters.
    params: Vec<Taken>,
}

/// How one argument is taken along.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// As it is.
    Whole,
    /// `&T`: a copy, lent.
    Copied,
    /// `Option<&T>`: the same inside.
    CopiedInside,
}

impl Arguments {
    /// Finds out, and tells of what cannot be taken along. `Some(None)`: nothing is.
    #[expect(clippy::option_option, reason = "wrong, not taken, and taken are three answers")]
    pub(crate) fn of(beside: bool, function: &Function, errors: &mut Errors) -> Option<Option<Self>> {
        if !beside {
            return Some(None);
        }
        let receiver = function.receiver().map(|receiver| of_receiver(receiver, errors));
        if receiver.is_some() {
            receiver::check(function, errors);
        }
        let params: Vec<_> = function.params.iter().map(|param| of_param(param, errors)).collect();
        let receiver = match receiver {
            None => None,
            Some(taken) => Some(taken?),
        };
        Some(Some(Self { receiver, params: params.into_iter().collect::<Option<_>>()? }))
    }

    /// Statements that copy what is borrowed.
    pub(crate) fn own(&self, function: &Function, p: &Private) -> TokenStream {
        let mut code = TokenStream::new();
        if let (Some(taken), Some(receiver)) = (self.receiver, function.receiver()) {
            let (this, name) = (Ident::new("self", receiver.self_token.span), receiver::name());
            let shown = shown(&this, receiver.mutability.is_some());
            code.extend(own(taken, &shown, &name, receiver.self_token.span(), p));
            if taken == Taken::Whole {
                let mutability = receiver.mutability.map(|_| quote!(mut));
                code.extend(quote_spanned! {Span::mixed_site()=>
                    #[allow(unused_mut)]
                    let #mutability #name = #this;
                });
            }
        }
        for (index, (param, taken)) in function.params.iter().zip(&self.params).enumerate() {
            let (cfgs, copy) = (&param.cfgs, copy(index));
            for name in &param.bindings {
                let shown = shown(name, *taken != Taken::Whole && is_mut(&param.pat));
                let span = if *taken == Taken::Whole { param.ty.span() } else { name.span() };
                let copied = own(*taken, &shown, &copy, span, p);
                // `_unused` is taken along too: whether the body leaves it unused is not asked.
                let allowed = name
                    .unraw()
                    .to_string()
                    .starts_with('_')
                    .then(|| quote!(#[allow(clippy::used_underscore_binding)]));
                code.extend(quote!(#(#cfgs)* #allowed #copied));
            }
        }
        code
    }

    /// Statements that lend the copies to the body, under the names of the parameters.
    pub(crate) fn lend(&self, function: &Function, p: &Private) -> TokenStream {
        let mut code = TokenStream::new();
        if let (Some(Taken::Copied), Some(receiver)) = (self.receiver, function.receiver()) {
            let (name, mutability) = (receiver::name(), receiver.mutability.map(|_| quote!(mut)));
            let lent = lend(Taken::Copied, &quote!(#mutability #name), &name, p);
            let allowed = allowed();
            code.extend(quote!(#allowed #[allow(unused_mut)] #lent));
        }
        for (index, (param, taken)) in function.params.iter().zip(&self.params).enumerate() {
            let (cfgs, pat) = (&param.cfgs, param.pat.to_token_stream());
            if let Some(lent) = lend(*taken, &pat, &copy(index), p) {
                let allowed = allowed();
                code.extend(quote!(#(#cfgs)* #allowed #lent));
            }
        }
        code
    }

    /// The code with another word for `self`, which no variable can be called.
    pub(crate) fn follow(&self, code: TokenStream) -> TokenStream {
        if self.receiver.is_some() { receiver::rename(code) } else { code }
    }
}

/// The copy of a parameter.
fn copy(index: usize) -> Ident {
    format_ident!("__argument{index}", span = Span::mixed_site())
}

/// An argument to look at. One that is `mut` is so for the body, which has another in its place.
fn shown(name: &Ident, mutable: bool) -> TokenStream {
    if !mutable {
        return name.to_token_stream();
    }
    quote_spanned!(Span::mixed_site()=> *::core::convert::identity(&mut #name))
}

fn is_mut(pat: &Pat) -> bool {
    matches!(pat, Pat::Ident(name) if name.mutability.is_some())
}

fn own(taken: Taken, name: &TokenStream, copy: &Ident, span: Span, p: &Private) -> TokenStream {
    let here = Span::mixed_site().located_at(span);
    let p = p.at(here);
    match taken {
        Taken::Whole => quote_spanned!(here=> #p::refresh::portable(&#name);),
        Taken::Copied => quote_spanned!(here=> let #copy = #p::refresh::own(#name);),
        Taken::CopiedInside => {
            quote_spanned!(here=> let #copy = ::core::option::Option::map(#name, #p::refresh::own);)
        }
    }
}

/// A lent copy has the name of what it is a copy of, and the key alone may use that.
fn allowed() -> TokenStream {
    quote!(#[allow(unused_variables, clippy::shadow_reuse, clippy::shadow_same, clippy::shadow_unrelated)])
}

fn lend(taken: Taken, pat: &TokenStream, copy: &Ident, p: &Private) -> Option<TokenStream> {
    let site = Span::mixed_site();
    match taken {
        Taken::Whole => None,
        Taken::Copied => Some(quote_spanned!(site=> let #pat = #copy.lend();)),
        Taken::CopiedInside => Some(quote_spanned! {site=>
            let #pat = ::core::option::Option::map(
                ::core::option::Option::as_ref(&#copy),
                #p::refresh::Copied::lend,
            );
        }),
    }
}

fn of_receiver(receiver: &Receiver, errors: &mut Errors) -> Option<Taken> {
    let (mutable, taken) = match &receiver.kind {
        ReceiverKind::Reference(_, _, mutability) => (mutability.is_some(), Taken::Copied),
        ReceiverKind::Typed(_, ty) => match stripped(ty) {
            Type::Reference(reference) => (reference.mutability.is_some(), Taken::Copied),
            ty => (false, whole(ty, receiver.self_token.span(), "`self`", errors)?),
        },
        _ => (false, Taken::Whole),
    };
    if mutable {
        errors.at(
            receiver,
            format!("`&mut self` cannot be taken along into the background: take `&self`, {OTHERWISE}"),
        );
        return None;
    }
    Some(taken)
}

fn of_param(param: &Param, errors: &mut Errors) -> Option<Taken> {
    if matches!(param.pat, Pat::Wild(_)) {
        // There is nothing to take.
        return Some(Taken::Whole);
    }
    let shown = param.plain().map_or_else(|| "it".to_owned(), |name| format!("`{name}`"));
    let (borrowed, taken) = match stripped(&param.ty) {
        Type::Reference(reference) if is_static(reference) => return Some(Taken::Whole),
        Type::Reference(reference) => (reference, Taken::Copied),
        ty => match inside_option(ty) {
            Some(reference) if !is_static(reference) => (reference, Taken::CopiedInside),
            _ if !binds_by_reference(&param.pat) => return whole(ty, ty.span(), &shown, errors),
            _ => {
                apart(param, errors);
                return None;
            }
        },
    };
    if borrowed.mutability.is_some() {
        errors.at(
            &param.ty,
            format!("{shown} is borrowed mutably, and cannot be taken along into the background: take it by value, {OTHERWISE}"),
        );
        return None;
    }
    if param.plain().is_none() {
        apart(param, errors);
        return None;
    }
    whole(&borrowed.elem, param.ty.span(), &shown, errors).map(|_| taken)
}

fn apart(param: &Param, errors: &mut Errors) {
    errors.at(
        &param.pat,
        format!("what is borrowed is copied to be taken along into the background: give it a name and take it apart in the body, {OTHERWISE}"),
    );
}

/// `ref` somewhere: a part of an argument, borrowed from it.
fn binds_by_reference(pat: &Pat) -> bool {
    struct Found(bool);
    impl<'ast> Visit<'ast> for Found {
        fn visit_pat_ident(&mut self, pat: &'ast PatIdent) {
            self.0 |= pat.by_ref.is_some();
            visit::visit_pat_ident(self, pat);
        }
    }
    let mut found = Found(false);
    found.visit_pat(pat);
    found.0
}

/// A type that holds nothing borrowed, as far as it can be seen.
fn whole(ty: &Type, span: Span, shown: &str, errors: &mut Errors) -> Option<Taken> {
    struct Borrows(bool);
    impl<'ast> Visit<'ast> for Borrows {
        fn visit_type_reference(&mut self, ty: &'ast TypeReference) {
            self.0 |= !is_static(ty);
            visit::visit_type_reference(self, ty);
        }
        fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
            self.0 |= lifetime.ident != "static";
        }
        fn visit_type_fn_ptr(&mut self, _: &'ast syn::TypeFnPtr) {}
    }
    let mut borrows = Borrows(false);
    borrows.visit_type(ty);
    if borrows.0 {
        errors.push(
            span,
            format!("{shown} holds something borrowed, and cannot be taken along into the background: take an owned value, {OTHERWISE}"),
        );
        return None;
    }
    Some(Taken::Whole)
}

fn is_static(reference: &TypeReference) -> bool {
    reference.mutability.is_none()
        && reference.lifetime.as_ref().is_some_and(|lifetime| lifetime.ident == "static")
}

fn stripped(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => stripped(&group.elem),
        Type::Paren(paren) => stripped(&paren.elem),
        ty => ty,
    }
}

/// `&T` of `Option<&T>`.
fn inside_option(ty: &Type) -> Option<&TypeReference> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "Option")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(inside) => match stripped(inside) {
            Type::Reference(reference) => Some(reference),
            _ => None,
        },
        _ => None,
    })
}
