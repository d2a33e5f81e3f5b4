//! The attributes of macadamia. Use them through the crate `macadamia`, which re-exports them.
//!
//! Every macro goes the same way: *parse* (`grammar`, `template`, `target`: syntax becomes a model and every
//! mistake is recorded on its own token), *model* (`function`, `key`, `keeping`, an attribute's own struct),
//! *expand* (`expand`, `handle`: printing cannot fail). An attribute is a file in `attribute/` and a line in
//! its table.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::todo,
        clippy::unreachable,
        clippy::indexing_slicing
    )
)]

mod attribute;
mod bang;
mod codec;
mod derive;
mod detach;
mod duration;
mod error;
mod expand;
mod failure;
mod fallback;
mod function;
mod grammar;
mod handle;
mod keeper;
mod keeping;
mod key;
mod krate;
mod placeholder;
mod refresh;
mod stack;
mod tags;
mod target;
mod template;
mod tokens;
mod value;

#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

/// Runs the function, stores what it returns, and returns the stored value until it expires.
///
/// ```text
/// #[cached(ttl = "3h", key = "user:<user.uid>")]
/// async fn profile(user: &User) -> Result<Profile, AppError> {
///     load(user.uid).await
/// }
/// ```
///
/// | argument | meaning |
/// |---|---|
/// | `ttl` (required) | `"1d2h3m50s"`, whole seconds, an expression, `\|value\| …`, or `"forever"` |
/// | `key` | a template, or a closure over parameters. Without it: the function's path and all parameters |
/// | `prefix = "v2"` | puts `v2:` in front of the key |
/// | `skip(db, self)` | leaves parameters out of the default key |
/// | `condition = \|value\| …`, `time_condition = "3s"` | store only if true; if computing took that long |
/// | `none_ttl`, `err_ttl` | `None` and `Err` are not stored unless one of these says how long |
/// | `jitter = "10%"` | shortens each ttl by a random share |
/// | `single_flight` (`true`) | callers of a key being computed wait for it |
/// | `lock = true`, `lock = "10s"` | on a miss, one computation across processes, see below |
/// | `when = …`, `cache = …` | goes past the cache if false; another cache |
/// | `version = 2` | entries of other versions count as absent |
/// | `codec = "json"`, `codec = MyCodec` | by what values become bytes where a backend keeps bytes: a name, or a constant; else the route's |
/// | `tags = ["users", "user:<id>"]` | templates; deleting any of them ends the entry, at once and for all |
/// | `many = ids` | each element of the parameter has an entry of its own, see below |
/// | `handle` | on a method or associated function: targets can name it, `#[invalidate(Repo::get(id = id))]` |
/// | `handle = Name`, `crate = path` | the name of a function's handle (`false`: none); where macadamia is |
///
/// It goes on async functions and methods of every kind: of traits, also under `#[async_trait]`, and on those
/// that give `impl Future` or a boxed future. Of several attributes the top one is outermost; one that is not
/// ours and wraps the body, such as `#[instrument]`, runs around all of ours when it stands below any of
/// them, and inside of them when it stands above.
///
/// A free function gets a handle of the same name: `profile::key(&user)`, `peek`, `set`, `invalidate`,
/// `refresh`, `stats`.
///
/// # One computation across processes
///
/// Callers of one process share a computation anyway. With `lock`, processes that share a backend do too:
///
/// ```text
/// process 1   miss ── lease ── look again ── run the function ── store ── release
/// process 2        miss ── held ────────────────────────────────── look ── answer
/// ```
///
/// A hit never touches the lease. It lasts ten seconds, or as long as `lock` says, and is renewed at each third of that
/// while the function runs, so that the crash of a process keeps the others waiting no longer. It is kept beside the
/// value. A computation that loses it gives its answer and does not store it (`EventKind::LeaseLost`). Nobody is
/// refused: who has waited as long as callers wait for each other (30 seconds, `CacheBuilder::wait`), or cannot reach
/// the backend, computes without a lease, and an event says so. What is recomputed on purpose (`refresh`,
/// `Scope::invalidate_further`) takes no lease.
///
/// It costs a miss two to three more commands: not for functions that are as quick as the backend.
///
/// # Many at once
///
/// ```text
/// #[cached(many = ids, ttl = "1h", key = "user:<ids>")]
/// async fn users(ids: &[u64]) -> Result<HashMap<u64, User>, AppError>
/// ```
///
/// In key and tags, `<ids>` is one element. All entries are read at once; the function is called once with the elements
/// that are missing, or not at all; elements that another call is computing are waited for first, and who wants one of the
/// others meanwhile waits with it. Elements that come to the same key share its value. What it leaves out of the
/// map counts as `None`, kept only if `none_ttl` says so; what it puts in beyond what it was asked for is dropped. An
/// `Err` is the answer of the whole call. The parameter is `&[T]` or `Vec<T>`, the answer `HashMap<K, V>`,
/// `BTreeMap<K, V>`, `Vec<(K, V)>` with `T: Clone + Into<K>`, or a `Result` of one. `condition` and closures look at one
/// value, the handle speaks of one element, and a function of one element with the same template and type shares the
/// entries. Counted is each element.
#[proc_macro_attribute]
pub fn cached(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(attribute::ALL, "cached", args.into(), item.into()).into()
}

