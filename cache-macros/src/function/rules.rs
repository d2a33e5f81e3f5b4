//! What a function must be to be annotated at all.

use syn::Safety;

use super::{Form, Function};
use crate::error::Errors;
use crate::tokens::mentions;

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
        if Self::is_impl_trait(&self.output()) {
            errors.at(
                &self.sig.output,
                "`impl Trait` cannot be handed through: name the type that is returned",
            );
        }
        if mentions(self.body.stream(), &|word| word == crate::expand::FUNCTION) {
            errors.push(
                self.sig.ident.span(),
                "two attributes of macadamia did not see each other: import them under their own names, \
                    and outside of `cfg_attr`",
            );
        }
    }
}
