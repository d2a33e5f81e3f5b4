//! `#[derive(KeyPart)]`: a value as a part of a key, field by field.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Field, Fields, GenericParam, Index, MacroDelimiter, Member, Meta};

use crate::error::Errors;
use crate::grammar::{Arguments, Key, Shape, Value};
use crate::krate::Private;
use crate::tokens::mentions;
use crate::value::here;

/// The mistakes, and the implementation for this type all the same: without it, every key with the type in it
/// would be a mistake too.
pub(crate) fn key_part(item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let expanded = errors.keep(syn::parse2(item)).map(|input| expand(&input, &mut errors));
    let errors = errors.to_tokens();
    quote!(#errors #expanded)
}

fn expand(input: &DeriveInput, errors: &mut Errors) -> TokenStream {
    const CONTAINER: Helper = Helper {
        owner: "`#[key_part]` on a type",
        keys: &[Key("crate", Shape::Value)],
        how: "write `#[key_part(crate = path)]`, or `#[key_part(skip)]` on a field",
    };
    const VARIANT: Helper = Helper {
        owner: "`#[key_part]` on a variant",
        keys: &[],
        how: "a variant has nothing to say: `#[key_part(skip)]` goes on its fields",
    };
    let mut p = Private::DEFAULT;
    for mut arguments in helpers(&input.attrs, &CONTAINER, errors) {
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
                for _ in helpers(&variant.attrs, &VARIANT, errors) {}
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
            TokenStream::new()
        }
    };
    let mut generics = input.generics.clone();
    bound(&mut generics, &written, &p);
    let (name, (params, args, bounds)) = (&input.ident, generics.split_for_impl());
    quote_spanned! {Span::mixed_site()=>
        #[automatically_derived]
        impl #params #p::KeyPart for #name #args #bounds {
            fn write(&self, #out: &mut #p::KeyWriter<'_>) { #body }
        }
    }
}

/// The fields that are written, with their positions.
fn kept<'a>(all: &'a Fields, errors: &mut Errors) -> Vec<(usize, &'a Field)> {
    const FIELD: Helper =
        Helper { owner: "`#[key_part]` on a field", keys: &[Key("skip", Shape::FlagOrValue)], how: SKIP };
    let mut kept = Vec::new();
    for (index, field) in all.iter().enumerate() {
        let mut skipped = false;
        for mut arguments in helpers(&field.attrs, &FIELD, errors) {
            match arguments.take("skip") {
                Some(skip) if matches!(skip.value, Value::Flag) => skipped = true,
                Some(skip) => errors.push(skip.key.span(), SKIP),
                None => {}
            }
        }
        if !skipped {
            kept.push((index, field));
        }
    }
    kept
}

const SKIP: &str = "write `#[key_part(skip)]`";

/// What `#[key_part]` may say at one kind of place.
struct Helper {
    owner: &'static str,
    keys: &'static [Key],
    how: &'static str,
}

/// The arguments of every `#[key_part(…)]`.
fn helpers(attrs: &[syn::Attribute], helper: &Helper, errors: &mut Errors) -> Vec<Arguments> {
    let ours = attrs.iter().filter(|attr| attr.path().is_ident("key_part"));
    let read = ours.map(|attr| {
        let tokens = match &attr.meta {
            Meta::List(list) if matches!(list.delimiter, MacroDelimiter::Paren(_)) => list.tokens.clone(),
            other => {
                errors.at(other, helper.how);
                TokenStream::new()
            }
        };
        Arguments::parse(helper.owner, tokens, &[helper.keys], None, errors)
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