/// Keeps values as [`macro@cached`] does, and computes them anew before they expire, beside the calls: nobody
/// waits.
///
/// ```text
/// #[early(ttl = "10m", early_ttl = "7m", key = "front_page:<lang>")]
/// async fn front_page(lang: &str) -> Result<Page, AppError> {
///     render(lang).await
/// }
/// ```
///
/// | argument | meaning |
/// |---|---|
/// | `early_ttl` (a third of `ttl`) | how long a value is fresh: `"7m"`, whole seconds, an expression |
/// | `background` (`true`) | in a task of its own; `false`: the caller who finds the value due computes it |
/// | `beta` (off) | by chance, ahead of `early_ttl`, or of `ttl` where that is not said; see below |
/// | those of [`macro@cached`] except `many` | where, for how long, on which conditions values are kept |
///
/// ```text
/// ttl = "10m"    0:00     5:00     7:00             7:01     7:02
/// early_ttl      a ────── fresh ── due ─────────────────────────────────── a would expire at 10:00
/// the function   runs              runs again, beside the calls ─── b
/// callers        wait, a  a        a                a        b             and b is fresh until 14:02
/// ```
///
/// One caller starts the refresh, and every caller has the present value at once, this one too. Only a value
/// that is not there, or has expired, is waited for. Processes that share a backend refresh once: there the
/// right to is a lease of ten seconds, renewed while the function runs, and whoever has it looks for a newer
/// value before the function runs.
///
/// # When it fails
///
/// An error, a panic, an answer that is not to be kept (a `None` without `none_ttl`, a `condition` that says
/// no) and a guard inside that refuses leave the present value where it is, for as long as its `ttl` lasts.
/// Then nobody tries for a second, after the next failure for two, four, and so on up to a minute; a success
/// ends that. With `background = false` the caller whose refresh fails gets the present value. Once that has
/// expired, the function answers for itself, errors included.
///
/// A value that is invalidated while its successor is computed is gone, and so is the successor.
///
/// # What is told
///
/// A call that gets a value which is due: `Outcome::Stale`, `EventKind::Stale`, `Stats::stale`. A refresh:
/// `EventKind::Refreshed` or `NotRefreshed`, both in `Stats::refreshed`. It is no call, so
/// [`detect`](https://docs.rs/macadamia) does not show it, and layers above this one do not see it; those
/// below run for it as they do for a call.
///
/// Failures are counted under `gen:failures:` and the key, the lease is `gen:refresh:` and the key, both in
/// the backend of the value. They are never evicted, expire by themselves, and belong to one value: its
/// successor begins with none. A backend that has no such states leaves it at one refresh at a time in each
/// process.
///
/// # What the background takes along
///
/// The refresh outlives the call, so it has its own arguments: what was passed by value is moved, of `&T` and
/// `Option<&T>` it has a copy (`Clone`, or what `ToOwned` says: a `String` for `&str`), of `&self` too. All
/// of that is `Send + 'static`, as the body is between its awaits. Copies are made when the function is about
/// to run; a hit makes none. `&mut`, and borrows inside of other types (`&[&str]`, `Query<'_>`), cannot be
/// taken along; `"{self}"` in a text is written `"{}", self`. The task runs on the tokio runtime of the
/// caller and in its [`Scope`]; where there is no runtime, the caller computes.
///
/// `background = false` asks for none of this. Then one caller waits for the new value, and the others have
/// the present one.
///
/// # By chance
///
/// `beta = 1.0`, a number or an expression of type `f64`, lets each call decide for itself, the likelier the
/// nearer the value is to its end and the longer the function takes, as XFetch does ([Vattani et al.,
/// 2015](https://www.vldb.org/pvldb/vol8/p886-vattani.pdf)): a function of two seconds is computed about two
/// seconds ahead. A greater number is earlier. It needs no guess at `early_ttl`, and many keys that were
/// stored at once are not due at once.
///
/// # When to use it
///
/// Where the origin may be slow and a value may be a little old: pages, rates, recommendations. If a value
/// should be new and an old one is only better than none, take [`macro@soft`]; if use wears it out and not
/// time, [`macro@hit`]. Not for keys that are rarely asked for: whoever comes after `ttl` waits as with
/// `cached`, so give it a `ttl` of several times the pause between two calls.
///
/// [`Scope`]: https://docs.rs/macadamia
#[proc_macro_attribute]
pub fn early(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(attribute::ALL, "early", args.into(), item.into()).into()
}

