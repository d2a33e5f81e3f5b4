//! The words of the macros, read from their source: what is said to users somewhere must be in a file here.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};

/// What no file can show.
const UNREACHED: &[&str] = &[
    // The compiler asks for a body before our attributes run.
    "expected the body of the function",
    // Only where tests are compiled.
    "the test attribute above has made `{name}` an ordinary function: put this one above it",
    // Documentation of the handle.
    "The handle of the function `{shown}`: its keys and entries. It has no values.",
    "Placeholders for `#[invalidate]`: {}. A value for a field inside a parameter, or behind a filter of your \
        own, is taken as it is.",
];

/// The sentences in the source of the macros that no message in this folder holds.
pub(crate) fn unsaid(said: &str) -> Vec<String> {
    let mut sentences = Vec::new();
    for path in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("cache-macros/src")) {
        let tokens = fs::read_to_string(&path).unwrap().parse().unwrap();
        collect(tokens, &mut sentences);
    }
    assert!(sentences.len() > 50, "the words of the macros are not found any more");
    sentences.retain(|sentence| !UNREACHED.contains(&&**sentence) && !said.contains(&distinctive(sentence)));
    sentences
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let inside = folders.iter().filter(|path| !path.ends_with("tests")).flat_map(|path| sources(path));
    let files = files.into_iter().filter(|path| !path.ends_with("tests.rs"));
    files.chain(inside).collect()
}

/// Texts of three words or more, outside of tests, documentation and what is printed as code.
fn collect(tokens: TokenStream, sentences: &mut Vec<String>) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let next = tokens.peek().map(ToString::to_string).unwrap_or_default();
        match token {
            TokenTree::Punct(hash) if hash.as_char() == '#' && next.replace(' ', "") == "[cfg(test)]" => {
                // With the item that it stands above.
                let braces = |token: &TokenTree| token.to_string().starts_with('{');
                tokens.by_ref().find(braces);
            }
            TokenTree::Punct(hash) if hash.as_char() == '#' && next.starts_with(['[', '!']) => {
                tokens.by_ref().find(|token| matches!(token, TokenTree::Group(_)));
            }
            TokenTree::Ident(word) if next == "!" && word.to_string().starts_with("quote") => {
                tokens.by_ref().find(|token| matches!(token, TokenTree::Group(_)));
            }
            TokenTree::Group(group) => collect(group.stream(), sentences),
            TokenTree::Literal(literal) => {
                let text = syn::parse_str::<syn::LitStr>(&literal.to_string()).map(|text| text.value());
                sentences.extend(text.ok().filter(|text| text.split_whitespace().count() > 2));
            }
            TokenTree::Punct(_) | TokenTree::Ident(_) => {}
        }
    }
}

/// The longest piece of a format string that stands as it is.
fn distinctive(sentence: &str) -> String {
    let plain = sentence.replace("{{", "\u{1}").replace("}}", "\u{2}");
    let pieces = plain.split('{').enumerate().map(|(index, piece)| match piece.split_once('}') {
        Some((_, behind)) if index > 0 => behind,
        _ => piece,
    });
    let longest = pieces.max_by_key(|piece| piece.len()).unwrap_or_default();
    longest.replace('\u{1}', "{").replace('\u{2}', "}").trim().to_owned()
}
