//! The annotated function: its signature understood, its body left as it is.

mod form;
mod plain;
mod rules;

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::visit::{self, Visit};
use syn::{
    Attribute, Expr, FnArg, GenericParam, Macro, Pat, PatIdent, Path, Receiver, ReturnType, Signature, Token,
    Type, TypeImplTrait, TypeReference, Visibility, parse_quote,
};

pub(crate) use form::Form;

use crate::tokens::mentions;

/// A function as its attributes see it.
#[derive(Clone)]
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    /// Attributes that stood at the top of the body.
    pub(crate) inner_attrs: Vec<Attribute>,
    /// The body: not parsed, so that nothing in it is lost.
    pub(crate) body: Group,
    pub(crate) params: Vec<Param>,
    pub(crate) form: Form,
    /// What awaiting it gives.
    output: Type,
}

/// A parameter other than the receiver.
#[derive(Clone)]
pub(crate) struct Param {
    pub(crate) pat: Pat,
    pub(crate) ty: Type,
    /// The names it binds, in order.
    pub(crate) bindings: Vec<Ident>,
    /// `#[cfg(…)]`: only the compiler knows whether it is there.
    pub(crate) cfgs: Vec<Attribute>,
}

impl Param {
    /// Its name, if it is nothing but a name.
    pub(crate) fn plain(&self) -> Option<&Ident> {
        match &self.pat {
            Pat::Ident(PatIdent { by_ref: None, subpat: None, ident, .. }) => Some(ident),
            _ => None,
        }
    }
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        rules::refuse_other_items(input)?;
        let sig: Signature = input.parse()?;
        if input.peek(Token![;]) {
            return Err(input.error("this function has no body: put the attribute on the implementations"));
        }
        let (inner_attrs, body) = inner(&braces(input.parse()?)?)?;
        let params = sig.inputs.iter().filter_map(param).collect();
        let form = if sig.asyncness.is_some() { Form::Async } else { Form::Sync };
        let output = match &sig.output {
            ReturnType::Default => parse_quote!(()),
            ReturnType::Type(_, ty) => (**ty).clone(),
        };
        Ok(Self { attrs, vis, sig, inner_attrs, body, params, form, output })
    }
}

/// The braces of a body. What a `macro_rules!` hands on as `$body:block` comes in brackets that are not seen.
fn braces(body: TokenTree) -> syn::Result<Group> {
    let span = body.span();
    let TokenTree::Group(group) = body else { return Err(no_body(span)) };
    match (group.delimiter(), group.stream().into_iter().next()) {
        (Delimiter::Brace, _) => Ok(group),
        (Delimiter::None, Some(inside)) => braces(inside),
        _ => Err(no_body(span)),
    }
}

fn no_body(span: Span) -> syn::Error {
    syn::Error::new(span, "expected the body of the function")
}

/// Parts the attributes at the top of a body from the rest.
fn inner(body: &Group) -> syn::Result<(Vec<Attribute>, Group)> {
    let parse =
        |input: ParseStream<'_>| Ok((input.call(Attribute::parse_inner)?, input.parse::<TokenStream>()?));
    let (attrs, rest) = syn::parse::Parser::parse2(parse, body.stream())?;
    let mut group = Group::new(Delimiter::Brace, rest);
    group.set_span(body.span());
    Ok((attrs, group))
}

fn param(input: &FnArg) -> Option<Param> {
    struct Bindings(Vec<Ident>);
    impl<'ast> Visit<'ast> for Bindings {
        fn visit_pat_ident(&mut self, pat: &'ast PatIdent) {
            if !self.0.contains(&pat.ident) {
                self.0.push(pat.ident.clone());
            }
            visit::visit_pat_ident(self, pat);
        }
    }
    let FnArg::Typed(typed) = input else { return None };
    let mut bindings = Bindings(Vec::new());
    bindings.visit_pat(&typed.pat);
    let cfgs = typed.attrs.iter().filter(|attr| attr.path().is_ident("cfg")).cloned().collect();
    Some(Param { pat: (*typed.pat).clone(), ty: (*typed.ty).clone(), bindings: bindings.0, cfgs })
}

/// `#[tokio::test]`, `#[tokio::main]` and their like, by whatever path.
fn is_runner(attr: &Attribute) -> bool {
    attr.path().segments.last().is_some_and(|last| last.ident == "test" || last.ident == "main")
}

impl Function {
    /// The name, without `r#`.
    pub(crate) fn name(&self) -> String {
        self.sig.ident.unraw().to_string()
    }

    pub(crate) fn receiver(&self) -> Option<&Receiver> {
        self.sig.receiver()
    }

    /// What a template may begin a placeholder with, in signature order.
    pub(crate) fn names(&self) -> Vec<String> {
        let receiver = self.receiver().map(|_| "self".to_owned());
        receiver.into_iter().chain(self.bindings().map(|name| name.unraw().to_string())).collect()
    }

    /// All names that the parameters bind.
    pub(crate) fn bindings(&self) -> impl Iterator<Item = &Ident> {
        self.params.iter().flat_map(|param| &param.bindings)
    }

    /// The identifier behind a name of a template, `self` included.
    pub(crate) fn binding(&self, name: &str) -> Option<Ident> {
        if name == "self" {
            return self.receiver().map(|receiver| Ident::new("self", receiver.self_token.span));
        }
        self.bindings().find(|binding| binding.unraw() == name).cloned()
    }

