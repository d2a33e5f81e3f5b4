//! The filters of key templates: `<name:lower>`, `<token:jwt(sub)>`, `<body:hash(sha256)>`.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::Digest;

use super::KeyBuf;

/// Things with a length, for the filter `len`. Strings count characters.
#[diagnostic::on_unimplemented(
    message = "the filter `len` counts, and there is nothing to count in `{Self}`",
    label = "this value has no length",
    note = "`len` takes strings, slices and collections; implement `macadamia::KeyLen` for your own types"
)]
pub trait KeyLen {
    /// The length.
    fn key_len(&self) -> usize;
}

impl KeyLen for str {
    fn key_len(&self) -> usize {
        self.chars().count()
    }
}

impl KeyLen for String {
    fn key_len(&self) -> usize {
        self.as_str().key_len()
    }
}

impl<T> KeyLen for [T] {
    fn key_len(&self) -> usize {
        self.len()
    }
}

impl<T, const N: usize> KeyLen for [T; N] {
    fn key_len(&self) -> usize {
        N
    }
}

macro_rules! collections {
    ($($type:ty: <$($param:ident),*>),*) => {$(
        impl<$($param),*> KeyLen for $type {
            fn key_len(&self) -> usize {
                self.len()
            }
        }
    )*};
}
collections!(
    Vec<T>: <T>,
    std::collections::VecDeque<T>: <T>,
    std::collections::BTreeMap<K, V>: <K, V>,
    std::collections::BTreeSet<T>: <T>,
    std::collections::HashMap<K, V, S>: <K, V, S>,
    std::collections::HashSet<T, S>: <T, S>
);

macro_rules! pointers {
    ($($pointer:ty),*) => {$(
        impl<T: KeyLen + ?Sized> KeyLen for $pointer {
            fn key_len(&self) -> usize {
                (**self).key_len()
            }
        }
    )*};
}
pointers!(&T, &mut T, Box<T>, std::sync::Arc<T>, std::rc::Rc<T>);

impl<T: KeyLen + ToOwned + ?Sized> KeyLen for std::borrow::Cow<'_, T> {
    fn key_len(&self) -> usize {
        (**self).key_len()
    }
}

/// `<x:lower>`: the value's text in lower case.
pub fn lower(out: &mut KeyBuf, value: &(impl RawText + ?Sized)) {
    out.part(&value.raw_text().to_lowercase());
}

/// `<x:upper>`: the value's text in upper case.
pub fn upper(out: &mut KeyBuf, value: &(impl RawText + ?Sized)) {
    out.part(&value.raw_text().to_uppercase());
}

/// `<x:len>`: characters of a string, elements of a collection.
pub fn len(out: &mut KeyBuf, value: &(impl KeyLen + ?Sized)) {
    out.part(&value.key_len());
}

/// `<x:display>`: what `Display` prints, even where `KeyPart` says otherwise.
pub fn display(out: &mut KeyBuf, value: &(impl Shown + ?Sized)) {
    let mut text = String::new();
    match std::fmt::Write::write_fmt(&mut text, format_args!("{value}")) {
        Ok(()) => out.part(&text),
        Err(_) => out.unkeyable("a value could not be displayed"),
    }
}

/// `<x:hash>` and `<x:hash(sha1)>`: a short name for a long value. Not for hiding it: short secrets
/// are guessed.
pub fn sha1(out: &mut KeyBuf, value: &(impl RawText + ?Sized)) {
    out.part(&sha1::Sha1::digest(value.raw_text())[..]);
}

/// `<x:hash(sha256)>`.
pub fn sha256(out: &mut KeyBuf, value: &(impl RawText + ?Sized)) {
    out.part(&sha2::Sha256::digest(value.raw_text())[..]);
}

/// `<x:hash(md5)>`, for keys shared with older programs.
pub fn md5(out: &mut KeyBuf, value: &(impl RawText + ?Sized)) {
    out.part(&md5::Md5::digest(value.raw_text())[..]);
}