/// Keeps values as [`macro@cached`] does, computes them anew before they expire, and answers with the present
/// one if that fails.
///
/// ```text
/// #[soft(ttl = "1h", soft_ttl = "1m", key = "rate:<currency>", errors = AppError::Timeout)]
/// async fn rate(currency: &str) -> Result<Rate, AppError> {
///     ask_the_bank(currency).await
/// }
/// ```
///
/// | argument | meaning |
/// |---|---|
/// | `soft_ttl` (a third of `ttl`) | how long a value is fresh: `"1m"`, whole seconds, an expression |
/// | `errors = PATTERN` (all) | which errors the present value answers in place of; the others are returned |
/// | those of [`macro@cached`] except `many` | where, for how long, on which conditions values are kept |
///
/// ```text
/// ttl = "1h"     0:00    0:30    1:00    2:00       2:01       3:00
/// soft_ttl       a ───── fresh   b ───── due ────────────────────────────── b would expire at 61:00
/// the function   Ok(a)           Ok(b)   Err        Err        Ok(c)
/// the caller     Ok(a)   Ok(a)   Ok(b)   Ok(b)      Ok(b)      Ok(c)
/// ```
///
/// The caller who finds a value due waits for the new one; others who come meanwhile in the same process wait
/// with it and share it, those of other processes have the present value. After a failure the function is
/// left alone for a second, after the next for two, and so on up to a minute; calls have the present value
/// meanwhile, and do not wait. That pause is common to the processes that share a backend. The value is
/// answered with as long as its `ttl` lasts, and then the error comes through.
///
/// A panic is a failure for those who wait, and stays a panic for its caller. A refusal by a guard inside,
/// such as [`macro@rate_limit`], is an error like any other: with `errors`, only where the pattern fits it. A
/// `None` is an answer, and is returned.
///
/// What is there in place of an error is told as `Outcome::Stale`, with `EventKind::NotRefreshed` for the
/// attempt, in `Stats::stale`. A function with `#[cached]` that calls it does not store what it made of that.
/// Failures and the lease are kept where [`macro@early`] keeps them.
///
/// It runs the function in the call, as `cached` does, and asks nothing of its arguments. The function
/// returns a `Result`.
///
/// For values that should be new, where an old one is better than none: prices, stock, flags. [`macro@early`]
/// spares callers the wait, and may be older. [`macro@fail`] asks the function at each call. Not where an old
/// answer does harm.
#[proc_macro_attribute]
pub fn soft(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(attribute::ALL, "soft", args.into(), item.into()).into()
}

