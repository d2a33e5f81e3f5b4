//! Whether a function has a handle, and what it is called.

use proc_macro2::{Ident, Span};
use quote::format_ident;
use syn::ext::IdentExt;
use syn::{Expr, ExprLit, ExprPath, Lit, LitBool};

use crate::error::Errors;
use crate::function::Function;
use crate::grammar::{Argument, Arguments, Key, Shape, Value};

/// What `handle` says.
pub(crate) enum Naming {
    /// Nothing.
    Unsaid,
    /// `handle`, said here: it belongs to a type.
    Wanted(Span),
    /// `handle = false`
    Unwanted,
    /// `handle = Name`
    Named(Ident),
}

impl Naming {
    pub(crate) const KEYS: &[Key] = &[Key("handle", Shape::FlagOrValue)];

    pub(crate) fn take(arguments: &mut Arguments, errors: &mut Errors) -> Self {
        let Some(Argument { key, value }) = arguments.take("handle") else { return Self::Unsaid };
        match value {
            Value::Expr(Expr::Lit(ExprLit { lit: Lit::Bool(LitBool { value: false, .. }), .. })) => {
                Self::Unwanted
            }
            Value::Expr(Expr::Lit(ExprLit { lit: Lit::Bool(_), .. })) | Value::Flag => {
                Self::Wanted(key.span())
            }
            Value::Expr(Expr::Path(ExprPath { qself: None, path, .. })) if path.get_ident().is_some() => {
                path.get_ident().cloned().map_or(Self::Unsaid, Self::Named)
            }
            Value::Expr(other) => {
                errors.at(
                    other,
                    "`handle` is `false` or a name: write `handle = false` or `handle = ProfileCache`",
                );
                Self::Unwanted
            }
            Value::List(_) | Value::Pattern(_) => Self::Unsaid,
        }
    }
}

/// A handle to be written.
pub(crate) struct Named {
    pub(crate) name: Ident,
    /// Where `handle` says that it stands in an `impl`, as the constant that [`constant`] names.
    pub(crate) within: Option<Span>,
}

/// The name of the constant that is the handle of a method.
pub(crate) fn constant(method: &Ident) -> Ident {
    format_ident!("__handle_of_{}", method.unraw(), span = method.span())
}

/// The function's handle, if it has one.
pub(crate) fn named(naming: Naming, function: &Function, errors: &mut Errors) -> Option<Named> {
    let name = &function.sig.ident;
    let method = function.receiver().is_some();
    match naming {
        Naming::Unwanted => None,
        Naming::Unsaid if method => None,
        Naming::Named(given) if method || function.says_self() => {
            errors.push(given.span(), format!("the handle of a method has no name of its own: write `handle`, and targets name the method, as in `Type::{name}(…)`"));
            None
        }
        Naming::Unsaid if function.says_self() => {
            errors.push(
                name.span(),
                format!(
                    "`{name}` belongs to a type: write `handle`, and targets can name it as `Type::{name}(…)`, or \
                        `handle = false`"
                ),
            );
            None
        }
        Naming::Unsaid => Some(Named { name: name.clone(), within: None }),
        Naming::Named(name) => Some(Named { name, within: None }),
        Naming::Wanted(place) => Some(Named { name: name.clone(), within: Some(place) }),
    }
}
