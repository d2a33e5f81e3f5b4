//! What the strategies mean, said once more and naively: for one caller, one key and whole seconds. Nothing of this
//! knows how the library does it.

use std::cell::RefCell;
use std::rc::Rc;

/// What a call came to, as the layer outside sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) out: Result<u32, Failed>,
    /// A guard inside refused it.
    pub(crate) refused: bool,
    /// It was there already.
    pub(crate) recalled: bool,
    /// It is made of a fallback.
    pub(crate) makeshift: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failed {
    Down,
    Refused,
}

impl Answer {
    const fn new(out: Result<u32, Failed>) -> Self {
        Self { out, refused: false, recalled: false, makeshift: false }
    }

    const fn refusal() -> Self {
        Self { refused: true, ..Self::new(Err(Failed::Refused)) }
    }

    const fn recalled(value: u32) -> Self {
        Self { recalled: true, ..Self::new(Ok(value)) }
    }

    /// The value, if it may be kept.
    fn kept(self) -> Option<u32> {
        self.out.ok().filter(|_| !self.makeshift)
    }
}

/// The function, and the time.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) down: bool,
    pub(crate) runs: u32,
}

impl World {
    fn run(&mut self) -> Answer {
        self.runs += 1;
        Answer::new(if self.down { Err(Failed::Down) } else { Ok(self.runs) })
    }
}

/// The layers of a function, outermost first.
pub(crate) struct Stack {
    layers: Rc<[RefCell<Layer>]>,
}

impl Stack {
    pub(crate) fn new(names: &[&str]) -> Self {
        Self { layers: names.iter().map(|name| RefCell::new(Layer::new(name))).collect() }
    }

    /// A call, and then what goes on beside it.
    pub(crate) fn call(&self, world: &mut World) -> Result<u32, Failed> {
        let mut beside = Vec::new();
        let answer = self.enter(0, world, &mut beside);
        for depth in beside {
            let inner = self.enter(depth + 1, world, &mut Vec::new());
            if let Layer::Keeper(keeper) = &mut *self.layers[depth].borrow_mut() {
                match inner.kept() {
                    Some(value) => keeper.store(value, world.now),
                    None => keeper.failed(world.now),
                }
            }
        }
        answer.out
    }

    fn enter(&self, depth: usize, world: &mut World, beside: &mut Vec<usize>) -> Answer {
        let Some(layer) = self.layers.get(depth) else { return world.run() };
        let entered = layer.borrow_mut().enter(world.now);
        match entered {
            Entered::Answer(answer) => answer,
            Entered::Beside(answer) => {
                beside.push(depth);
                answer
            }
            Entered::Go => {
                let inner = self.enter(depth + 1, world, beside);
                layer.borrow_mut().leave(inner, world.now)
            }
        }
    }
}

enum Entered {
    Answer(Answer),
    /// The answer is there; the layers inside run beside the call.
    Beside(Answer),
    Go,
}

enum Layer {
    Keeper(Keeper),
    Last(Option<(u32, u64)>),
    Limit(Limit),
    Breaker(Breaker),
    /// It changes nothing that one caller could see.
    Through,
}

impl Layer {
    fn new(name: &str) -> Self {
        let keeper = |kind, ttl| Self::Keeper(Keeper { kind, ttl, entry: None, pause: None });
        match name {
            "cached" => keeper(Kind::Cached, 10),
            "early" => keeper(Kind::Early, 12),
            "soft" => keeper(Kind::Soft, 12),
            "hit" => keeper(Kind::Hit, 30),
            "fail" => Self::Last(None),
            "rate_limit" => Self::Limit(Limit { count: 0, until: 0, banned: false }),
            "circuit_breaker" => Self::Breaker(Breaker::Closed(Vec::new())),
            "locked" | "perf" | "invalidate" => Self::Through,
            other => panic!("no model of {other}"),
        }
    }

    fn enter(&mut self, now: u64) -> Entered {
        match self {
            Self::Keeper(keeper) => keeper.enter(now),
            Self::Limit(limit) => limit.enter(now),
            Self::Breaker(breaker) => breaker.enter(now),
            Self::Last(_) | Self::Through => Entered::Go,
        }
    }