/// Keeps values as [`macro@cached`] does, each for so many answers.
///
/// ```text
/// #[hit(ttl = "1d", cache_hits = 1000, update_before = 50, key = "offer:<id>")]
/// async fn offer(id: u64) -> Result<Offer, AppError> {
///     draw(id).await
/// }
/// ```
///
/// | argument | meaning |
/// |---|---|
/// | `cache_hits` (required) | how many calls a value answers: from 1, or an expression of type `u32` |
/// | `update_before` | computed anew when so many hits are left, while the value goes on answering; from 0 |
/// | `update_after` | the same, counted from the first hit: from 1 |
/// | `background` (`true`) | with one of these: in a task of its own, or by the caller whose hit it is |
/// | those of [`macro@cached`] except `many` | where, for how long, on which conditions values are kept |
///
/// ```text
/// cache_hits = 4                    call   1   2   3   4   5   6   7   8   9
///                               function   a                   b
///                                 caller   a   a   a   a   a   b   b   b   b
///
/// cache_hits = 4, update_before = 1 call   1   2   3   4   5   6   7   8   9
///                               function   a           b           c
///                                 caller   a   a   a   a   b   b   b   c   c    b was there by then
/// ```
///
/// The count is exact, however many call at once: the call after the last hit computes, and who comes
/// meanwhile in the same process waits for it and shares the answer. `ttl` ends a value that is not asked
/// for. If computing fails, the present value goes on while its `ttl` lasts, with the pauses that
/// [`macro@early`] makes. A refresh ahead of the last hit is one of `early` in all the rest: the caller does
/// not wait, one process does it, the arguments are taken along as told there, and calls until it is done are
/// `Outcome::Stale`.
///
/// Each value has its own count. In memory it is in the entry; in a backend of bytes it is under `hit:` and
/// the key, beside the value: one more command for each hit, shared by all processes, never evicted, gone
/// with the value's `ttl`. A hit that cannot be counted is an answer all the same, and an event tells of it.
///
/// For what wears out by use: a token of so many requests, a draw that should change, a page that is worth
/// computing as often as it is read. Where age is what matters, [`macro@early`] and [`macro@soft`] cost no
/// count.
#[proc_macro_attribute]
pub fn hit(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(attribute::ALL, "hit", args.into(), item.into()).into()
}

/// Runs the function always; when it fails, returns what it last gave, if that is younger than `ttl`.
///
/// ```text
/// #[fail(ttl = "2h", key = "rates:<currency>", errors = AppError::Timeout | AppError::Http(_))]
/// async fn rates(currency: &str) -> Result<Rates, AppError> {
///     ask_the_bank(currency).await
/// }
/// ```
///
/// | argument | meaning |
/// |---|---|
/// | `ttl` (required) | for how long an answer is good: `"2h"`, whole seconds, an expression, or `"forever"` |
/// | `errors = PATTERN` (all) | which errors are answered in place of; the others are returned as they are |
/// | `key`, `prefix`, `skip(db, self)` | what tells answers apart, as in [`macro@cached`]; `prefix = "v2"` makes `fail:v2:<key>` |
/// | `when = …`, `cache = …`, `crate = path` | the function alone if false; another cache; where macadamia is |
/// | `codec = "json"` | as in [`macro@cached`]; another attribute of the function says its own |
/// | `handle = Name` | as in [`macro@cached`], where no other attribute has the handle of the function |
///
/// ```text
/// ttl = "2h"     0:00    1:00    2:00    2:59    3:00
/// the function   Ok(a)   Ok(b)   Err     Err     Err
/// the caller     Ok(a)   Ok(b)   Ok(b)   Ok(b)   Err      b is two hours old
/// ```
///
/// Every success is kept, `Ok(None)` too: it is what the function last said, and what was there before it must not come
/// back. A refusal by a guard inside, such as [`macro@rate_limit`], is an error like any other: without `errors` it is
/// answered in place of, with a pattern only where that fits it. A panic is no error.
///
/// Age is exact and counts from the last success; a fallback renews nothing. The call waits until its answer is kept.
/// Where the backend is a server, an answer that has not changed is written again only after a tenth of `ttl`, at most
/// a second, and another process may take it for that much older.
///
/// What was kept is a fallback, and told as one: `Outcome::Fallback` in `detect` with the error behind it, an event,
/// `Stats::fallbacks`. No attribute around it, on this function or on one that calls it, stores an answer that is made of a
/// fallback, nor does who waited for such an answer.
///
/// Answers are kept under `fail:` and the key: in the route that names that prefix, else in the route of the key. Who
/// invalidates keys, by `#[invalidate]`, [`purge!`] or the handle, means what is kept of them too; who names the function
/// means it under whatever key, and all of it where the keys do not have the given placeholders in common. (Not
/// under a key made by code beside another attribute with another key.) Deleting tags does not reach it, nor does the command
/// `delete`. What the function computes while its key is invalidated is not kept.
///
/// It never makes an error of its own: a backend that is broken, an entry that cannot be read, a value that cannot be
/// written there are events, and the call has the function's own answer. The value must be `Clone + Send + Sync`; the
/// error is held while a server is asked, so the call can be sent between threads if its error can.
///
/// Not for spending less: the function runs each time, and each success is a store. For that, [`macro@cached`]. Not where an
/// old answer is worse than none: a balance before a payment, a permission that may have been withdrawn.
#[proc_macro_attribute]
pub fn fail(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(attribute::ALL, "fail", args.into(), item.into()).into()
}

