//! Whole expansions: what is refused and how, and the shape of what is printed.

mod macros;
mod mistakes;
mod shape;

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{File, Item, ItemFn};

/// Expands the first attribute of a function, as the compiler does.
fn expand(source: &str) -> TokenStream {
    let mut item: ItemFn = syn::parse_str(source).unwrap();
    let first = item.attrs.remove(0);
    let name = first.path().segments.last().unwrap().ident.to_string();
    let args = first.meta.require_list().map(|list| list.tokens.clone()).unwrap_or_default();
    crate::expand::attribute(crate::attribute::ALL, &name, args, item.into_token_stream())
}

/// The messages of every `compile_error!` in a file.
fn messages(expanded: &TokenStream) -> Vec<String> {
    let file: File = syn::parse2(expanded.clone()).unwrap();
    let message = |item: &Item| match item {
        Item::Macro(item) if item.mac.path.segments.last().unwrap().ident == "compile_error" => {
            Some(item.mac.parse_body::<syn::LitStr>().unwrap().value())
        }
        _ => None,
    };
    file.items.iter().filter_map(message).collect()
}

/// Code without white space, to search in.
fn packed(tokens: &TokenStream) -> String {
    tokens.to_string().split_whitespace().collect()
}