    fn leave(&mut self, inner: Answer, now: u64) -> Answer {
        match self {
            Self::Keeper(keeper) => keeper.leave(inner, now),
            Self::Last(last) => match (inner.out, inner.kept(), *last) {
                (Ok(_), Some(value), _) => {
                    *last = Some((value, now + 20));
                    inner
                }
                (Err(_), _, Some((value, until))) if now < until => {
                    Answer { refused: inner.refused, makeshift: true, ..Answer::recalled(value) }
                }
                _ => inner,
            },
            Self::Breaker(breaker) => {
                breaker.leave(inner, now);
                inner
            }
            Self::Limit(_) | Self::Through => inner,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Cached,
    Early,
    Soft,
    Hit,
}

/// A value strategy.
struct Keeper {
    kind: Kind,
    ttl: u64,
    entry: Option<Entry>,
    /// Of the entry: how often computing it anew failed, until when it is left alone, until when that is remembered.
    pause: Option<(u32, u64)>,
}

struct Entry {
    value: u32,
    stored: u64,
    hits: u32,
}

impl Keeper {
    fn enter(&mut self, now: u64) -> Entered {
        let paused = self.pause.is_some_and(|(_, until)| now < until);
        let Some(entry) = self.entry.as_mut().filter(|entry| now < entry.stored + self.ttl) else {
            return Entered::Go;
        };
        entry.hits += 1;
        let due = match self.kind {
            Kind::Cached => false,
            Kind::Early | Kind::Soft => now >= entry.stored + 4,
            Kind::Hit => entry.hits > 2,
        };
        let there = Answer::recalled(entry.value);
        match self.kind {
            _ if !due => Entered::Answer(there),
            _ if paused => Entered::Answer(Answer { makeshift: true, ..there }),
            Kind::Early => Entered::Beside(there),
            _ => Entered::Go,
        }
    }

    fn leave(&mut self, inner: Answer, now: u64) -> Answer {
        let there =
            self.entry.as_ref().filter(|entry| now < entry.stored + self.ttl).map(|entry| entry.value);
        match (inner.out, inner.kept(), there) {
            (Ok(_), Some(value), _) => {
                self.store(value, now);
                inner
            }
            (Err(_), _, Some(value)) => {
                self.failed(now);
                Answer { refused: inner.refused, makeshift: true, ..Answer::recalled(value) }
            }
            _ => inner,
        }
    }

    fn store(&mut self, value: u32, now: u64) {
        self.entry = Some(Entry { value, stored: now, hits: 0 });
        self.pause = None;
    }

    fn failed(&mut self, now: u64) {
        let failures = match self.pause {
            Some((failures, until)) if now < until + 60 => failures + 1,
            _ => 1,
        };
        self.pause = Some((failures, now + (1 << (failures - 1)).min(60)));
    }
}

/// Three calls in ten seconds, and a ban of ten.
struct Limit {
    count: u32,
    until: u64,
    banned: bool,
}

impl Limit {
    fn enter(&mut self, now: u64) -> Entered {
        if now >= self.until {
            *self = Self { count: 0, until: now + 10, banned: false };
        }
        if self.banned {
            return Entered::Answer(Answer::refusal());
        }
        self.count += 1;
        if self.count > 3 {
            *self = Self { banned: true, until: self.until.max(now + 10), ..*self };
            return Entered::Answer(Answer::refusal());
        }
        Entered::Go
    }
}

/// Half of at least two calls in ten seconds; five seconds open; one probe.
enum Breaker {
    Closed(Vec<(u64, bool)>),
    Open(u64),
    Half,
}

impl Breaker {
    fn enter(&mut self, now: u64) -> Entered {
        match self {
            Self::Open(until) if now < *until => Entered::Answer(Answer::refusal()),
            Self::Open(_) => {
                *self = Self::Half;
                Entered::Go
            }
            Self::Closed(_) | Self::Half => Entered::Go,
        }
    }

    fn leave(&mut self, inner: Answer, now: u64) {
        if inner.refused || inner.recalled {
            return;
        }
        let failed = inner.out.is_err();
        match self {
            Self::Half => *self = if failed { Self::Open(now + 5) } else { Self::Closed(Vec::new()) },
            Self::Open(_) => {}
            Self::Closed(outcomes) => {
                outcomes.retain(|(at, _)| at + 10 > now);
                outcomes.push((now, failed));
                let failures = outcomes.iter().filter(|(_, failed)| *failed).count();
                if failures > 0 && outcomes.len() >= 2 && failures * 2 >= outcomes.len() {
                    *self = Self::Open(now + 5);
                }
            }
        }
    }
}
