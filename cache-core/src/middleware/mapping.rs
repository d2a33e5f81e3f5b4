//! Keys, patterns and tags on their way through one layer, and back.

use super::{Item, Middleware, Request, Response};
use crate::key::{Key, RESERVED, is_reserved};
use crate::pattern::Pattern;

/// The reserved prefix and the rest: the prefix stays in front, so that patterns over values leave guards alone.
pub(super) fn split_reserved(text: &str) -> (&str, &str) {
    RESERVED
        .iter()
        .find(|prefix| text.starts_with(**prefix))
        .map_or(("", text), |prefix| text.split_at(prefix.len()))
}

/// What a text becomes; `None` if it stays.
pub(super) fn map_text(layer: &dyn Middleware, text: &str) -> Option<String> {
    let (reserved, bare) = split_reserved(text);
    match layer.map_key(bare) {
        std::borrow::Cow::Borrowed(same) if same.len() == bare.len() => None,
        // What was no guard's key before does not become one.
        mapped if reserved.is_empty() && is_reserved(&mapped) => Some(["%", &mapped].concat()),
        mapped => Some([reserved, &mapped].concat()),
    }
}

pub(super) fn map_key(layer: &dyn Middleware, key: Key) -> Key {
    map_text(layer, key.as_str()).map_or(key, Key::from)
}

fn map_keys(layer: &dyn Middleware, keys: Vec<Key>) -> Vec<Key> {
    keys.into_iter().map(|key| map_key(layer, key)).collect()
}

fn map_pattern(layer: &dyn Middleware, pattern: Pattern) -> Pattern {
    // A pattern that names nothing goes on naming nothing.
    if pattern.why_unkeyable().is_some() {
        return pattern;
    }
    map_text(layer, pattern.as_str()).map_or(pattern, Pattern::new)
}

fn map_item(layer: &dyn Middleware, item: Item) -> Item {
    Item { key: map_key(layer, item.key), ..item }
}

/// The request as the next layer sees it.
pub(super) fn map_request(layer: &dyn Middleware, request: Request) -> Request {
    use Request as R;
    match request {
        R::Get { key } => R::Get { key: map_key(layer, key) },
        R::GetMany { keys } => R::GetMany { keys: map_keys(layer, keys) },
        R::Set { item, options } => R::Set { item: map_item(layer, item), options },
        R::SetMany { items } => {
            R::SetMany { items: items.into_iter().map(|item| map_item(layer, item)).collect() }
        }
        R::CompareAndSet { item } => R::CompareAndSet { item: map_item(layer, item) },
        R::Delete { key } => R::Delete { key: map_key(layer, key) },
        R::DeleteMany { keys } => R::DeleteMany { keys: map_keys(layer, keys) },
        R::DeleteMatch { pattern } => R::DeleteMatch { pattern: map_pattern(layer, pattern) },
        R::Scan { pattern } => R::Scan { pattern: map_pattern(layer, pattern) },
        R::Expire { key, expires } => R::Expire { key: map_key(layer, key), expires },
        R::Increment { key, step } => R::Increment { key: map_key(layer, key), step },
        R::BeginFill { key } => R::BeginFill { key: map_key(layer, key) },
        R::Stamp { tags } => R::Stamp { tags: map_keys(layer, tags) },
        R::DeleteTags { tags } => R::DeleteTags { tags: map_keys(layer, tags) },
        R::Update { key } => R::Update { key: map_key(layer, key) },
        R::SizeOf { key } => R::SizeOf { key: map_key(layer, key) },
        // These are asked for by the names that entries carry, which are the backend's.
        same @ (R::Generations { .. }
        | R::Clear
        | R::Raw { .. }
        | R::FlushAll
        | R::Ping { .. }
        | R::Close) => same,
    }
}

/// The answer as the layer that asked sees it. Stamps keep the names that the backend knows: it judges by them.
pub(super) fn unmap_response(layer: &dyn Middleware, response: Response) -> Response {
    match response {
        Response::Keys(keys) => {
            Response::Keys(keys.into_iter().filter_map(|key| unmap_key(layer, key)).collect())
        }
        same => same,
    }
}

fn unmap_key(layer: &dyn Middleware, key: Key) -> Option<Key> {
    let (reserved, bare) = split_reserved(key.as_str());
    match layer.unmap_key(bare)? {
        std::borrow::Cow::Borrowed(same) if same.len() == bare.len() => Some(key),
        unmapped => Some(Key::from([reserved, &unmapped].concat())),
    }
}
