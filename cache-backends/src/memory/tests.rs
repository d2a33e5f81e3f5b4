//! Tests.
use std::sync::Arc;
use cache_core::{Entry, Meta, Time};
pub(super) fn entry_until(expires: Time) -> Arc<Entry> {
    Entry::new((), Meta::new(Time::from_nanos(1), expires))
}
