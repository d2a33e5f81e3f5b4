//! Which route takes a key: the longest prefix that fits.

use super::{Cache, Route};
use crate::error::{Error, Result};
use crate::key::{Key, KeyRef, reserved_prefix};
use crate::pattern::Pattern;
use crate::site::Site;

/// Items with the route each group of them takes.
type Groups<'c, T> = Vec<(&'c Route, Vec<(Key, T)>)>;

impl Cache {
    /// The route of a key, if any route takes it. What is kept about a key under a reserved prefix is with the key,
    /// unless a route names the prefix.
    pub(crate) fn route_of(&self, key: KeyRef<'_>) -> Option<&Route> {
        let text = key.as_str();
        match reserved_prefix(text) {
            Some(prefix) => self.routes().get(self.place_of(prefix, text)?),
            None => self.owner(text).map(|(_, route)| route),
        }
    }

    /// The number of the route that takes a key under this reserved prefix.
    pub(crate) fn place_of(&self, prefix: &str, key: &str) -> Option<usize> {
        let found = self.owner(key);
        let is_named = found.is_some_and(|(_, route)| route.prefix().starts_with(prefix));
        let bare = key.strip_prefix(prefix).filter(|_| !is_named);
        bare.and_then(|bare| self.owner(bare)).or(found).map(|(place, _)| place)
    }

    fn owner(&self, key: &str) -> Option<(usize, &Route)> {
        self.0.routes.iter().enumerate().find(|(_, route)| key.starts_with(route.prefix()))
    }

    /// The same, remembered by the call site where its template's head decides alone.
    #[inline]
    pub(crate) fn route_at(&self, site: Option<&Site>, key: KeyRef<'_>) -> Option<(u32, &Route)> {
        let index = match site.and_then(|site| site.route(self.0.id)) {
            Some(index) => index,
            None => self.resolve(site, key)?,
        };
        self.0.routes.get(index as usize).map(|route| (index, route))
    }

    #[cold]
    fn resolve(&self, site: Option<&Site>, key: KeyRef<'_>) -> Option<u32> {
        let fits = |route: &Route| key.as_bytes().starts_with(route.prefix().as_bytes());
        let index = u32::try_from(self.0.routes.iter().position(fits)?).ok()?;
        if let Some(site) = site {
            let head = site.head();
            // A longer prefix that begins with the head could take some of this site's keys and not others.
            if !self.0.routes.iter().any(|r| r.prefix().len() > head.len() && r.prefix().starts_with(head)) {
                site.remember(self.0.id, index);
            }
        }
        Some(index)
    }

    /// Every route that keys matching the pattern can be in.
    pub(crate) fn routes_of<'a>(&'a self, pattern: &'a Pattern) -> impl Iterator<Item = &'a Route> {
        let head = pattern.literal_head();
        let literal = pattern.is_literal().then(|| self.route_of(KeyRef::new(head)).map(Route::id)).flatten();
        let bare = reserved_prefix(head).map(|prefix| &head[prefix.len()..]);
        let reaches =
            |head: &str, route: &Route| head.starts_with(route.prefix()) || route.prefix().starts_with(head);
        self.0.routes.iter().filter(move |route| match literal {
            Some(id) => route.id() == id,
            None => reaches(head, route) || bare.is_some_and(|head| reaches(head, route)),
        })
    }

    pub(crate) fn route_or_error(&self, key: &Key) -> Result<&Route> {
        self.route_of(key.as_key()).ok_or_else(|| {
            Error::config(format!(
                "no route takes the key `{key}`: add `.route(\"\", …)` for keys without a prefix of their own"
            ))
        })
    }

    /// Items sorted by the route of their key, so that each backend is asked once.
    pub(crate) fn by_route<T>(&self, items: impl IntoIterator<Item = (Key, T)>) -> Result<Groups<'_, T>> {
        let mut groups: Groups<'_, T> = Vec::new();
        for (key, item) in items {
            let route = self.route_or_error(&key)?;
            match groups.iter_mut().find(|(known, _)| known.id() == route.id()) {
                Some((_, group)) => group.push((key, item)),
                None => groups.push((route, vec![(key, item)])),
            }
        }
        Ok(groups)
    }
}
