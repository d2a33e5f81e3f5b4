//! The attributes of ours on one function: the first that expands collects the others, top is outermost.

use proc_macro2::{Span, TokenStream};
use syn::spanned::Spanned;
use syn::{Meta, Path};

use crate::attribute::{Attribute, Table};
use crate::error::Errors;
use crate::function::Function;
use crate::krate;

/// One attribute as written.
pub(crate) struct Applied {
    pub(crate) attribute: &'static Attribute,
    pub(crate) args: TokenStream,
    pub(crate) span: Span,
    /// The path by which the user names it; unknown for the one that expands.
    pub(crate) path: Option<Path>,
}

/// The attribute that expands, and below it those that it takes off the function.
pub(crate) fn collect(
    table: &Table,
    expanding: &'static Attribute,
    args: TokenStream,
    function: &mut Function,
    errors: &mut Errors,
) -> Vec<Applied> {
    let by = krate::said(&args);
    let mut stack = vec![Applied { attribute: expanding, args, span: Span::call_site(), path: None }];
    stack.extend(take(table, by.as_deref(), function, errors));
    check(&stack, errors);
    stack
}

/// Takes our attributes off the function: those named by the crates of the table, or by this one.
pub(crate) fn take(
    table: &Table,
    by: Option<&str>,
    function: &mut Function,
    errors: &mut Errors,
) -> Vec<Applied> {
    let mut taken = Vec::new();
    function.attrs.retain(|attr| {
        let Some(attribute) = ours(table, by, attr.path()) else { return true };
        let args = match &attr.meta {
            Meta::Path(_) => TokenStream::new(),
            Meta::List(list) => list.tokens.clone(),
            Meta::NameValue(_) => {
                errors.at(attr, format!("write `#[{}(…)]`", attribute.name));
                return false;
            }
        };
        taken.push(Applied { attribute, args, span: attr.path().span(), path: Some(attr.path().clone()) });
        false
    });
    taken
}

/// The attribute that a path names. A path through another crate names a stranger.
fn ours(table: &Table, by: Option<&str>, path: &Path) -> Option<&'static Attribute> {
    let mut segments: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
    let last = segments.pop()?;
    let known = match segments.first() {
        None => true,
        Some(first) => {
            table.crates.contains(&first.as_str()) || by.is_some_and(|by| by == segments.join("::"))
        }
    };
    table.find(|name| last == name).filter(|_| known)
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
