//! `#[derive(KeyPart)]`: a value as a part of a key, field by field.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Field, Fields, GenericParam, Index, Member};

use crate::error::Errors;
use crate::grammar::{Arguments, Key, Shape, Value};
use crate::krate::Private;
use crate::tokens::mentions;
use crate::value::here;

/// The implementation for this type, or the mistakes.
pub(crate) fn key_part(item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let expanded = errors.keep(syn::parse2(item)).and_then(|input| expand(&input, &mut errors));
    match expanded {
        Some(expanded) if errors.is_empty() => expanded,
        _ => errors.to_tokens(),
    }
}

fn expand(input: &DeriveInput, errors: &mut Errors) -> Option<TokenStream> {
    const CONTAINER: &[Key] = &[Key("crate", Shape::Value)];
    let mut p = Private::DEFAULT;
    for mut arguments in helpers(&input.attrs, CONTAINER, errors) {
        p = Private::take(&mut arguments, errors);
    }
    let mut written = Vec::new();
    let out = Ident::new("__out", Span::mixed_site());
    let body = match &input.data {
        Data::Struct(data) => {
            let kept = kept(&data.fields, errors);
            written.extend(kept.iter().map(|(_, field)| field.ty.to_token_stream()));
            let values: Vec<_> = kept.iter().map(|(index, field)| place(*index, field)).collect();
            match (&data.fields, values.as_slice()) {
                (Fields::Unnamed(all), [value]) if all.unnamed.len() == 1 => {
                    quote!(#p::KeyPart::write(#value, #out);)
                }
                _ => fields(&out, &values),
            }
        }
        Data::Enum(data) => {
            let arms = data.variants.iter().map(|variant| {
                for _ in helpers(&variant.attrs, &[], errors) {}
                let kept = kept(&variant.fields, errors);
                written.extend(kept.iter().map(|(_, field)| field.ty.to_token_stream()));
                arm(&variant.ident, &variant.fields, &kept, &out)
            });
            let arms: Vec<_> = arms.collect();
            let site = Span::mixed_site();
            if arms.is_empty() {
                quote_spanned!(site=> match *self {})
            } else {
                quote_spanned!(site=> match self { #(#arms)* })
            }
        }
        Data::Union(data) => {
            errors.push(
                data.union_token.span,
                "a union cannot be part of a key: nobody knows which field it holds",
            );
            return None;
        }
    };
    let mut generics = input.generics.clone();
    bound(&mut generics, &written, &p);
    let (name, (params, args, bounds)) = (&input.ident, generics.split_for_impl());
    Some(quote_spanned! {Span::mixed_site()=>
        #[automatically_derived]
        impl #params #p::KeyPart for #name #args #bounds {
            fn write(&self, #out: &mut #p::KeyWriter<'_>) { #body }
        }
    })
}

/// The fields that are written, with their positions.
fn kept<'a>(all: &'a Fields, errors: &mut Errors) -> Vec<(usize, &'a Field)> {
    const FIELD: &[Key] = &[Key("skip", Shape::FlagOrValue)];
    let mut kept = Vec::new();
    for (index, field) in all.iter().enumerate() {
        let mut skipped = false;
        for mut arguments in helpers(&field.attrs, FIELD, errors) {
            match arguments.take("skip") {
                Some(skip) if matches!(skip.value, Value::Flag) => skipped = true,
                Some(skip) => errors.push(skip.key.span(), "write `#[key_part(skip)]`"),
                None => {}
            }
        }
        if !skipped {
            kept.push((index, field));
        }
    }
    kept
}

/// The arguments of every `#[key_part(…)]`.
fn helpers(attrs: &[syn::Attribute], keys: &[Key], errors: &mut Errors) -> Vec<Arguments> {
    let ours = attrs.iter().filter(|attr| attr.path().is_ident("key_part"));
    let read = ours.map(|attr| {
        let tokens = attr.meta.require_list().map(|list| list.tokens.clone());
        let tokens = errors.keep(tokens).unwrap_or_default();
        Arguments::parse("`#[key_part]` here", tokens, &[keys], None, errors)
    });
    read.collect()
}

/// `&self.name` or `&self.0`, seen at the field's type: there a complaint about it belongs.
fn place(index: usize, field: &Field) -> TokenStream {
    let member = member(index, field);
    quote_spanned!(here(&field.ty)=> &self.#member)
}

fn member(index: usize, field: &Field) -> Member {
    match &field.ident {
        Some(name) => Member::Named(name.clone()),
        None => {
            Member::Unnamed(Index { index: u32::try_from(index).unwrap_or(u32::MAX), span: here(&field.ty) })
        }
    }
}

/// Writes references in brackets, or `()`.
fn fields(out: &Ident, values: &[TokenStream]) -> TokenStream {
    let name = if values.is_empty() { "_" } else { "__fields" };
    let fields = format_ident!("{name}", span = Span::mixed_site());
    quote!(#out.fields(&mut |#fields| { #(#fields.field(#values);)* });)
}

/// `Self::Variant { a: __field0, .. } => …`: the name, then the fields in brackets.
fn arm(name: &Ident, all: &Fields, kept: &[(usize, &Field)], out: &Ident) -> TokenStream {
    let text = name.unraw().to_string();
    let local = |(index, field): &(usize, &Field)| format_ident!("__field{index}", span = here(&field.ty));
    let locals: Vec<_> = kept.iter().map(local).collect();
    let members = kept.iter().map(|(index, field)| member(*index, field));
    if matches!(all, Fields::Unit) {
        return quote!(Self::#name => #out.text(#text),);
    }
    let values: Vec<_> = locals.iter().map(ToTokens::to_token_stream).collect();
    let fields = fields(out, &values);
    quote!(Self::#name { #(#members: #locals,)* .. } => { #out.text(#text); #fields })
}

/// `T: KeyPart` for every type parameter that a written field names.
fn bound(generics: &mut syn::Generics, written: &[TokenStream], p: &Private) {
    for param in &mut generics.params {
        if let GenericParam::Type(param) = param {
            let named = |tokens: &TokenStream| mentions(tokens.clone(), &|word| *word == param.ident);
            if written.iter().any(named) {
                param.bounds.push(syn::parse_quote!(#p::KeyPart));
            }
        }
    }
}
