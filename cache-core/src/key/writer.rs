//! Where a key is written: 64 bytes on the stack, text escaped so that a part stays one part.

use std::fmt;

use sha2::{Digest, Sha256};

use super::{KeyPart, KeyRef, MAX_KEY, hash};

const INLINE: usize = 64;

/// A key under construction. Up to 64 bytes cost no allocation.
pub struct KeyBuf {
    inline: [u8; INLINE],
    /// Of what was written; above [`INLINE`] exactly while `spilled` holds it.
    len: usize,
    /// Takes over when the inline bytes do not suffice.
    spilled: String,
    /// Why no key can be made; the call then goes past the cache.
    unkeyable: Option<&'static str>,
}

impl KeyBuf {
    /// An empty key.
    #[inline]
    pub const fn new() -> Self {
        Self { inline: [0; INLINE], len: 0, spilled: String::new(), unkeyable: None }
    }

    /// Appends the template's own text.
    #[inline]
    pub fn literal(&mut self, text: &str) {
        let end = self.len + text.len();
        if end <= INLINE {
            self.inline[self.len..end].copy_from_slice(text.as_bytes());
            self.len = end;
        } else {
            self.spill(text);
        }
    }

    /// Appends a key that is written already.
    pub(crate) fn append(&mut self, other: &Self) {
        let (start, end) = (self.len, self.len + other.len);
        match (self.inline.get_mut(start..end), other.inline.get(..other.len)) {
            (Some(to), Some(from)) => {
                to.copy_from_slice(from);
                self.len = end;
            }
            _ => self.spill(other.as_str()),
        }
    }

    #[cold]
    #[inline(never)]
    fn spill(&mut self, text: &str) {
        if self.len <= INLINE {
            self.spilled.reserve(2 * INLINE + text.len());
            self.spilled.push_str(std::str::from_utf8(&self.inline[..self.len]).unwrap_or_default());
        }
        self.spilled.push_str(text);
        self.len = self.spilled.len();
    }

    /// Appends one value, escaped; a value that writes nothing shows as `%-`.
    #[inline]
    pub fn part<P: KeyPart + ?Sized>(&mut self, part: &P) {
        let before = self.len;
        part.write(&mut KeyWriter { buf: self });
        if self.len == before {
            self.literal(EMPTY);
        }
    }

    /// Says that the arguments make no key (an unset context value, an unreadable token).
    pub fn unkeyable(&mut self, why: &'static str) {
        self.unkeyable.get_or_insert(why);
    }

    /// Why there is no key, if there is none.
    #[inline]
    pub const fn why_unkeyable(&self) -> Option<&'static str> {
        self.unkeyable
    }

    /// The bytes written so far.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        if self.len <= INLINE { &self.inline[..self.len] } else { self.spilled.as_bytes() }
    }

    /// The text written so far.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// Ends the key: one that is too long keeps its head and ends in a digest.
    #[inline]
    pub fn finish(&mut self) {
        if self.len > MAX_KEY {
            self.shorten();
        }
    }

    #[cold]
    fn shorten(&mut self) {
        let digest = Sha256::digest(self.spilled.as_bytes());
        let mut head = MAX_KEY - 33;
        while !self.spilled.is_char_boundary(head) {
            head -= 1;
        }
        self.spilled.truncate(head);
        self.spilled.push('#');
        for byte in &digest[..16] {
            push_hex(&mut self.spilled, *byte, LOWER);
        }
        self.len = self.spilled.len();
    }

    /// The finished key with its hash.
    #[inline]
    pub fn as_key(&mut self) -> KeyRef<'_> {
        self.finish();
        let bytes = self.as_bytes();
        KeyRef::from_parts(hash(bytes), bytes)
    }

    /// The bytes from `start` on, taken back out; for parts that look at what they wrote.
    fn cut(&mut self, start: usize) -> String {
        let tail = self.as_str()[start..].to_owned();
        if self.len > INLINE {
            self.spilled.truncate(start);
            if start <= INLINE {
                self.inline[..start].copy_from_slice(self.spilled.as_bytes());
                self.spilled.clear();
            }
        }
        self.len = start;
        tail
    }
}