/// Removes from the cache what the function changes, when it has succeeded.
///
/// ```text
/// #[invalidate(profile(user.uid = id), "users:page:*")]
/// async fn rename(id: u64, name: String) -> Result<(), AppError> {
///     store(id, name).await
/// }
/// ```
///
/// Targets are functions and methods (a placeholder left out, or `= _`, is any value), patterns in which `*` is any
/// run of characters, and tags: `tags = ["users", "user:<id>"]`. `on = "always"` does it whatever the function returns, `on = "before"` before it runs.
#[proc_macro_attribute]
pub fn invalidate(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(attribute::ALL, "invalidate", args.into(), item.into()).into()
}

/// Runs one call of a key at a time, across processes where they share the backend; the others wait.
///
/// ```text
/// #[locked(key = "account:<from>", wait = "5s", fence = token)]
/// async fn withdraw(from: AccountId, cents: u64) -> Result<Receipt, AppError> {   // AppError: From<macadamia::Error>
///     ledger().withdraw(from, cents, token.get()).await
/// }
/// ```
///
/// | argument | meaning |
/// |---|---|
/// | `wait` (`true`) | how long to wait: `true` is 60 seconds, `"5s"`, whole seconds, or an expression: a `bool`, a `Duration`, … When it is over, `Error::LockTimeout`; with `false`, `Error::Locked` at once |
/// | `ttl` (`"10s"`) | the lease: `"30s"`, whole seconds, or an expression of type `Duration` |
/// | `fence = name` | a variable of type `Fence` in the body, and in the layers inside: the number of this acquisition |
/// | `key`, `prefix`, `skip(db, self)` | who waits for whom, as in [`macro@cached`]: without `key`, calls with the same arguments |
/// | `when = …`, `cache = …`, `crate = path` | runs without the lock if false; another cache; where macadamia is |
///
/// Three callers, `ttl = "10s"`, a function that takes 15 seconds:
///
/// ```text
///            0     3     6     9     12    15                    30
/// a          runs ─┴─────┴─────┴─────┴─────► answer                      the lease is renewed at each third
/// b              waits in line ────────────┤ runs ───────────────► answer
/// c                   waits in line ─────────────────────────────┤ runs …
/// ```
///
/// Who waits in this process is served in order of arrival and wakes at the release; locks of other processes are
/// asked for every 10 to 200 milliseconds. Whatever ends the holder releases: an answer, an error, a panic, being
/// dropped at any await. If its process is killed, or the release does not reach the backend, the lock is free when the
/// lease is over. They are the locks of `Cache::lock`: under `lock:` and the key, in the route that names that prefix,
/// else in the route of the key.
///
/// A holder can lose its lease all the same: its process stood still for longer, the backend cannot be reached, somebody
/// cleared it. Then another runs beside it. The holder still gives its answer, `EventKind::LeaseLost` tells of it, and no
/// value strategy inside stores what was computed under the lost lease. What the lock protects from two at once has to
/// check the fence: of two holders the later has the greater number, so refuse what comes with a smaller one than was
/// seen.
///
/// A backend that fails lets the call through, and an event says so; with `fence` it is refused with that error, because
/// there is no number to give. `when = false`, locks that are switched off (`Command::Lock`) and a key that cannot be
/// made (a value of the key context is not set) let it through too: its fence is 0, of one who holds nothing.
///
/// A function that comes to ask for a lock that it runs under, directly or through others, gets `Error::Locked` at once
/// instead of waiting for itself. That is seen within one task only: a task that the holder spawns and waits for, and two
/// functions that each hold what the other asks for, wait until their time is over.
///
/// The function returns `Result<_, E>` with `E: From<macadamia::Error>`. Two locks on one function differ in their key,
/// by `prefix` if by nothing else. Of several attributes the top one is outermost: below `cached`, hits wait for nobody.
///
/// Not to spare the source of a cached value: that is `cached` with `lock`, which never refuses. Not around what takes
/// milliseconds and is called in crowds: they queue.
#[proc_macro_attribute]
pub fn locked(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(attribute::ALL, "locked", args.into(), item.into()).into()
}

