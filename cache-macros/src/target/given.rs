//! Placeholders as targets give them: `user.uid = id`, `page = _`.

use proc_macro2::{Delimiter, Ident};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Expr, LitFloat, LitInt, Path, Token, token};

use super::Given;
use crate::error::Errors;

impl Given {
    pub(super) fn parse_all(
        input: ParseStream<'_>,
        path: &Path,
        errors: &mut Errors,
    ) -> syn::Result<Vec<Self>> {
        let mut all: Vec<Self> = Vec::new();
        while !input.is_empty() {
            let given = Self::parse(input, path)?;
            if all.iter().any(|other| other.name == given.name) {
                errors.push(given.span, format!("`{}` is given twice", given.name));
            }
            all.push(given);
            if !input.is_empty() {
                let missing = |_| input.error("expected `,` between placeholders");
                input.parse::<Token![,]>().map_err(missing)?;
            }
        }
        Ok(all)
    }

    fn parse(input: ParseStream<'_>, path: &Path) -> syn::Result<Self> {
        let owner = path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        let how = format!("name the placeholder: `{owner}(user.uid = id)`, or `page = _` for any value");
        if !input.peek(syn::Ident::peek_any) {
            return Err(input.error(how));
        }
        let root = Ident::parse_any(input)?;
        let mut name = root.unraw().to_string();
        while input.peek(Token![.]) {
            input.parse::<Token![.]>()?;
            name.push('.');
            if input.peek(LitInt) {
                name.push_str(input.parse::<LitInt>()?.base10_digits());
            } else if input.peek(LitFloat) {
                name.push_str(&input.parse::<LitFloat>()?.to_string());
            } else {
                name.push_str(&Ident::parse_any(input)?.unraw().to_string());
                if input.peek(token::Paren) {
                    empty_parens(input)?;
                    name.push_str("()");
                }
            }
        }
        if !input.peek(Token![=]) || input.peek(Token![==]) {
            return Err(syn::Error::new(root.span(), how));
        }
        input.parse::<Token![=]>()?;
        if input.peek(Token![_]) {
            input.parse::<Token![_]>()?;
            return Ok(Self { name, span: root.span(), value: None });
        }
        let mut value: Expr = input.parse()?;
        // A value is lent anyway: `path = &file.path` means the same as `path = file.path`.
        while let Expr::Reference(reference) = value {
            value = *reference.expr;
        }
        Ok(Self { name, span: root.span(), value: Some(value) })
    }
}

fn empty_parens(input: ParseStream<'_>) -> syn::Result<()> {
    let group: proc_macro2::Group = input.parse()?;
    if group.delimiter() == Delimiter::Parenthesis && group.stream().is_empty() {
        return Ok(());
    }
    Err(syn::Error::new(group.span(), "methods of a placeholder take no arguments"))
}