/// What a shortened key has kept of the original, if this is one.
pub(crate) fn shortened_head(key: &str) -> Option<&str> {
    // Shortening cuts at a character, so it may keep up to three bytes less; a prefix put in front makes it longer.
    if key.len() < MAX_KEY - 3 {
        return None;
    }
    let (head, digest) = key.rsplit_once('#')?;
    (digest.len() == 32 && digest.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(head)
}

impl Default for KeyBuf {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for KeyBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyBuf").field(&self.as_str()).finish()
    }
}

/// Stands for a value without text, so that it is seen and differs from nothing at all.
const EMPTY: &str = "%-";
const UPPER: &[u8; 16] = b"0123456789ABCDEF";
const LOWER: &[u8; 16] = b"0123456789abcdef";

fn push_hex(out: &mut String, byte: u8, digits: &[u8; 16]) {
    out.push(char::from(digits[usize::from(byte >> 4)]));
    out.push(char::from(digits[usize::from(byte & 15)]));
}

/// Whether a value may contain this byte as it is. Everything that separates, matches or breaks a line
/// is percent-encoded: templates and patterns can rely on it.
#[inline]
const fn is_plain(byte: u8) -> bool {
    !matches!(
        byte,
        0..=b' '
            | 0x7f
            | b'%'
            | b'*'
            | b'?'
            | b'['
            | b']'
            | b'\\'
            | b'{'
            | b'}'
            | b'<'
            | b'>'
            | b':'
            | b'/'
            | b'|'
            | b','
            | b';'
            | b'#'
            | b'('
            | b')'
            | b'~'
            | b'"'
    )
}

/// ASCII that may stand as it is, by byte: most text is only that, and a lookup is cheaper than the question.
static PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte as usize] = is_plain(byte);
        byte += 1;
    }
    table
};

/// What a [`KeyPart`] writes itself with. Text is escaped; a part cannot end itself or the key early.
pub struct KeyWriter<'a> {
    buf: &'a mut KeyBuf,
}

impl KeyWriter<'_> {
    /// Appends text of the value; separators, wildcards, white space and controls are percent-encoded.
    pub fn text(&mut self, text: &str) {
        if text.bytes().all(|byte| PLAIN[usize::from(byte)]) {
            self.buf.literal(text);
        } else {
            self.escaped(text);
        }
    }

    #[cold]
    fn escaped(&mut self, text: &str) {
        let mut out = String::with_capacity(text.len() + 16);
        for c in text.chars() {
            if if c.is_ascii() { is_plain(c as u8) } else { !is_wide_space(c) } {
                out.push(c);
            } else {
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    out.push('%');
                    push_hex(&mut out, byte, UPPER);
                }
            }
        }
        self.buf.literal(&out);
    }

    /// Appends bytes as lower-case hex.
    pub fn bytes(&mut self, bytes: &[u8]) {
        let mut out = String::with_capacity(bytes.len() * 2);
        for byte in bytes {
            push_hex(&mut out, *byte, LOWER);
        }
        self.buf.literal(&out);
    }

    /// Appends what `Display` prints, escaped.
    pub fn display(&mut self, value: &(impl fmt::Display + ?Sized)) {
        struct Escaping<'a, 'b>(&'a mut KeyWriter<'b>);
        impl fmt::Write for Escaping<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0.text(text);
                Ok(())
            }
        }
        if fmt::write(&mut Escaping(self), format_args!("{value}")).is_err() {
            self.unkeyable("a `Display` implementation failed");
        }
    }

    /// Appends an integer.
    #[inline]
    pub fn integer(&mut self, value: impl itoa::Integer) {
        self.buf.literal(itoa::Buffer::new().format(value));
    }

    /// Appends a list: `(a,b)`. Elements are parts of their own, so lists of lists stay apart.
    pub fn list<'p, P: KeyPart + ?Sized + 'p>(&mut self, items: impl IntoIterator<Item = &'p P>) {
        self.buf.literal("(");
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                self.buf.literal(",");
            }
            self.buf.part(item);
        }
        self.buf.literal(")");
    }

    /// Appends one part of a group that the caller brackets; used by tuples and `#[derive(KeyPart)]`.
    pub fn fields(&mut self, write: &mut dyn FnMut(&mut Fields<'_>)) {
        self.buf.literal("(");
        write(&mut Fields { buf: self.buf, first: true });
        self.buf.literal(")");
    }

    /// Appends `None` (`~`) or the value. `Some(None)` has one `~` more than `None`.
    pub fn option<P: KeyPart + ?Sized>(&mut self, value: Option<&P>) {
        let Some(value) = value else { return self.buf.literal("~") };
        let start = self.buf.len;
        value.write(self);
        if self.buf.as_bytes().get(start) == Some(&b'~') {
            let inner = self.buf.cut(start);
            self.buf.literal("~");
            self.buf.literal(&inner);
        }
    }

    /// Says that this value makes no key; the call goes past the cache, with an event.
    pub fn unkeyable(&mut self, why: &'static str) {
        self.buf.unkeyable(why);
    }
}

