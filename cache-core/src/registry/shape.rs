//! Templates without the names in them: `user:<user.uid>` and `user:{id:lower}` have one shape, `user:<>`.

/// The shape of a template.
pub(super) fn of(template: &str) -> String {
    let mut shape = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        rest = after;
        match c {
            '<' | '{' | '>' | '}' if after.starts_with(c) => {
                // A doubled bracket is text; it stays doubled, so that it never looks like a placeholder.
                shape.extend([c, c]);
                rest = &after[c.len_utf8()..];
            }
            '<' | '{' => {
                let close = if c == '<' { '>' } else { '}' };
                shape.push_str("<>");
                rest = after.split_once(close).map_or("", |(_, after)| after);
            }
            c => shape.push(c),
        }
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn names_go_and_text_stays() {
        for (template, shape) in [
            ("user:<user.uid>:{lang:lower}", "user:<>:<>"),
            ("user:{id}", "user:<>"),
            ("<a:hash(sha256)>/<@client>", "<>/<>"),
            ("plain", "plain"),
            ("a<<b>>{{c}}:<d>", "a<<b>>{{c}}:<>"),
            ("ключ:<id>", "ключ:<>"),
            ("", ""),
        ] {
            assert_eq!(of(template), shape, "{template}");
        }
    }
}
