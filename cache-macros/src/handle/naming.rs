//! Whether a function has a handle, and what it is called.

use proc_macro2::{Ident, Span};
use syn::{Expr, ExprLit, ExprPath, Lit, LitBool};

use crate::error::Errors;
use crate::function::Function;
use crate::grammar::{Argument, Arguments, Key, Shape, Value};

/// What `handle` says.
pub(crate) enum Naming {
    /// Nothing.
    Unsaid,
    /// `handle`
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
            Value::List(_) => Self::Unsaid,
        }
    }
}

/// The name of the function's handle, if it has one.
pub(crate) fn named(naming: Naming, function: &Function, errors: &mut Errors) -> Option<Ident> {
    if function.receiver().is_some() {
        let span = match naming {
            Naming::Unsaid | Naming::Unwanted => return None,
            Naming::Wanted(span) => span,
            Naming::Named(name) => name.span(),
        };
        errors.push(span, "a handle for a method is not available yet");
        return None;
    }
    let name = match naming {
        Naming::Unwanted => return None,
        Naming::Unsaid | Naming::Wanted(_) => function.sig.ident.clone(),
        Naming::Named(name) => name,
    };
    if function.says_self() {
        errors.push(
            function.sig.ident.span(),
            format!(
                "`{}` belongs to a type, and a handle for it is not available yet: write `handle = false`",
                function.name()
            ),
        );
        return None;
    }
    Some(name)
}