impl fmt::Debug for KeyWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.buf, f)
    }
}

/// White space and line separators beyond ASCII.
fn is_wide_space(c: char) -> bool {
    !c.is_ascii() && (c.is_whitespace() || c.is_control())
}

/// The fields of a tuple or struct, separated by commas.
pub struct Fields<'a> {
    buf: &'a mut KeyBuf,
    first: bool,
}

impl Fields<'_> {
    /// Appends one field.
    pub fn field<P: KeyPart + ?Sized>(&mut self, part: &P) {
        if !self.first {
            self.buf.literal(",");
        }
        self.first = false;
        self.buf.part(part);
    }
}

impl fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.buf, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered<P: KeyPart + ?Sized>(part: &P) -> String {
        let mut buf = KeyBuf::new();
        buf.part(part);
        buf.as_str().to_owned()
    }

    #[test]
    fn separators_wildcards_and_controls_are_encoded() {
        assert_eq!(rendered("a:b*c?[d]\\{e}%"), "a%3Ab%2Ac%3F%5Bd%5D%5C%7Be%7D%25");
        assert_eq!(rendered(" \n\r\0\u{7f}\u{a0}\u{2028}"), "%20%0A%0D%00%7F%C2%A0%E2%80%A8");
        assert_eq!(rendered("naïve-🦀_x.y@z"), "naïve-🦀_x.y@z");
    }

    #[test]
    fn absence_shows() {
        assert_eq!(rendered(""), "%-");
        assert_eq!(rendered("%-"), "%25-");
        assert_eq!(rendered(&None::<&str>), "~");
        assert_eq!(rendered(&Some("")), "%-");
        assert_eq!(rendered(&Some("None")), "None");
        assert_eq!(rendered(&Some(None::<u8>)), "~~");
        assert_eq!(rendered(&Some(Some(None::<u8>))), "~~~");
        assert_eq!(rendered("~"), "%7E");
    }

    #[test]
    fn lists_keep_their_shape() {
        assert_eq!(rendered::<[&str]>(&[]), "()");
        assert_eq!(rendered::<[&str]>(&[""]), "(%-)");
        assert_eq!(rendered(&vec![vec![1], vec![2, 3]]), "((1),(2,3))");
        assert_eq!(rendered(&vec![vec![1, 2], vec![3]]), "((1,2),(3))");
        assert_eq!(rendered(&("a,b", 1)), "(a%2Cb,1)");
        assert_eq!(rendered(&[0xffu8, 0x01][..]), "ff01");
    }

    #[test]
    fn sixty_four_bytes_stay_on_the_stack_and_more_spill_unchanged() {
        for len in [0, 1, 63, 64, 65, 200] {
            let text = "x".repeat(len);
            let mut buf = KeyBuf::new();
            buf.literal(&text);
            assert_eq!(buf.as_str(), text);
            assert_eq!(buf.spilled.is_empty(), len <= 64);
            buf.literal("");
            assert_eq!(buf.as_str(), text);
        }
    }

    #[test]
    fn a_key_is_appended_to_another_on_the_stack_or_off_it() {
        for (head, tail) in [(0, 0), (1, 63), (1, 64), (60, 60), (64, 0), (0, 200), (200, 1), (200, 200)] {
            let [head, tail] = [("h", head), ("t", tail)].map(|(letter, len)| {
                let mut buf = KeyBuf::new();
                buf.literal(&letter.repeat(len));
                buf
            });
            let mut both = KeyBuf::new();
            both.append(&head);
            both.append(&tail);
            assert_eq!(both.as_str(), format!("{}{}", head.as_str(), tail.as_str()));
        }
    }

    #[test]
    fn a_deep_option_survives_the_spill() {
        let mut buf = KeyBuf::new();
        buf.literal(&"k".repeat(64));
        buf.part(&Some(None::<u8>));
        assert!(buf.as_str().ends_with("k~~"));
    }

    #[test]
    fn long_keys_end_in_a_digest_and_stay_distinct() {
        let long = |tail: &str| {
            let mut buf = KeyBuf::new();
            buf.literal(&"é".repeat(5_000));
            buf.literal(tail);
            buf.as_key().as_str().to_owned()
        };
        assert!(long("a").len() <= MAX_KEY);
        assert_ne!(long("a"), long("b"));
        assert_eq!(long("a"), long("a"));
    }
}

