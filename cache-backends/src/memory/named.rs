//! `mem://` and `locmem://`, with names that are shared.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use cache_core::{BackendUrl, Error, Result, Scheme};

use super::store::Store;
use super::{Memory, MemoryBuilder};

cache_core::submit_scheme!(Scheme::new(
    &["mem", "locmem"],
    &["size", "max_bytes", "check_interval"],
    |url| Ok(Arc::new(open(url)?))
));

/// The stores that a URL gave a name and somebody still holds.
static NAMED: Mutex<Option<HashMap<String, Weak<Store>>>> = Mutex::new(None);

/// What the URL means: without a name a store of its own, with one the store of that name.
pub(super) fn open(url: &BackendUrl) -> Result<Memory> {
    let fresh = settings(url)?.build();
    let name = match url.path() {
        "" => url.host().to_owned(),
        path => format!("{}/{path}", url.host()),
    };
    if name.is_empty() {
        return Ok(fresh);
    }
    let mut named = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
    let named = named.get_or_insert_default();
    if let Some(store) = named.get(&name).and_then(Weak::upgrade) {
        return agree(url, &name, &store, &fresh.0).map(|()| Memory(store));
    }
    named.retain(|_, store| store.strong_count() > 0);
    named.insert(name, Arc::downgrade(&fresh.0));
    Ok(fresh)
}

fn settings(url: &BackendUrl) -> Result<MemoryBuilder> {
    let mut builder = Memory::builder();
    if let Some(size) = url.parsed("size", "a number of entries")? {
        builder = builder.max_entries(size);
    }
    if let Some(bytes) = url.parsed("max_bytes", "a number of bytes")? {
        builder = builder.max_bytes(bytes);
    }
    if let Some(interval) = url.duration("check_interval")? {
        builder = builder.check_interval(interval);
    }
    builder.checked(["size", "max_bytes"])
}

/// A second opening may leave options out; what it gives must be what the store has.
fn agree(url: &BackendUrl, name: &str, open: &Store, asked: &Store) -> Result<()> {
    let differs = [
        ("size", open.limits.entries() != asked.limits.entries()),
        ("max_bytes", open.limits.bytes() != asked.limits.bytes()),
        ("check_interval", open.check_interval != asked.check_interval),
    ];
    match differs.iter().find(|(option, differs)| *differs && url.option(option).is_some()) {
        None => Ok(()),
        Some((option, _)) => Err(Error::config(format!(
            "`{}://{name}` is open already with another `{option}`: equal names are one store, so give the same options or another name",
            url.scheme()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn memory(url: &str) -> Result<Memory> {
        open(&BackendUrl::parse(url).unwrap())
    }

    fn message(url: &str) -> String {
        let error = memory(url).unwrap_err();
        assert!(error.is_config());
        error.to_string()
    }

    fn same(one: &Memory, other: &Memory) -> bool {
        Arc::ptr_eq(&one.0, &other.0)
    }

    #[test]
    fn without_a_name_every_store_is_its_own() {
        assert!(!same(&memory("mem://").unwrap(), &memory("mem://").unwrap()));
    }

    #[test]
    fn equal_names_are_one_store_and_others_are_not() {
        let users = memory("locmem://t1-users").unwrap();
        assert!(same(&users, &memory("mem://t1-users").unwrap()));
        assert!(!same(&users, &memory("mem://t1-default").unwrap()));
        assert!(!same(&users, &memory("mem://t1-users/eu").unwrap()));
    }

    #[test]
    fn a_name_is_free_again_when_nobody_holds_its_store() {
        let first = Arc::downgrade(&memory("mem://t2?size=5").unwrap().0);
        assert!(first.upgrade().is_none());
        assert_eq!(memory("mem://t2?size=6").unwrap().0.limits.entries(), Some(6));
    }

    #[test]
    fn a_second_opening_may_leave_options_out_but_not_change_them() {
        let _open = memory("mem://t3?size=5&check_interval=250ms").unwrap();
        assert!(memory("mem://t3").is_ok());
        assert!(memory("mem://t3?size=5").is_ok());
        assert!(message("mem://t3?size=6").contains("another `size`"));
        assert!(message("mem://t3?max_bytes=6000").contains("another `max_bytes`"));
        assert!(message("mem://t3?check_interval=1").contains("another `check_interval`"));
    }

    #[test]
    fn options_are_bounds_and_an_interval() {
        let store = memory("mem://?size=7&max_bytes=9000&check_interval=0.5").unwrap().0;
        assert_eq!((store.limits.entries(), store.limits.bytes()), (Some(7), Some(9_000)));
        assert_eq!(store.check_interval, Duration::from_millis(500));
        assert_eq!(memory("mem://").unwrap().0.limits.entries(), Some(10_000));
    }

    #[test]
    fn impossible_options_are_refused_by_name() {
        assert!(message("mem://?size=0").starts_with("`size` = 0"));
        assert!(message("mem://?max_bytes=1").starts_with("`max_bytes` = 1"));
        assert_eq!(message("mem://?size=-1"), "option `size=-1` of `mem`: expected a number of entries");
    }
}
