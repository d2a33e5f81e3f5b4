//! The attributes of ours on one function: the first that expands collects the others, top is outermost.

use proc_macro2::{Span, TokenStream};
use syn::spanned::Spanned;
use syn::{Meta, Path};

use crate::attribute::{ALL, Attribute};
use crate::error::Errors;
use crate::function::Function;

/// One attribute as written.
pub(crate) struct Applied {
    pub(crate) attribute: &'static Attribute,
    pub(crate) args: TokenStream,
    pub(crate) span: Span,
    /// The path by which the user names it; unknown for the one that expands.
    pub(crate) path: Option<Path>,
}

/// Takes our attributes off the function, the expanding one first.
pub(crate) fn collect(
    expanding: &'static Attribute,
    args: TokenStream,
    function: &mut Function,
    errors: &mut Errors,
) -> Vec<Applied> {
    let mut stack = vec![Applied { attribute: expanding, args, span: Span::call_site(), path: None }];
    function.attrs.retain(|attr| {
        let Some(attribute) = ours(attr.path()) else { return true };
        let args = match &attr.meta {
            Meta::Path(_) => TokenStream::new(),
            Meta::List(list) => list.tokens.clone(),
            Meta::NameValue(_) => {
                errors.at(attr, format!("write `#[{}(…)]`", attribute.name));
                return false;
            }
        };
        stack.push(Applied { attribute, args, span: attr.path().span(), path: Some(attr.path().clone()) });
        false
    });
    check(&stack, errors);
    stack
}

/// The attribute that a path names. A path through another crate names a stranger.
fn ours(path: &Path) -> Option<&'static Attribute> {
    let last = path.segments.last()?;
    let first = &path.segments.first()?.ident;
    if path.segments.len() > 1 && first != "macadamia" && first != "cache_macros" {
        return None;
    }
    ALL.iter().find(|attribute| last.ident == attribute.name)
}

fn check(stack: &[Applied], errors: &mut Errors) {
    let mut storing = stack.iter().filter(|applied| applied.attribute.stores);
    let Some(first) = storing.next() else { return };
    for second in storing {
        errors.push(
            second.span,
            format!(
                "`#[{}]` and `#[{}]` would store under the same key: keep one of them",
                first.attribute.name, second.attribute.name
            ),
        );
    }
}