/// Admits so many calls of a key in so much time; the others get `Error::RateLimited` and the function does not run.
///
/// ```text
/// #[rate_limit(limit = 100, period = "1m", key = "search:<user.id>", algorithm = "sliding")]
/// async fn search(user: &User, words: &str) -> Result<Found, AppError>   // AppError: From<macadamia::Error>
/// ```
///
/// | argument | meaning |
/// |---|---|
/// | `limit` (required) | a whole number from 1, or an expression of type `u32`; of zero, every call is refused |
/// | `period` (required) | `"1m"`, whole seconds, or an expression of type `Duration` |
/// | `algorithm` (`"fixed"`) | how calls are counted, see below |
/// | `ttl` (the period) | how long a ban lasts, of `"fixed"` |
/// | `key`, `prefix`, `skip(db, self)` | who is counted together, as in [`macro@cached`]: without `key`, calls with the same arguments |
/// | `when = …`, `cache = …`, `crate = path` | lets the call through uncounted if false; another cache; where macadamia is |
///
/// | algorithm | admits | state of a key |
/// |---|---|---|
/// | `"fixed"` | `limit` calls in a window that begins with the first. The call beyond it begins a ban of `ttl`, at least to the end of the window; calls during the ban do not prolong it. Around the moment where two windows meet there can be twice as many | 17 bytes |
/// | `"sliding"` | never more than `limit` in any window of the period, and again as soon as one of them has left it. Refused calls are not counted. Above a limit of 128, a place may become free later, by up to a 128th of the period | up to 1.6 KiB |
/// | `"gcra"` | evenly: calls are kept `period / limit` apart, without bursts. Refused calls are not counted | 9 bytes |
///
/// `limit = 3, period = "10s"`, a call each second:
///
/// ```text
///            0  1  2  3  4  5  6  7  8  9 10 11 12 13 14
/// fixed      x  x  x  -  -  -  -  -  -  -  -  -  -  x  x    banned at 3 for 10 s
/// sliding    x  x  x  -  -  -  -  -  -  -  x  x  x  -  -
/// gcra       x  -  -  -  x  -  -  -  x  -  -  -  x  -  -    3.3 s apart
/// ```
///
/// `retry_after` is exact: after that long the call is admitted, if no other comes before. States are kept under
/// `rate_limit:` and the key: in the route that names that prefix, else in the route of the key. They are never evicted while
/// they bind, and gone after. Functions that share a key share its state; give them the same limit. Two limits on one
/// function differ in their key, by `prefix` if by nothing else. A backend that is
/// shared by processes counts them together; memory counts its own.
///
/// The function returns `Result<_, E>` with `E: From<macadamia::Error>`. Of several attributes the top one is
/// outermost: below `cached`, hits are not counted. Whom to count is unknown without a key (a value of the key
/// context is not set) and when the backend fails: then the call is let through and an event says so.
///
/// Not for what must never be exceeded, whatever fails: there, let the protected resource refuse.
#[proc_macro_attribute]
pub fn rate_limit(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(attribute::ALL, "rate_limit", args.into(), item.into()).into()
}

