//! What happens. Each chapter lasts until it has shown what it is about, however fast the machine is.

use std::time::{Duration, Instant};

use macadamia::{Error, EventKind};

use super::client::{Failure, price, rates, search};
use super::log::{Log, Told};
use super::service::{Mood, Requests, Service};

/// A chapter, told afterwards.
#[derive(Debug)]
pub(crate) struct Chapter {
    /// The prices that were given, in order.
    pub(crate) prices: Vec<u32>,
    /// What reached the service meanwhile.
    pub(crate) requests: Requests,
    pub(crate) told: Told,
}

/// Between two calls.
const PACE: Duration = Duration::from_millis(10);

struct Story<'a> {
    service: &'a Service,
    log: &'a Log,
    /// When it is taken to be stuck.
    deadline: Instant,
    chapters: Vec<Chapter>,
    prices: Vec<u32>,
}

pub(crate) async fn run(service: &Service, log: &Log) -> Result<Vec<Chapter>, Failure> {
    let mut story = Story {
        service,
        log,
        deadline: Instant::now() + Duration::from_secs(60),
        chapters: Vec::new(),
        prices: Vec::new(),
    };
    story.begin("The service answers", Mood::Answers);
    story.all_is_well().await?;
    story.begin("The service becomes slow: nobody waits for rates", Mood::Slow);
    story.until("rates", EventKind::Refreshed, 1).await?;
    story.begin("Everybody searches at once: some have to come again", Mood::Answers);
    story.crowd().await?;
    story.begin("The service hangs up: prices are old, and it is spared", Mood::HangsUp);
    story.until("rates", EventKind::NotRefreshed, 1).await?;
    story.until("price", EventKind::CircuitOpened, 1).await?;
    story.until("price", EventKind::Rejected, 10).await?;
    story.begin("It is up, and too busy: a probe finds out", Mood::Refuses);
    story.until("price", EventKind::CircuitOpened, 1).await?;
    story.begin("It answers again: two probes, and all may ask", Mood::Answers);
    story.until("price", EventKind::CircuitClosed, 1).await?;
    story.all_is_well().await?;
    story.end();
    Ok(story.chapters)
}

impl Story<'_> {
    fn begin(&mut self, title: &str, mood: Mood) {
        if !self.prices.is_empty() || !self.chapters.is_empty() {
            self.end();
        }
        self.log.begin(title);
        self.service.becomes(mood);
    }

    fn end(&mut self) {
        self.chapters.push(Chapter {
            prices: std::mem::take(&mut self.prices),
            requests: self.service.requests(),
            told: self.log.told().clone(),
        });
    }

    /// Everybody calls, until this has happened to this function so often.
    async fn until(&mut self, function: &str, kind: EventKind, times: usize) -> Result<(), Failure> {
        while self.log.told().count(function, kind) < times {
            self.call().await?;
        }
        Ok(())
    }

    /// Until something was computed and something was answered from the cache.
    async fn all_is_well(&mut self) -> Result<(), Failure> {
        self.until("price", EventKind::Computed, 1).await?;
        self.until("price", EventKind::Hit, 1).await
    }

    async fn call(&mut self) -> Result<(), Failure> {
        if Instant::now() > self.deadline {
            return Err(Failure::Silent);
        }
        self.prices.push(price(self.service.address, "hazelnuts").await?);
        rates(self.service.address).await?;
        tokio::time::sleep(PACE).await;
        Ok(())
    }

    /// Ten searches at once, until some are refused; one of those comes again when it was told to.
    async fn crowd(&mut self) -> Result<(), Failure> {
        loop {
            let scope = macadamia::Scope::current();
            let searches: Vec<_> = (0..10)
                .map(|_| tokio::spawn(scope.clone().run(search(self.service.address, "nuts"))))
                .collect();
            let mut again = None;
            for search in searches {
                match search.await.map_err(|_| Failure::Nonsense)? {
                    Ok(_) => {}
                    Err(Failure::Refused(Error::RateLimited { retry_after, .. })) => {
                        again = Some(retry_after);
                    }
                    Err(failure) => return Err(failure),
                }
            }
            if let Some(retry_after) = again {
                tokio::time::sleep(retry_after).await;
                search(self.service.address, "nuts").await?;
                return Ok(());
            }
        }
    }
}
