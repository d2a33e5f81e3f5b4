//! Mistakes: all of them, each on its own token, each with the names there are and the nearest one.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// The mistakes found so far.
#[derive(Default)]
pub(crate) struct Errors(Vec<syn::Error>);

impl Errors {
    /// Records a mistake at a place.
    pub(crate) fn push(&mut self, span: Span, message: impl Display) {
        self.0.push(syn::Error::new(span, message));
    }

    /// Records a mistake under all of these tokens.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.0.push(syn::Error::new_spanned(tokens, message));
    }

    /// Records what a parser complained about.
    pub(crate) fn add(&mut self, error: syn::Error) {
        self.0.push(error);
    }

    /// Keeps the good half of a result and records the other.
    pub(crate) fn keep<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `compile_error!` for every mistake.
    pub(crate) fn to_tokens(&self) -> TokenStream {
        self.0.iter().map(syn::Error::to_compile_error).collect()
    }

    /// What is wrong, in order.
    #[cfg(test)]
    pub(crate) fn messages(&self) -> Vec<String> {
        self.0.iter().flat_map(|error| error.clone().into_iter().map(|one| one.to_string())).collect()
    }
}

/// Ends a sentence about an unknown name: "; did you mean `ttl`?" if one of the names is near enough.
pub(crate) fn hint<'a, N: IntoIterator<Item = &'a str>>(wanted: &str, names: N) -> String {
    nearest(wanted, names).map_or_else(|| ".".to_owned(), |name| format!("; did you mean `{name}`?"))
}

/// What comes behind "it": the arguments there are, or that there are none.
pub(crate) fn takes<'a, N: IntoIterator<Item = &'a str>>(names: N) -> String {
    let names: Vec<_> = names.into_iter().collect();
    if names.is_empty() { "takes no arguments".to_owned() } else { format!("takes {}", names.join(", ")) }
}

/// The sentence about the parameters there are.
pub(crate) fn parameters<'a, N: IntoIterator<Item = &'a str>>(names: N) -> String {
    let names: Vec<_> = names.into_iter().collect();
    if names.is_empty() { "It has none".to_owned() } else { format!("Its parameters: {}", names.join(", ")) }
}

/// The name that takes the fewest edits, unless it takes more than about a quarter of the letters.
pub(crate) fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (wanted.chars().count() + 2) / 4;
    names
        .into_iter()
        .map(|name| (distance(wanted, name), name))
        .filter(|(edits, _)| *edits <= allowed)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, name)| name)
}

/// Edits (insert, delete, replace, swap of neighbours) from one word to another.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    let mut last = None;
    for (index, c) in from.chars().enumerate() {
        let mut next = vec![index + 1];
        for (column, (d, pair)) in to.iter().zip(row.windows(2)).enumerate() {
            let [corner, above] = *pair else { continue };
            let left = next.last().copied().unwrap_or(index);
            let mut cost = (above + 1).min(left + 1).min(corner + usize::from(c != *d));
            let swapped = column > 0 && last == Some(*d) && to.get(column - 1) == Some(&c);
            if let (true, Some(diagonal)) = (swapped, before.get(column.wrapping_sub(1))) {
                cost = cost.min(diagonal + 1);
            }
            next.push(cost);
        }
        before = std::mem::replace(&mut row, next);
        last = Some(c);
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_fingers_is_one_edit() {
        for (from, to, edits) in [
            ("ttl", "ttl", 0),
            ("tll", "ttl", 1),
            ("tlt", "ttl", 1),
            ("usr", "user", 1),
            ("", "abc", 3),
            ("abc", "", 3),
        ] {
            assert_eq!(distance(from, to), edits, "{from} -> {to}");
        }
    }

    #[test]
    fn only_a_near_name_is_proposed() {
        assert_eq!(hint("tll", ["key", "ttl"]), "; did you mean `ttl`?");
        assert_eq!(hint("colour", ["key", "ttl"]), ".");
        assert_eq!(hint("early_ttl", ["err_ttl"]), ".");
        assert_eq!(hint("x", ["y"]), ".");
    }
}
