//! Whether a connection stands, and who hears what comes over it unasked.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redis::aio::{AsyncPushSender, SendError};
use redis::{PushInfo, PushKind, Value};
use tokio::sync::Notify;

use super::Listener;

/// Whether a connection stands, as far as its reader has noticed.
pub(super) struct Life {
    pub(super) number: u64,
    /// Nothing more is asked on it.
    pub(super) is_over: AtomicBool,
    /// Nothing more is answered on it.
    has_ended: AtomicBool,
    /// The server has ended it.
    pub(super) has_hung_up: AtomicBool,
    is_told: AtomicBool,
    /// For those who wait for an answer that will not come.
    ended: Notify,
    listener: Option<Arc<dyn Listener>>,
}

impl Life {
    pub(super) fn new(number: u64, listener: Option<Arc<dyn Listener>>) -> Self {
        Self {
            number,
            is_over: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
            has_hung_up: AtomicBool::new(false),
            is_told: AtomicBool::new(true),
            ended: Notify::new(),
            listener,
        }
    }

    /// From now on its end is told.
    pub(super) fn begin(&self, greeted: bool) {
        if let Some(listener) = &self.listener {
            self.is_told.store(false, Ordering::Release);
            listener.opened(self.number, greeted);
            if self.is_over.load(Ordering::Acquire) {
                self.tell();
            }
        }
    }

    /// Nothing more is asked on it.
    pub(super) fn retire(&self) {
        self.is_over.store(true, Ordering::Release);
        self.tell();
    }

    /// It is of no use any more, nor are the answers that are awaited.
    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::Release);
        self.has_ended.store(true, Ordering::Release);
        self.ended.notify_waiters();
        self.tell();
    }

    /// Returns when it has ended.
    pub(super) async fn over(&self) {
        let mut ended = pin!(self.ended.notified());
        // Whoever ends it from here on is heard.
        ended.as_mut().enable();
        if !self.has_ended.load(Ordering::Acquire) {
            ended.await;
        }
    }

    fn tell(&self) {
        if !self.is_told.swap(true, Ordering::AcqRel)
            && let Some(listener) = &self.listener
        {
            listener.lost(self.number);
        }
    }
}

/// What the client's reader tells; dropped when that ends, for whatever reason.
pub(super) struct Ear(pub(super) Arc<Life>);

impl AsyncPushSender for Ear {
    fn send(&self, push: PushInfo) -> Result<(), SendError> {
        match (push.kind, &self.0.listener) {
            (PushKind::Disconnection, _) => {
                self.0.has_hung_up.store(true, Ordering::Release);
                self.0.end();
            }
            (PushKind::Invalidate, Some(listener)) => match push.data.first() {
                Some(Value::Array(keys)) => listener.changed(self.0.number, Some(keys)),
                _ => listener.changed(self.0.number, None),
            },
            _ => {}
        }
        Ok(())
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.0.end();
    }
}