/// `<x:jwt(claim)>`: a claim of a JSON Web Token. **The signature is not verified**: check the token
/// before the cached function is called. A token without the claim makes the call go past the cache.
pub fn jwt(out: &mut KeyBuf, token: &(impl RawText + ?Sized), claim: &str) {
    match claim_of(&token.raw_text(), claim) {
        Some(serde_json::Value::String(text)) => out.part(text.as_str()),
        Some(value @ (serde_json::Value::Number(_) | serde_json::Value::Bool(_))) => {
            out.part(value.to_string().as_str());
        }
        _ => out.unkeyable("the token cannot be read or lacks the claim"),
    }
}

fn claim_of(token: &str, claim: &str) -> Option<serde_json::Value> {
    let mut parts = token.trim().trim_start_matches("Bearer ").split('.');
    let (_header, payload, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    let bytes = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    serde_json::from_slice::<serde_json::Value>(&bytes).ok()?.get_mut(claim).map(serde_json::Value::take)
}

/// What the filter `display` takes.
#[diagnostic::on_unimplemented(
    message = "the filter `display` prints, and `{Self}` does not implement `Display`",
    label = "this value has no `Display`"
)]
pub trait Shown: fmt::Display {}

#[diagnostic::do_not_recommend]
impl<T: fmt::Display + ?Sized> Shown for T {}

/// What a closure of `key` gives.
#[diagnostic::on_unimplemented(
    message = "the closure of `key` gives the text of a key, and `{Self}` does not implement `Display`",
    label = "this is no text"
)]
pub trait KeyText: fmt::Display {}

#[diagnostic::do_not_recommend]
impl<T: fmt::Display + ?Sized> KeyText for T {}

/// A value's text before escaping, for the filters that work on text.
#[diagnostic::on_unimplemented(
    message = "this filter works on text, and `{Self}` has none",
    label = "this value has no `Display`",
    note = "`lower`, `upper`, `hash` and `jwt` take strings and what else implements `Display`"
)]
pub trait RawText {
    /// The text.
    fn raw_text(&self) -> String;
}

#[diagnostic::do_not_recommend]
impl<T: fmt::Display + ?Sized> RawText for T {
    fn raw_text(&self) -> String {
        self.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(write: impl FnOnce(&mut KeyBuf), expected: &str) {
        let mut out = KeyBuf::new();
        write(&mut out);
        assert_eq!(out.as_str(), expected);
    }

    #[test]
    fn text_filters() {
        check(|out| lower(out, "ÄbC:D"), "äbc%3Ad");
        check(|out| upper(out, "straße"), "STRASSE");
        check(|out| len(out, "naïve"), "5");
        check(|out| len(out, &vec![1, 2, 3]), "3");
        check(|out| len(out, &&mut vec![1, 2, 3]), "3");
        check(|out| len(out, &std::sync::Arc::<str>::from("abc")), "3");
        check(|out| display(out, &3.5), "3.5");
    }

    #[test]
    fn digests_are_the_published_ones() {
        check(|out| sha1(out, "abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
        check(|out| md5(out, "abc"), "900150983cd24fb0d6963f7d28e17f72");
        check(|out| sha256(out, "abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn a_claim_is_read_without_padding_and_a_bad_token_makes_no_key() {
        let token = |payload: &str| format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(payload));
        check(|out| jwt(out, &token(r#"{"user":"alex","n":7}"#), "user"), "alex");
        check(|out| jwt(out, &token(r#"{"user":"alex","n":7}"#), "n"), "7");
        for bad in
            ["", "a.b", "e30.!!.x", &token("{}"), &token(r#"{"user":null}"#), &token(r#"{"user":[1]}"#)]
        {
            let mut out = KeyBuf::new();
            jwt(&mut out, bad, "user");
            assert!(out.why_unkeyable().is_some(), "{bad}");
        }
    }
}
