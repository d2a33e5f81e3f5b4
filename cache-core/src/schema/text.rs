//! A shape as text: the same text for the same shape, whoever writes it.

use super::node::{Asked, Node};
use super::run::MAX_LEVEL;

/// Writes the shape of `root`.
pub(super) fn write(root: &Node) -> String {
    let mut text = Text { out: String::new(), unfold: true };
    text.node(root, None);
    text.out
}

/// Whether it was not looked into again: it is taken for the same as what it is in.
pub(super) fn is_cut(node: &Node) -> bool {
    node.level > 1 && (node.level > MAX_LEVEL || !node.done)
}

/// Whether anything in it was cut.
pub(super) fn has_cut(node: &Node) -> bool {
    is_cut(node) || node.parts.iter().any(has_cut)
}

struct Text {
    out: String,
    /// Whether what is in itself may be written once more, if it differs.
    unfold: bool,
}

/// The named places that are being written.
#[derive(Clone, Copy)]
struct Above<'a> {
    node: &'a Node,
    before: Option<&'a Self>,
}

impl Text {
    fn node(&mut self, node: &Node, above: Option<&Above<'_>>) {
        let Some(asked) = &node.asked else { return self.out.push_str("opaque") };
        if asked.is_named() {
            let same = std::iter::successors(above, |above| above.before)
                .find(|above| above.node.asked == node.asked)
                .map(|above| above.node);
            if let Some(same) = same
                && (!self.unfold || is_cut(node) || has_cut(node) && folded(node) == folded(same))
            {
                return self.recursive(asked);
            }
            return self.shape(asked, node, Some(&Above { node, before: above }));
        }
        self.shape(asked, node, above);
    }

    fn recursive(&mut self, asked: &Asked) {
        self.out.push_str("rec ");
        if let Asked::Newtype(name)
        | Asked::Tuple(Some(name), _)
        | Asked::Struct(Some(name), _)
        | Asked::Enum(name, _) = asked
        {
            self.name(name);
        }
    }

    fn shape(&mut self, asked: &Asked, node: &Node, above: Option<&Above<'_>>) {
        match asked {
            Asked::Plain(name) => self.out.push_str(name),
            Asked::Nothing => self.out.push_str("nothing"),
            Asked::Any => self.out.push_str("any"),
            Asked::Ignored => self.out.push_str("ignored"),
            Asked::Name => self.out.push_str("name"),
            Asked::Opaque => self.out.push_str("opaque"),
            Asked::Deep => self.out.push_str("deep"),
            Asked::UnitVariant => {}
            Asked::UnitStruct(name) => {
                self.out.push_str("unit ");
                self.name(name);
            }
            Asked::Option => self.around("?", node, above, ""),
            Asked::Seq => self.around("[", node, above, "]"),
            Asked::NewtypeVariant => self.around("(", node, above, ")"),
            Asked::Newtype(name) => {
                self.name(name);
                self.around("(", node, above, ")");
            }
            Asked::Map => {
                self.out.push('{');
                self.list(node, above, ":", |_, _| ());
                self.out.push('}');
            }
            Asked::Tuple(name, len) => {
                name.iter().for_each(|name| self.name(name));
                self.tuple(node, above, *len);
            }
            Asked::Struct(name, names) => {
                name.iter().for_each(|name| self.name(name));
                self.named(node, above, names, ":");
            }
            Asked::Enum(name, names) => {
                self.out.push_str("enum ");
                self.name(name);
                self.named(node, above, names, "");
            }
        }
    }

    fn around(&mut self, open: &str, node: &Node, above: Option<&Above<'_>>, close: &str) {
        self.out.push_str(open);
        match node.parts.first() {
            Some(part) => self.node(part, above),
            None => self.out.push_str("opaque"),
        }
        self.out.push_str(close);
    }

    /// `(u8,u8,str)` is `(u8*2,str)`; one element alone has a comma, as in Rust.
    fn tuple(&mut self, node: &Node, above: Option<&Above<'_>>, len: usize) {
        self.out.push('(');
        let mut before: Option<(String, usize)> = None;
        for part in &node.parts {
            let start = self.out.len();
            self.node(part, above);
            let text = self.out.split_off(start);
            match &mut before {
                Some((same, count)) if *same == text => *count += 1,
                _ => {
                    let last = before.replace((text, 1));
                    self.repeated(last, true);
                }
            }
        }
        self.repeated(before, len == 1);
        self.out.push(')');
    }

    fn repeated(&mut self, part: Option<(String, usize)>, comma: bool) {
        let Some((text, count)) = part else { return };
        self.out.push_str(&text);
        if count > 1 {
            self.out.push('*');
            self.out.push_str(&count.to_string());
        }
        if comma {
            self.out.push(',');
        }
    }

    /// Parts with names; `;2` at the end where the names are for two parts only.
    fn named(&mut self, node: &Node, above: Option<&Above<'_>>, names: &[&str], mark: &str) {
        self.out.push('{');
        self.list(node, above, ",", |text, index| {
            names.get(index).iter().for_each(|name| text.name(name));
            text.out.push_str(mark);
        });
        if let Some(real) = node.real {
            self.out.push(';');
            self.out.push_str(&real.to_string());
        }
        self.out.push('}');
    }

    fn list(
        &mut self,
        node: &Node,
        above: Option<&Above<'_>>,
        between: &str,
        before: impl Fn(&mut Self, usize),
    ) {
        for (index, part) in node.parts.iter().enumerate() {
            if index > 0 {
                self.out.push_str(between);
            }
            before(self, index);
            self.node(part, above);
        }
    }

    /// A name, in quotes where it could be taken for something else.
    fn name(&mut self, name: &str) {
        if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return self.out.push_str(name);
        }
        self.out.push('"');
        for letter in name.chars() {
            if matches!(letter, '"' | '\\') {
                self.out.push('\\');
            }
            self.out.push(letter);
        }
        self.out.push('"');
    }
}

/// The text of `node` alone, where whatever is in itself is not written again.
fn folded(node: &Node) -> String {
    let mut text = Text { out: String::new(), unfold: false };
    text.node(node, None);
    text.out
}
