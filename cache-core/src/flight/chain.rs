//! What the running code is part of: computations, so that a function that asks for its own key does not wait for
//! itself; answers, so that one made of a fallback is known as such; and locks, so that what was computed under one
//! that was lost is not stored.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use crate::command::Lease;
use crate::registry::Function;
use crate::scope::Calm;
use crate::sync::thread_local;

thread_local! {
    static CHAIN: RefCell<Vec<Mark>> = const { RefCell::new(Vec::new()) };
}

/// One thing that code is part of.
#[derive(Debug, Clone)]
pub(crate) enum Mark {
    /// A computation, or a group of them.
    Flight(u64),
    /// A run of this function beside its calls.
    Beside(&'static Function),
    /// An answer that is being made.
    Answer(Makeshift),
    /// A lock that it runs under.
    Lock(Arc<Lease>),
    /// The lease of a value that is being computed: of no account to the values inside.
    Lease(Arc<Lease>),
}

/// Whether an answer is made of a fallback: of what was good once, because its source fails now. Such an answer is
/// given, and kept by nobody.
#[derive(Debug, Clone, Default)]
pub(crate) struct Makeshift(Arc<AtomicBool>);

impl Makeshift {
    pub(crate) fn is(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The running code was given a fallback: so every answer that it is part of is makeshift.
pub(crate) fn fell_back() {
    CHAIN.with_borrow(|chain| {
        for mark in chain {
            if let Mark::Answer(answer) = mark {
                answer.0.store(true, Ordering::Relaxed);
            }
        }
    });
}

pin_project! {
    /// A body that runs as part of something.
    ///
    /// The mark is on the thread only while the body is polled, so it follows the task wherever it runs. It does
    /// not follow into tasks the body spawns; those wait at most as long as any other caller.
    ///
    /// Written by hand because an `async fn` would hold the body twice, and nested calls would double each time.
    #[derive(Debug)]
    pub struct Within<F> {
        marks: Vec<Mark>,
        // Calls inside are to be answered from the cache again, though this one is a refresh.
        calm: Option<Calm>,
        #[pin]
        body: F,
    }
}

/// Runs `body` as part of this.
pub(crate) fn within<F: Future>(marks: Vec<Mark>, calm: Option<Calm>, body: F) -> Within<F> {
    Within { marks, calm, body }
}

impl<F: Future> Future for Within<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _marked = Marked::new(this.marks);
        let _scope = this.calm.as_ref().map(Calm::enter);
        this.body.poll(cx)
    }
}

/// Whether the running code is part of this computation.
pub(super) fn contains(id: u64) -> bool {
    CHAIN.with_borrow(|chain| chain.iter().any(|mark| matches!(mark, Mark::Flight(known) if *known == id)))
}

/// Whether the running code is a run of this function beside its calls: none of them is answered by it.
pub(crate) fn is_beside(function: &'static Function) -> bool {
    CHAIN.with_borrow(|chain| {
        chain.iter().any(|mark| matches!(mark, Mark::Beside(known) if std::ptr::eq(*known, function)))
    })
}

/// All computations the running code is part of.
pub(super) fn current() -> Vec<u64> {
    CHAIN.with_borrow(|chain| {
        let flight = |mark: &Mark| if let Mark::Flight(id) = mark { Some(*id) } else { None };
        chain.iter().filter_map(flight).collect()
    })
}

/// The locks that the running code is under.
pub(crate) fn locks() -> Vec<Arc<Lease>> {
    CHAIN.with_borrow(|chain| {
        let lock = |mark: &Mark| if let Mark::Lock(lease) = mark { Some(Arc::clone(lease)) } else { None };
        chain.iter().filter_map(lock).collect()
    })
}

/// Whether the running code holds a lock or lease of which this is true.
pub(crate) fn holds(is: impl Fn(&Lease) -> bool) -> bool {
    CHAIN.with_borrow(|chain| {
        chain.iter().any(|mark| match mark {
            Mark::Lock(lease) | Mark::Lease(lease) => is(lease),
            Mark::Flight(_) | Mark::Answer(_) | Mark::Beside(_) => false,
        })
    })
}

/// How many there were before.
struct Marked(usize);

impl Marked {
    #[inline(never)]
    fn new(marks: &[Mark]) -> Self {
        CHAIN.with_borrow_mut(|chain| {
            let before = chain.len();
            chain.extend_from_slice(marks);
            Self(before)
        })
    }
}

impl Drop for Marked {
    #[inline(never)]
    fn drop(&mut self) {
        CHAIN.with_borrow_mut(|chain| chain.truncate(self.0));
    }
}