/// Leaves a function that fails too often alone for a while, and lets a few calls try it before all may again.
///
/// ```text
/// #[circuit_breaker(errors_rate = 50, period = "1m", ttl = "30s", errors = AppError::Timeout | AppError::Http(_))]
/// async fn charge(order: &Order) -> Result<Receipt, AppError>   // AppError: From<macadamia::Error>
/// ```
///
/// | argument | meaning |
/// |---|---|
/// | `errors_rate` (required) | the share of failed calls that opens it, in percent: above 0 and up to 100, whole or not, or an expression of type `f64` |
/// | `period` (required) | the time over which calls are counted: `"1m"`, whole seconds, or an expression of type `Duration` |
/// | `ttl` (required) | how long it stays open |
/// | `half_open_calls` (1) | how many probes run at once while it is half-open, and how many must succeed for it to close: 1 to 128, or an expression of type `u32` |
/// | `half_open_ttl` (`ttl`) | how long a probe may take before another call may be one in its place |
/// | `min_calls` (10) | fewer calls than this in a period do not open it |
/// | `errors = PATTERN` (all) | which errors are failures; the others are answers like any other |
/// | `slow_call = "2s"` | a call that took at least this long has failed, whatever it returned; what it returned is given |
/// | `key`, `prefix`, `skip(…)` | which calls are judged together, as in [`macro@cached`]. Without `key`: all of the function, whatever their arguments |
/// | `when = …`, `cache = …`, `crate = path` | goes past the breaker if false; another cache; where macadamia is |
///
/// ```text
///              enough calls, errors_rate of them failed              ttl is over, a call comes
///      closed ──────────────────────────────────────────► open ────────────────────────────────► half-open
///   all calls run                                    none runs                               only probes run
///        ▲                                               ▲                                         │ │
///        │                                               └──────────── a probe failed ─────────────┘ │
///        └───────────────────────── half_open_calls probes succeeded ────────────────────────────────┘
/// ```
///
/// Calls that do not run get `Error::CircuitOpen`. `errors_rate = 50, period = "10s", ttl = "5s", min_calls = 4`, a
/// call each second, which fails from 2 to 7:
///
/// ```text
///            0  1  2  3  4  5  6  7  8  9 10 11 12 13 14
/// returns    o  o  x  x  -  -  -  -  o  o  o  o  o  o  o
/// closed     ────────►                ─────────────────►    at 8 a probe succeeded: the counts begin anew
/// open               ───────────────►                       at 3 two of four had failed
/// ```
///
/// A call is counted when it ends, for nine to ten tenths of a `period`. `retry_after` is exact: until a probe is let
/// through, or until the permit of the first probe can be another's. A probe that is cancelled gives its permit back
/// and says nothing; one that panics has failed; one that has not ended after `half_open_ttl` counts until another
/// takes its place. What ends in a later state than it began in does not count. A cancelled call fails only if it had
/// taken `slow_call` by then: with a timeout around the function, give `slow_call` a shorter time, or the calls that hang
/// are never counted.
///
/// Of several attributes the top one is outermost. What layers inside answer says nothing of the function: neither
/// hits, present values and fallbacks, nor refusals by our own guards, unless `errors` fits them.
///
/// The state is under `circuit_breaker:` and the key: in the route that names that prefix, else in the route of the
/// key; at most 2 KiB, never evicted while it binds. A backend that is shared by processes makes one breaker of
/// theirs; memory keeps one for each. It remembers for a day that it was open. Two breakers of one function differ in
/// their key, by `prefix` if by nothing else. Without a key (a value of the key context is not set) and when the
/// backend fails, calls are let through and an event says so. The transitions are events as well: `CircuitOpened`,
/// `CircuitHalfOpened`, `CircuitClosed`.
///
/// The function returns `Result<_, E>` with `E: From<macadamia::Error>`.
///
/// Not for errors that are the caller's fault: leave those out of `errors`, or one caller opens it for all. Not for one
/// function that speaks to several servers: give it a `key` that names the server. And not for what fails cheaply and
/// harms nobody by being tried.
#[proc_macro_attribute]
pub fn circuit_breaker(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(attribute::ALL, "circuit_breaker", args.into(), item.into()).into()
}