#[cfg(test)]
mod properties {
    use super::*;
    use proptest::prelude::*;

    type Parts = (String, Option<String>, Vec<Vec<String>>, (char, Option<Option<u8>>));

    fn key(parts: &Parts) -> String {
        let mut buf = KeyBuf::new();
        for part in [&parts.0 as &dyn Erased, &parts.1, &parts.2, &parts.3] {
            buf.literal(":");
            part.append(&mut buf);
        }
        buf.as_str().to_owned()
    }

    trait Erased {
        fn append(&self, buf: &mut KeyBuf);
    }

    impl<P: KeyPart> Erased for P {
        fn append(&self, buf: &mut KeyBuf) {
            buf.part(self);
        }
    }

    /// Strings that are mostly the characters keys are made of.
    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            proptest::collection::vec(
                proptest::sample::select(":~%-,()*aN \u{e9}\n".chars().collect::<Vec<_>>()),
                0..5
            )
            .prop_map(String::from_iter),
            any::<String>(),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn different_values_write_different_keys(
            a in (text(), proptest::option::of(text()), proptest::collection::vec(proptest::collection::vec(text(), 0..3), 0..3), any::<(char, Option<Option<u8>>)>()),
            b in (text(), proptest::option::of(text()), proptest::collection::vec(proptest::collection::vec(text(), 0..3), 0..3), any::<(char, Option<Option<u8>>)>()),
        ) {
            prop_assert_eq!(a == b, key(&a) == key(&b));
        }

        #[test]
        fn a_value_writes_no_separator_wildcard_or_control(value in text()) {
            let mut buf = KeyBuf::new();
            buf.part(value.as_str());
            let text = buf.as_str();
            prop_assert!(!text.is_empty());
            let separators = ":/|,;#*?[]{}<>\\()";
            prop_assert!(!text.contains(|c| separators.contains(c)));
            prop_assert!(!text.contains(|c: char| c.is_control() || c.is_whitespace()));
        }
    }
}
