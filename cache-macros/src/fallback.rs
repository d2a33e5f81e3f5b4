//! What is printed when something is wrong: the mistakes, and the function as it was, so that nothing else
//! breaks and the editor goes on helping.

use proc_macro2::TokenStream;
use quote::quote;

use crate::attribute::Table;
use crate::error::Errors;
use crate::expand::marks;
use crate::function::Function;
use crate::stack;

/// The mistakes beside the item, our attributes taken off.
pub(crate) fn untouched(table: &Table, errors: &Errors, item: &TokenStream) -> TokenStream {
    let errors = errors.to_tokens();
    let Ok(mut function) = syn::parse2::<Function>(item.clone()) else { return quote!(#errors #item) };
    // Only for what it takes off; its own complaints have been heard.
    let taken = stack::take(table, None, &mut function, &mut Errors::default());
    // Their imports stay used: a warning about those would be the second message for one mistake.
    let (marks, body) = (marks(&taken), function.body.stream());
    let item = function.with_body(&quote!(#marks #body));
    quote!(#errors #item)
}
