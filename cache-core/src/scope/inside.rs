//! Futures inside a scope: it is on the thread while they are polled, so it goes where they go.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::Scope;
use super::state::{Circle, Special, State, present, swap};

/// A scope that code runs in.
#[derive(Debug)]
struct Active {
    state: Arc<State>,
    _special: Special,
}

impl Active {
    /// Inside the scope of the running code.
    fn new(changes: State) -> Self {
        let state = match present() {
            Some(outer) => changes.over(&outer),
            None => changes,
        };
        Self { state: Arc::new(state), _special: Special::new() }
    }

    /// Makes it the scope of this thread, up to the guard's end. Not generic, so that it is compiled once.
    #[inline(never)]
    fn enter(&self) -> Entered {
        Entered(swap(Some(Arc::clone(&self.state))))
    }
}

/// Puts the scope around back when dropped, also by a panic.
pub(crate) struct Entered(Option<Arc<State>>);

impl Drop for Entered {
    #[inline(never)]
    fn drop(&mut self) {
        swap(self.0.take());
    }
}

pin_project! {
    /// A future inside a scope: what [`Scope::run`] returns.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Inside<F> {
        // Until it is first polled.
        changes: Option<Scope>,
        // From then on.
        scope: Option<Active>,
        // Gone when dropped, and then nobody polls.
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for Inside<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _entered = this.scope.as_ref().map(Active::enter);
            this.future.set(None);
        }
    }
}

impl<F> Inside<F> {
    pub(super) fn new(scope: Scope, future: F) -> Self {
        Self { changes: Some(scope), scope: None, future: Some(future) }
    }
}

impl<F: Future> Future for Inside<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        if let Some(Scope { mut changes, further }) = this.changes.take() {
            if further {
                changes.further = Some(Circle::new());
            }
            *this.scope = Some(Active::new(changes));
        }
        let _entered = this.scope.as_ref().map(Active::enter);
        match this.future.as_pin_mut() {
            Some(future) => future.poll(cx),
            None => Poll::Pending,
        }
    }
}

/// The scope of a refreshed function's body, in which recomputing is over.
#[derive(Debug)]
pub(crate) struct Calm(Active);

impl Calm {
    /// For the running code, if it is being refreshed.
    pub(crate) fn if_recomputing() -> Option<Self> {
        super::state::ask(|state| state.is_refresh().then_some(()))?;
        Some(Self(Active::new(State { refresh: Some(false), ..State::default() })))
    }

    /// Makes it the scope of this thread, up to the guard's end.
    pub(crate) fn enter(&self) -> Entered {
        self.0.enter()
    }
}
