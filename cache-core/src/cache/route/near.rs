//! What a route's backend keeps near: decoded entries of a server.

use std::sync::Arc;

use super::Route;
use crate::coder::Coding;
use crate::entry::Entry;
use crate::error::Result;
use crate::key::Key;

impl Route {
    /// The entry with its value as the type it was, kept near if there is such a place.
    pub(super) fn decoded_near(&self, entry: Arc<Entry>, coding: Coding) -> Result<Arc<Entry>> {
        let offer = entry.offer().cloned();
        let entry = self.decoded(entry, coding)?;
        Ok(match (offer, self.backend.near()) {
            // What nobody has decoded would be of no use to others. A bare number is what it is.
            (Some(offer), Some(near)) if entry.payload().is_none() => offer.take(near, entry),
            _ => entry,
        })
    }

    /// The living entries of several keys, decoded: those near that `fit`, and the backend is asked for the rest. Each
    /// on its own may be unreadable.
    pub(crate) async fn get_many_near(
        &self,
        keys: &[Key],
        coding: Coding,
        fits: impl Fn(&Entry) -> bool + Send,
    ) -> Result<Vec<Result<Option<Arc<Entry>>>>> {
        let Some(near) = self.backend.near() else { return self.get_many(keys, coding).await };
        let mut found: Vec<Result<Option<Arc<Entry>>>> = Vec::with_capacity(keys.len());
        let (mut asked, mut places) = (Vec::new(), Vec::new());
        for (place, key) in keys.iter().enumerate() {
            let entry = near.get(self.spelled(key).as_key());
            let entry = entry.filter(|entry| entry.is_alive(&*self.clock) && fits(entry));
            if entry.is_none() {
                asked.push(key.clone());
                places.push(place);
            }
            found.push(Ok(entry));
        }
        if asked.is_empty() {
            return Ok(found);
        }
        let answers = match self.get_many(&asked, coding).await {
            Ok(answers) => answers,
            Err(error) if places.len() == keys.len() => return Err(error),
            // What is near is there all the same.
            Err(error) => places.iter().map(|_| Err(error.clone())).collect(),
        };
        for (place, answer) in places.into_iter().zip(answers) {
            if let Some(found) = found.get_mut(place) {
                *found = answer;
            }
        }
        Ok(found)
    }
}