/// Spares a function that has become slow: calls are refused for a while.
///
/// ```text
/// #[perf(ttl = "5m", trace_size = 20, factor = 3)]
/// async fn report(month: Month) -> Result<Report, AppError>   // AppError: From<macadamia::Error>
/// ```
///
/// | argument | meaning |
/// |---|---|
/// | `ttl` (required) | how long calls are refused then: `"5m"`, whole seconds, or an expression of type `Duration` |
/// | `trace_size` (10) | with how many of the last calls a call is compared: 1 to 128, or an expression of type `u32` |
/// | `factor` (2) | how many times their mean is slow: above 1, or an expression of type `f64` |
/// | `key`, `prefix`, `skip(…)` | which calls are compared, as in [`macro@cached`]. Without `key`: all of the function, whatever their arguments |
/// | `when = …`, `cache = …`, `crate = path` | goes past it if false; another cache; where macadamia is |
///
/// ```text
///             a call took more than factor × the mean of the last trace_size
///   traced ──────────────────────────────────────────────────────────────────► degraded
///  calls run                                                            calls get Error::Degraded
///      ▲                                                                           │
///      └─────────────────────── ttl is over: an empty trace ───────────────────────┘
/// ```
///
/// `ttl = "20s", trace_size = 3`, a call every ten seconds:
///
/// ```text
///            0    10    20    30    40    50    60    70    80    90
/// takes     1 s   1 s   1 s   2 s   3 s    -     -    3 s   3 s   3 s
/// mean of    -     -     -    1 s  1.3 s              -     -     -
///                                   ▲ more than 2.7 s: this call gets its answer, those until 63 s are refused
/// ```
///
/// `retry_after` is exact. Only answers of the function are measured: neither hits, present values, fallbacks and
/// refusals of layers inside, nor calls that are cancelled or panic. An error that comes fast does not lower the mean;
/// one that comes late degrades. A call that began before the last degradation was over does not count. An event,
/// `Degraded`, tells of each.
///
/// The state is under `perf:` and the key: in the route that names that prefix, else in the route of the key; 9 bytes
/// and 8 for each call of the trace, kept for a week after the last one. Without a key and when the backend fails,
/// calls are let through and an event says so. The function returns `Result<_, E>` with `E: From<macadamia::Error>`.
///
/// Not where calls take very different times by nature: give those a `key` that tells them apart, or a
/// [`macro@circuit_breaker`] with `slow_call`, which asks how many are slow and not whether one is. Not for what takes
/// microseconds: there one interruption is many times the mean.
#[proc_macro_attribute]
pub fn perf(args: TokenStream, item: TokenStream) -> TokenStream {
    expand::attribute(attribute::ALL, "perf", args.into(), item.into()).into()
}

/// The key of a template, or of a function for these placeholders: `key!("user:<id>")`,
/// `key!(profile(user.uid = id))`.
#[proc_macro]
pub fn key(tokens: TokenStream) -> TokenStream {
    bang::key(tokens.into()).into()
}

/// Removes targets as `#[invalidate]` does: `purge!(items(page = 3), "user:<id>").await?`,
/// `purge!(tags = ["items"]).await?`.
#[proc_macro]
pub fn purge(tokens: TokenStream) -> TokenStream {
    bang::purge(tokens.into()).into()
}

/// A `Duration` checked at build time: `duration!("1d2h")`.
#[proc_macro]
pub fn duration(tokens: TokenStream) -> TokenStream {
    bang::duration(tokens.into()).into()
}

/// A value as a part of a key, field by field: `(eu,7)`, and for enums `Variant(…)`. A struct of one unnamed
/// field is written as that field.
///
/// `#[key_part(skip)]` leaves a field out.
#[proc_macro_derive(KeyPart, attributes(key_part))]
pub fn key_part(item: TokenStream) -> TokenStream {
    derive::key_part(item.into()).into()
}