    /// `#[cfg(…)]` that says whether there is a parameter of this name, unless there always is.
    pub(crate) fn condition(&self, name: &Ident) -> Option<TokenStream> {
        let same = || self.params.iter().filter(|param| param.bindings.contains(name));
        if same().next().is_none() || same().any(|param| param.cfgs.is_empty()) {
            return None;
        }
        let all = same().map(|param| {
            let cfgs = param.cfgs.iter().filter_map(|attr| attr.parse_args::<TokenStream>().ok());
            quote!(all(#(#cfgs),*))
        });
        Some(quote!(#[cfg(any(#(#all),*))]))
    }

    /// What awaiting it gives, as written.
    pub(crate) fn output(&self) -> Type {
        self.output.clone()
    }

    /// The same, giving something else.
    pub(crate) fn returning(self, output: Type) -> Self {
        Self { output, ..self }
    }

    /// `static` for a return type with a `&'static` inside: asking whether such a type can be decoded from
    /// bytes does not compile, so it is not asked.
    pub(crate) fn undecodable(&self) -> Option<Token![static]> {
        struct Found(bool);
        impl<'ast> Visit<'ast> for Found {
            fn visit_type_reference(&mut self, _: &'ast TypeReference) {
                self.0 = true;
            }
        }
        let mut found = Found(false);
        found.visit_type(&self.output());
        found.0.then(<Token![static]>::default)
    }

    /// The names of type and const parameters.
    pub(crate) fn generics(&self) -> impl Iterator<Item = &Ident> {
        self.sig.generics.params.iter().filter_map(|param| match param {
            GenericParam::Type(param) => Some(&param.ident),
            GenericParam::Const(param) => Some(&param.ident),
            GenericParam::Lifetime(_) => None,
        })
    }

    /// Whether the tokens name a generic parameter, lifetimes included.
    pub(crate) fn names_generic(&self, tokens: &impl ToTokens) -> bool {
        let lifetimes = self.sig.generics.lifetimes().map(|param| &param.lifetime.ident);
        let names: Vec<_> = self.generics().chain(lifetimes).collect();
        mentions(tokens.to_token_stream(), &|word| names.contains(&word))
    }

    /// Whether an expression reads a parameter or a generic.
    pub(crate) fn reads(&self, expr: &Expr) -> bool {
        struct Reads<'a>(&'a Function, bool);
        impl<'ast> Visit<'ast> for Reads<'_> {
            fn visit_path(&mut self, path: &'ast Path) {
                let first = path.segments.first().map(|segment| &segment.ident);
                let local = self.0.bindings().filter(|_| path.segments.len() == 1);
                self.1 |= local.chain(self.0.generics()).any(|name| Some(name) == first);
                visit::visit_path(self, path);
            }
            fn visit_macro(&mut self, invoked: &'ast Macro) {
                self.1 |=
                    mentions(invoked.tokens.clone(), &|word| self.0.bindings().any(|name| name == word));
            }
        }
        let mut reads = Reads(self, false);
        reads.visit_expr(expr);
        reads.1
    }

    /// Whether another attribute makes it an ordinary function that runs the future.
    pub(crate) fn is_run_by_attribute(&self) -> bool {
        self.attrs.iter().any(is_runner)
    }

    /// Whether it visibly belongs to a type: by a receiver or by the word `Self`.
    pub(crate) fn says_self(&self) -> bool {
        let nested = |word: &Ident| word == "impl" || word == "trait";
        let body = self.body.stream();
        self.receiver().is_some()
            || mentions(self.sig.to_token_stream(), &|word| word == "Self")
            || (!mentions(body.clone(), &nested) && mentions(body, &|word| word == "Self"))
    }

    /// Whether the parameter's type is `impl Trait` somewhere.
    pub(crate) fn is_impl_trait(ty: &Type) -> bool {
        struct Found(bool);
        impl<'ast> Visit<'ast> for Found {
            fn visit_type_impl_trait(&mut self, _: &'ast TypeImplTrait) {
                self.0 = true;
            }
        }
        let mut found = Found(false);
        found.visit_type(ty);
        found.0
    }

    /// A reference in the return type that is not `'static`: such a value cannot be kept.
    pub(crate) fn borrows(&self) -> Option<Type> {
        struct Found(Option<Type>);
        impl<'ast> Visit<'ast> for Found {
            fn visit_type_reference(&mut self, ty: &'ast TypeReference) {
                if ty.lifetime.as_ref().is_none_or(|lifetime| lifetime.ident != "static") {
                    self.0.get_or_insert_with(|| Type::Reference(ty.clone()));
                } else {
                    visit::visit_type_reference(self, ty);
                }
            }
            fn visit_type_fn_ptr(&mut self, _: &'ast syn::TypeFnPtr) {}
        }
        let mut found = Found(None);
        found.visit_type(&self.output());
        found.0
    }

    /// The head of the function with another body.
    pub(crate) fn with_body(&self, body: &TokenStream) -> TokenStream {
        let Self { attrs, vis, sig, inner_attrs, .. } = self;
        let mut inside = inner_attrs.iter().map(ToTokens::to_token_stream).collect::<TokenStream>();
        inside.extend(body.clone());
        let mut group = Group::new(Delimiter::Brace, inside);
        group.set_span(self.body.span());
        quote!(#(#attrs)* #vis #sig #group)
    }
}
