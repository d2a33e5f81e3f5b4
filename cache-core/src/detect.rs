//! Detection: how the cached calls inside a future were answered.

mod call;
mod calls;
mod recorder;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pub use call::{DetectedCall, Outcome};
pub use calls::Calls;
use pin_project_lite::pin_project;
pub(crate) use recorder::{Recorder, record};

use crate::scope::{Inside, Scope};

/// Runs a future and tells how every cached call inside it was answered: from the cache or not, under which key, how
/// old, for how much longer.
///
/// For what one piece of work must know of itself: an HTTP answer its `X-From-Cache`, `Age` and `Cache-Control`; a
/// test whether the second call ran. What a service as a whole must know, [`Stats`](crate::Stats) and an
/// [`Observer`](crate::Observer) tell at less cost.
///
/// Annotated functions and [`get_or_set`](crate::Cache::get_or_set) are calls, those inside a function that ran too;
/// plain commands are not. They are listed in the order of their answers, so a function comes after those it called.
/// A call that is dropped or panics has no answer. Of detects inside one another, each tells of all calls inside it.
/// A spawned task is inside if it takes the scope along, [`Scope::current`], and what it calls before the future
/// ends is told. At most 10,000 calls are kept; [`Calls::left_out`] counts the others. While nobody detects, calls
/// pay nothing for it.
///
/// ```
/// use std::time::Duration;
/// use cache_core::{Cache, Outcome, detect};
///
/// # // The core names no database: a backend that keeps nothing.
/// # struct Nothing;
/// # impl cache_core::Backend for Nothing {
/// #     fn name(&self) -> &'static str { "nothing" }
/// #     fn get<'a>(&'a self, _: &'a cache_core::Key) -> cache_core::BoxFuture<'a, cache_core::Result<Option<std::sync::Arc<cache_core::Entry>>>> { Box::pin(async { Ok(None) }) }
/// #     fn set<'a>(&'a self, _: &'a cache_core::Key, _: std::sync::Arc<cache_core::Entry>, _: cache_core::SetOptions) -> cache_core::BoxFuture<'a, cache_core::Result<bool>> { Box::pin(async { Ok(true) }) }
/// #     fn delete<'a>(&'a self, _: &'a cache_core::Key) -> cache_core::BoxFuture<'a, cache_core::Result<bool>> { Box::pin(async { Ok(false) }) }
/// #     fn clear(&self) -> cache_core::BoxFuture<'_, cache_core::Result<()>> { Box::pin(async { Ok(()) }) }
/// # }
/// # fn main() -> cache_core::Result<()> { tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// # let cache = Cache::builder().route("", Nothing).build().await?;
/// let page = async { cache.get_or_set("answer", || async { 42 }).ttl("1h").await };
/// let (answer, calls) = detect(page).await;
/// assert_eq!(answer?, 42);
///
/// let call = calls.first().expect("one call");
/// assert_eq!((call.key.as_str(), call.outcome), ("answer", Outcome::Computed));
/// assert!(!calls.all_hits() && calls.min_ttl_left() <= Some(Duration::from_secs(3600)));
/// # Ok(()) }) }
/// ```
pub fn detect<F: Future>(future: F) -> Detect<F> {
    let recorder = Recorder::new();
    let inside = Scope::new().recorder(recorder.clone()).run(future);
    Detect { heard: Heard(recorder), inside }
}

pin_project! {
    /// A future whose cached calls are told: what [`detect`](crate::detect()) returns.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Detect<F> {
        heard: Heard,
        #[pin]
        inside: Inside<F>,
    }
}

/// A recorder that somebody will ask. Once dropped, tasks that still carry it keep nothing for it.
#[derive(Debug)]
struct Heard(Recorder);

impl Drop for Heard {
    fn drop(&mut self) {
        drop(self.0.close());
    }
}

impl<F: Future> Future for Detect<F> {
    type Output = (F::Output, Calls);

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let out = ready!(this.inside.poll(cx));
        Poll::Ready((out, this.heard.0.close()))
    }
}
