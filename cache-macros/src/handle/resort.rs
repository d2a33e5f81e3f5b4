//! What `#[fail]` keeps of the function under keys of its own: who invalidates by the handle means that too.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use super::pattern::{Slot, slots};
use super::{Handle, Key, Kind};
use crate::function::Function;
use crate::key::Head;
use crate::placeholder::Hole;

/// The reserved prefix of what is kept for when a function fails.
pub(crate) const RESORTS: &str = "fail:";

impl<'a> Handle<'a> {
    /// Beside layers that keep answers under these keys. Of keys made by code nobody knows the others.
    pub(crate) fn with_resorts(self, resorts: &[&'a Key]) -> Self {
        let resorts = resorts.iter().copied().filter(|resort| !self.implies(resort)).collect();
        Self { resorts, ..self }
    }

    /// Whether the keys are the handle's own, or its own behind the prefix: the runtime takes those along.
    fn implies(&self, resort: &Key) -> bool {
        let function = self.whole;
        let (own, other) = (self.key.readable(function), resort.readable(function));
        let same_head = *self.name == function.sig.ident || !matches!(resort.kind, Kind::Default { .. });
        matches!(resort.kind, Kind::Code { .. })
            || own == other
            || (same_head && RESORTS.to_owned() + &own == other)
    }

    /// Statements that add to the pattern of this name what the resorts keep of it, with `fill` for the placeholders.
    pub(super) fn resorts(&self, all: &Ident, fill: &dyn Fn(usize, &Ident) -> TokenStream) -> TokenStream {
        let (p, slots) = (self.p, slots(self.key));
        let buf = Ident::new("__resort", Span::mixed_site());
        let out = quote!(#buf.buf());
        let hole = |_, hole: &Hole| {
            let same = |slot: &Slot<'_>| slot.hole.name == hole.name && slot.hole.filter == hole.filter;
            let filled = slots.iter().position(same).map(|index| fill(index, &buf));
            filled.unwrap_or_else(|| quote!(#buf.any();))
        };
        let (head, any_type) = self.head_of_resort();
        let resorts = self.resorts.iter().map(|resort| {
            let code = resort.write_pattern(&buf, &out, &head, any_type, &hole, p);
            quote! {
                let mut #buf = #p::PatternBuf::new();
                #code
                let #all = #all.with_resort(#buf.finish());
            }
        });
        resorts.collect()
    }

    /// What default keys begin with, of all instances of the function.
    fn head_of_resort(&self) -> (Head<'_>, &'static str) {
        let function = self.whole;
        let anonymous = || function.params.iter().any(|param| Function::is_impl_trait(&param.ty));
        let is_generic = function.generics().next().is_some() || anonymous();
        let any_type = if is_generic { "<*>" } else { "" };
        let head = match self.within {
            Some(_) => Head::Beside(self.name),
            None if is_generic => Head::Handle(self.name, &[]),
            None => Head::Function(&function.sig.ident),
        };
        (head, any_type)
    }
}
