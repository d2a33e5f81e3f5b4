//! What is printed when something is wrong: the mistakes, and the function as it was, so that nothing else
//! breaks and the editor goes on helping.

use proc_macro2::TokenStream;
use quote::quote;

use crate::attribute::ALL;
use crate::error::Errors;
use crate::function::Function;
use crate::stack;

/// The mistakes beside the item, our attributes taken off.
pub(crate) fn untouched(errors: &Errors, item: &TokenStream) -> TokenStream {
    let errors = errors.to_tokens();
    let Ok(mut function) = syn::parse2::<Function>(item.clone()) else { return quote!(#errors #item) };
    if let Some(any) = ALL.first() {
        // Only for what it takes off; its own complaints have been heard.
        stack::collect(any, TokenStream::new(), &mut function, &mut Errors::default());
    }
    let body = function.body.stream();
    let item = function.with_body(&body);
    quote!(#errors #item)
}
