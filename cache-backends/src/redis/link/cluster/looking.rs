//! Asking the servers who has what: one look at a time, whoever needs it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cache_core::{BoxFuture, Clock, Result, SystemClock};
use futures_util::FutureExt;
use futures_util::future::{Either, Shared, join_all, select, select_ok};
use tokio::sync::oneshot;

use super::place::Address;
use super::table::{Range, Table};
use super::{Cluster, Lane, State};
use crate::redis::fault;
use crate::redis::link::pool::Pool;

/// Between two looks that nobody waits for. While a master is dead many commands ask for one.
const PAUSE: Duration = Duration::from_millis(100);

/// By so much a look may take longer than it may take, until it counts as one that nobody goes on with.
const GRACE: Duration = Duration::from_millis(250);

/// So many servers are asked at once; the first that knows is believed. One of them may be the one that hangs.
const AT_ONCE: usize = 3;

type Look = Shared<BoxFuture<'static, Result<Arc<Table>>>>;

/// What is under way, and when the last came to its end.
#[derive(Default)]
pub(super) struct Looking {
    under_way: Option<Look>,
    /// Which it is, and when it last got on.
    number: u64,
    got_on: Option<Instant>,
    ended: Option<Instant>,
    /// What the last look found besides masters.
    others: Vec<Address>,
}

impl Cluster {
    /// Has the table made anew, in the background and not too often.
    pub(super) fn look_again(self: &Arc<Self>) {
        let mut state = self.state();
        if self.under_way(&state).is_none() {
            let since = state.looking.ended.map_or(PAUSE, |ended| ended.elapsed());
            drop(self.begin(&mut state, PAUSE.saturating_sub(since)));
        }
    }

    /// Waits for the table.
    pub(super) async fn look(self: &Arc<Self>) -> Result<Arc<Table>> {
        loop {
            let look = {
                let mut state = self.state();
                match self.under_way(&state) {
                    Some(look) => look,
                    None => self.begin(&mut state, Duration::ZERO),
                }
            };
            let patience = SystemClock.sleep_until(SystemClock.now().after(self.patience()));
            if let Either::Left((table, _)) = select(look, patience).await {
                return table;
            }
        }
    }

    /// The look that is under way and goes on: of one whose runtime stands still nothing is to be hoped.
    fn under_way(&self, state: &State) -> Option<Look> {
        let is_stuck = state.looking.got_on.is_some_and(|got_on| got_on.elapsed() > self.patience());
        state.looking.under_way.clone().filter(|_| !is_stuck)
    }

    /// How long some of the servers may be asked.
    fn patience(&self) -> Duration {
        self.settings.create_connection_timeout + GRACE
    }

