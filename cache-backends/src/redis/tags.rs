//! Generations of tags.
//!
//! A record is kept for as long as something carries its generation, and for an hour or two for what is being computed.
//! One that was lost is a generation that is over: nonces are random, so none comes back.

use std::collections::BTreeMap;

use cache_core::{Entry, Error, Key, Moment, Result, Stamp};
use futures_util::future::join_all;
use redis::Value;

use super::link::Lane;
use super::store::Store;
use super::{fault, names, record, scripts};

/// How long a computation may take between being given a generation and storing, in milliseconds: an hour. And by how
/// much a record is kept longer than asked for, so that it is written once an hour and not with each store.
const HELD: u64 = 3_600_000;

/// So many tags are asked about at once.
const PART: usize = 1_000;

impl Store {
    pub(super) async fn stamp(&self, tags: &[Key]) -> Result<Vec<Stamp>> {
        let (least, hold) = (HELD.to_string(), (2 * HELD).to_string());
        let mut stamps = Vec::with_capacity(tags.len());
        for tags in tags.chunks(PART) {
            let names: Vec<Vec<u8>> = tags.iter().map(|tag| names::tag(tag.as_str())).collect();
            let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
            let (names, groups) = (&names, self.link.together(&names));
            let asked = groups.iter().map(|group| async {
                let keys: Vec<&[u8]> = group.iter().filter_map(|at| names.get(*at).copied()).collect();
                let fresh: Vec<_> = keys.iter().map(|_| fastrand::u64(1..).to_le_bytes()).collect();
                let mut args: Vec<&[u8]> = vec![least.as_bytes(), hold.as_bytes()];
                args.extend(fresh.iter().map(|nonce| &nonce[..]));
                let answer = self.link.run(Lane::Write, "tags", &scripts::STAMP, &keys, &args).await?;
                let Value::Array(nonces) = answer else { return Err(fault::unexpected("a script", &answer)) };
                Ok(group.iter().copied().zip(nonces).collect::<Vec<_>>())
            });
            let mut nonces = vec![0; tags.len()];
            for answer in join_all(asked).await {
                for (at, nonce) in answer? {
                    if let (Some(slot), Value::BulkString(bytes)) = (nonces.get_mut(at), nonce) {
                        *slot = bytes.try_into().map(u64::from_le_bytes).unwrap_or_default();
                    }
                }
            }
            if nonces.contains(&0) {
                return Err(Error::backend("the generation of a tag is damaged"));
            }
            stamps.extend(tags.iter().zip(nonces).map(|(tag, nonce)| Stamp::new(tag.clone(), nonce)));
        }
        Ok(stamps)
    }

    pub(super) async fn generations(&self, tags: &[Key]) -> Result<Vec<Option<u64>>> {
        let mut generations = Vec::with_capacity(tags.len());
        for tags in tags.chunks(PART) {
            let names: Vec<Vec<u8>> = tags.iter().map(|tag| names::tag(tag.as_str())).collect();
            let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
            let records = self.link.read_many(&names).await?;
            generations.extend(records.iter().map(|record| match record {
                Value::BulkString(bytes) => record::generation(bytes),
                _ => None,
            }));
        }
        Ok(generations)
    }

    pub(super) async fn delete_tags(&self, tags: &[Key]) -> Result<()> {
        for tags in tags.chunks(PART) {
            let names: Vec<Vec<u8>> = tags.iter().map(|tag| names::tag(tag.as_str())).collect();
            let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
            let (names, groups) = (&names, self.link.together(&names));
            let asked = groups.iter().map(|group| {
                let keys: Vec<&[u8]> = group.iter().filter_map(|at| names.get(*at).copied()).collect();
                let mut command = redis::cmd("UNLINK");
                keys.iter().for_each(|key| {
                    command.arg(*key);
                });
                let first = keys.first().copied().unwrap_or_default().to_vec();
                async move { self.link.ask(Lane::Write, &first, "delete_tags", command).await }
            });
            for answer in join_all(asked).await {
                // A backend without this verb has no tags, and so nothing to end. Here there are some.
                answer.map_err(|error| match error {
                    Error::Unsupported { .. } => Error::backend("this user may not delete tags"),
                    error => error,
                })?;
            }
        }
        Ok(())
    }

    /// Has the generations kept that entries carry, for as long as those live. One that is lost ends an entry too early,
    /// and nothing more, so that this failed is no failure of the store.
    pub(super) async fn carried(&self, entries: &[&Entry], moment: Moment) {
        let soon = moment.wall.saturating_add(HELD * 1_000_000);
        // Of what many of them carry only the latest end matters.
        let mut latest: BTreeMap<(&str, u64), u64> = BTreeMap::new();
        for entry in entries {
            let until = moment.wall_of(entry.expires());
            // For so long they are kept in any case, since it was computed with them.
            if until > soon {
                for stamp in entry.stamps() {
                    let known = latest.entry((stamp.tag().as_str(), stamp.nonce())).or_insert(until);
                    *known = until.max(*known);
                }
            }
        }
        let all: Vec<_> = latest.into_iter().collect();
        let longer = HELD.to_string();
        for part in all.chunks(PART) {
            let names: Vec<Vec<u8>> = part.iter().map(|((tag, _), _)| names::tag(tag)).collect();
            let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
            let groups = self.link.together(&names);
            let (names, longer) = (&names, &longer);
            let asked = groups.into_iter().map(|group| async move {
                let keys: Vec<&[u8]> = group.iter().filter_map(|at| names.get(*at).copied()).collect();
                let mut args = vec![longer.clone().into_bytes()];
                for ((_, nonce), until) in group.iter().filter_map(|at| part.get(*at)) {
                    args.extend([nonce.to_le_bytes().to_vec(), super::store::millis(*until)]);
                }
                let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
                let _ = self.link.run(Lane::Write, "tags", &scripts::PROLONG, &keys, &args).await;
            });
            join_all(asked).await;
        }
    }
}
