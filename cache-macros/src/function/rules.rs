//! What a function must be to be annotated at all.

use proc_macro2::{TokenStream, TokenTree};
use syn::Safety;
use syn::parse::ParseStream;

use super::{Form, Function};
use crate::error::Errors;
use crate::tokens::mentions;

/// Tells what else than a function stands here, and where the attribute belongs.
pub(super) fn refuse_other_items(input: ParseStream<'_>) -> syn::Result<()> {
    const OTHERS: [&str; 11] =
        ["impl", "trait", "struct", "enum", "union", "mod", "static", "type", "use", "macro_rules", "const"];
    let mut words = input.fork().parse::<TokenStream>()?.into_iter().peekable();
    while let Some(token) = words.next() {
        let TokenTree::Ident(word) = token else { continue };
        let name = word.to_string();
        if name == "fn" {
            return Ok(());
        }
        // `const fn` is one that is not async.
        let of_function =
            |next: &TokenTree| ["fn", "async", "unsafe", "extern"].contains(&&*next.to_string());
        if !OTHERS.contains(&&*name) || (name == "const" && words.peek().is_some_and(of_function)) {
            continue;
        }
        let how = match &*name {
            "impl" => "put it on the methods of this `impl`".to_owned(),
            "trait" => "put it on the methods where they are implemented".to_owned(),
            _ => format!("this is a `{name}`"),
        };
        return Err(syn::Error::new(word.span(), format!("this attribute goes on an `async fn`: {how}")));
    }
    Err(input.error("this attribute goes on an `async fn`"))
}

impl Function {
    /// What all of our attributes ask of a function.
    pub(crate) fn check(&self, errors: &mut Errors) {
        if self.form == Form::Sync {
            let name = self.name();
            let runs = mentions(self.body.stream(), &|word| word == "block_on");
            let message = if runs && self.is_run_by_attribute() {
                format!(
                    "the test attribute above has made `{name}` an ordinary function: put this one above it"
                )
            } else {
                format!(
                    "`{name}` must be async: write `async fn {name}`. If it is, an attribute above has taken \
                        the `async`: put this one above it"
                )
            };
            errors.push(self.sig.fn_token.span, message);
        }
        if let Safety::Unsafe(word) = &self.sig.safety {
            errors.push(word.span, "an `unsafe fn` cannot be annotated: annotate a safe one that calls it");
        }
        for (index, param) in self.params.iter().enumerate() {
            let before = || self.params.iter().take(index).flat_map(|param| &param.bindings);
            let again = param.bindings.iter().find(|name| before().any(|before| before == *name));
            // The compiler knows them from where they were written, which is not to be seen here. Two under
            // different `#[cfg]` are one.
            if let Some(name) = again.filter(|name| self.condition(name).is_none()) {
                errors.push(
                    name.span(),
                    format!("two parameters are called `{name}`, from different macros: rename one of them"),
                );
            }
        }
        if Self::is_impl_trait(&self.output()) {
            errors.at(
                &self.sig.output,
                "`impl Trait` cannot be handed through: name the type that is returned",
            );
        }
        if mentions(self.body.stream(), &|word| word == crate::expand::FUNCTION) {
            errors.push(
                self.sig.ident.span(),
                "two attributes of macadamia did not see each other: import them under their own names",
            );
        }
    }
}
