//! What a shape means to those who have to store it.

use super::Variants;
use super::node::{Asked, Node};
use super::text::{has_cut, is_cut};

/// Whether something could not be seen.
pub(super) fn is_opaque(node: &Node) -> bool {
    if is_cut(node) {
        return false;
    }
    let hidden = match &node.asked {
        None | Some(Asked::Any | Asked::Ignored | Asked::Name | Asked::Opaque | Asked::Deep) => true,
        Some(Asked::Enum(_, names)) => names.is_empty(),
        Some(_) => false,
    };
    hidden || node.parts.iter().any(is_opaque)
}

/// Whether values may be within values without end.
pub(super) fn is_recursive(root: &Node) -> bool {
    has_cut(root) || is_opaque(root)
}

/// Why a codec that stores neither names nor kinds cannot store it. What cannot be seen may change, and its bytes would
/// be read as others.
pub(super) fn needs_names(root: &Node) -> Option<String> {
    reason(root, &mut Vec::new())
}

/// The enums whose names are one for each variant.
pub(super) fn enums(root: &Node) -> Vec<Variants> {
    let mut all = root.parts.iter().flat_map(enums).collect::<Vec<_>>();
    if let Some(Asked::Enum(name, variants)) = root.asked
        && root.real.is_none()
    {
        all.push((name, variants));
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// What a codec might write as nothing, and take for `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Nothings {
    /// There may be an `Option`.
    pub(crate) options: bool,
    /// A value may be `Some` of what looks like `None` where that is written as `null`.
    pub(crate) inside: bool,
    /// There may be a number with a fraction: some of those are none.
    pub(crate) floats: bool,
}

pub(super) fn nothings(root: &Node) -> Nothings {
    let mut found = Nothings { options: false, inside: false, floats: false };
    find(root, &mut found);
    found
}

fn find(node: &Node, found: &mut Nothings) {
    match &node.asked {
        Some(Asked::Option) => {
            found.options = true;
            found.inside |= node.parts.iter().any(looks_like_none);
        }
        Some(Asked::Plain("f32" | "f64")) => found.floats = true,
        None | Some(Asked::Any | Asked::Opaque | Asked::Deep) => {
            found.options = true;
            found.floats = true;
        }
        Some(_) => {}
    }
    node.parts.iter().for_each(|part| find(part, found));
}

/// Whether `null` may be written for it.
fn looks_like_none(node: &Node) -> bool {
    match &node.asked {
        Some(Asked::Plain(name)) => matches!(*name, "unit" | "f32" | "f64"),
        Some(Asked::Newtype(_)) => is_cut(node) || node.parts.iter().any(looks_like_none),
        Some(
            Asked::Seq
            | Asked::Map
            | Asked::Tuple(..)
            | Asked::Struct(..)
            | Asked::Enum(..)
            | Asked::UnitVariant
            | Asked::NewtypeVariant,
        ) => false,
        Some(_) | None => true,
    }
}

/// Whether its values take bytes where neither names nor kinds are stored.
fn takes_bytes(node: &Node) -> bool {
    match &node.asked {
        Some(Asked::Plain(name)) => *name != "unit",
        Some(Asked::UnitStruct(_) | Asked::Nothing) => false,
        Some(Asked::Tuple(..) | Asked::Struct(..) | Asked::Newtype(_)) => {
            is_cut(node) || node.parts.iter().any(takes_bytes)
        }
        _ => true,
    }
}

fn reason(node: &Node, path: &mut Vec<String>) -> Option<String> {
    if is_cut(node) {
        return None;
    }
    let Some(asked) = &node.asked else { return Some(unseen(path)) };
    match asked {
        Asked::Opaque | Asked::Deep => Some(unseen(path)),
        Asked::Any => Some(format!("{} takes a value of any kind, as an untagged enum does", part_at(path))),
        Asked::Ignored => Some(format!("{} skips a value of any kind", part_at(path))),
        Asked::Name => Some(format!("{} is a name", part_at(path))),
        Asked::Map if is_by_names(node) => {
            Some(format!("{} is a map of fields, as with `flatten`", part_at(path)))
        }
        Asked::Seq | Asked::Map if !node.parts.iter().any(takes_bytes) => {
            Some(format!("the elements of {} take no bytes, so nothing bounds their number", part_at(path)))
        }
        _ => node.parts.iter().enumerate().find_map(|(index, part)| {
            path.push(step(asked, index));
            let reason = reason(part, path);
            path.pop();
            reason
        }),
    }
}

/// Of a part that may change without anybody noticing.
fn unseen(path: &[String]) -> String {
    format!("the shape of {} cannot be seen", part_at(path))
}

/// Whether the keys of a map are names of fields.
fn is_by_names(node: &Node) -> bool {
    node.parts.first().is_some_and(|key| key.asked == Some(Asked::Name))
}

/// How a part is called from outside.
fn step(asked: &Asked, index: usize) -> String {
    match asked {
        Asked::Struct(_, names) => names.get(index).map_or_else(String::new, |name| format!(".{name}")),
        Asked::Enum(_, names) => names.get(index).map_or_else(String::new, |name| format!("::{name}")),
        Asked::Tuple(..) => format!(".{index}"),
        Asked::Seq => "[]".to_owned(),
        Asked::Map => if index == 0 { "{key}" } else { "{}" }.to_owned(),
        _ => String::new(),
    }
}

fn part_at(path: &[String]) -> String {
    let path = path.concat();
    match path.trim_start_matches(['.', ':']) {
        "" => "the value".to_owned(),
        path => format!("`{path}`"),
    }
}