    fn begin(self: &Arc<Self>, state: &mut State, pause: Duration) -> Look {
        let (told, heard) = oneshot::channel();
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            let none = std::future::ready(Err(fault::unreachable("there is no Tokio runtime here")));
            return (Box::pin(none) as BoxFuture<'static, _>).shared();
        };
        let look: BoxFuture<'static, _> = Box::pin(async move {
            heard.await.unwrap_or_else(|_| Err(fault::unreachable("the runtime that was looking has ended")))
        });
        let look = look.shared();
        state.looking.under_way = Some(look.clone());
        state.looking.number += 1;
        state.looking.got_on = Some(Instant::now());
        let number = state.looking.number;
        let end = End(Arc::clone(self), number);
        runtime.spawn(async move {
            tokio::time::sleep(pause).await;
            let found = end.0.find(number).await;
            drop(end);
            let table = found.as_ref().ok().cloned();
            let _ = told.send(found);
            if let Some(table) = table {
                // So that each has told its time, and none has to be waited for later.
                let open = |master: Arc<Pool>| async move { drop(master.wire(Lane::Write).await) };
                join_all(table.masters().iter().cloned().map(open)).await;
            }
        });
        look
    }

    /// Asks those that are known, and those that were named.
    async fn find(self: &Arc<Self>, number: u64) -> Result<Arc<Table>> {
        let mut last = fault::unreachable("no server of the cluster was named");
        let mut candidates = self.candidates();
        while !candidates.is_empty() {
            let rest = candidates.split_off(candidates.len().min(AT_ONCE));
            {
                let mut state = self.state();
                if state.looking.number != number {
                    return Err(fault::unreachable("it took too long to look who has which slot"));
                }
                state.looking.got_on = Some(Instant::now());
            }
            let asked = candidates.into_iter().map(|pool| Box::pin(self.ask_for_slots(pool)));
            match select_ok(asked).await {
                Ok((ranges, _)) => match self.believe(&ranges, number) {
                    Some(table) => return Ok(table),
                    None => last = fault::unreachable("another look was begun meanwhile"),
                },
                Err(error) => last = error,
            }
            candidates = rest;
        }
        Err(last)
    }

    fn candidates(&self) -> Vec<Arc<Pool>> {
        let mut state = self.state();
        let mut known = state.table.as_ref().map(|table| table.masters().to_vec()).unwrap_or_default();
        let others = std::mem::take(&mut state.looking.others);
        known.extend(others.iter().map(|address| self.pool_in(&mut state, address)));
        state.looking.others = others;
        fastrand::shuffle(&mut known);
        let mut named: Vec<_> =
            self.settings.servers().map(|address| self.pool_in(&mut state, &address)).collect();
        fastrand::shuffle(&mut named);
        named.retain(|pool| !known.iter().any(|known| Arc::ptr_eq(known, pool)));
        known.extend(named);
        known
    }

    async fn ask_for_slots(&self, pool: Arc<Pool>) -> Result<Vec<Range>> {
        let ask = async {
            let wire = pool.wire(Lane::Write).await?;
            let mut command = redis::cmd("CLUSTER");
            command.arg("SLOTS");
            let answer = wire.ask(&command).await.map_err(|error| fault::of("cluster", &error))?;
            let ranges = Range::read(&answer, pool.address());
            ranges.ok_or_else(|| fault::unexpected("CLUSTER SLOTS", &answer))
        };
        let ranges = match tokio::time::timeout(self.settings.create_connection_timeout, ask).await {
            Ok(answer) => answer?,
            Err(_) => return Err(fault::unreachable(format_args!("{} says nothing", pool.address()))),
        };
        if ranges.is_empty() {
            return Err(fault::unreachable(format_args!("{} knows of no slots", pool.address())));
        }
        Ok(ranges)
    }

    /// Unless another look was begun meanwhile, which knows better.
    fn believe(&self, ranges: &[Range], number: u64) -> Option<Arc<Table>> {
        let mut state = self.state();
        if state.looking.number != number {
            return None;
        }
        let table = Arc::new(Table::new(ranges, |address| self.pool_in(&mut state, address)));
        state.table = Some(Arc::clone(&table));
        state.looking.others =
            ranges.iter().flat_map(|range| range.servers.iter().skip(1).cloned()).collect();
        state.looking.others.sort();
        state.looking.others.dedup();
        self.clock.keep(|source| table.masters().iter().any(|master| master.source() == source));
        // The others need no connection before they are asked again.
        state.pools.retain(|_, pool| {
            let has_slots = table.masters().iter().any(|master| Arc::ptr_eq(master, pool));
            if !has_slots {
                pool.close();
            }
            has_slots
        });
        Some(table)
    }
}

/// The look is over, also when its runtime has ended amid it.
struct End(Arc<Cluster>, u64);

impl Drop for End {
    fn drop(&mut self) {
        let mut state = self.0.state();
        if state.looking.number != self.1 {
            return;
        }
        state.looking.under_way = None;
        state.looking.ended = Some(Instant::now());
    }
}

impl std::fmt::Debug for Looking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Looking").field("is_under_way", &self.under_way.is_some()).finish_non_exhaustive()
    }
}
