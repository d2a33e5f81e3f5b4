//! Keys and patterns that are taken for something else.

use macadamia::{Backend, Key, Pattern, Result};

use super::{Defect, State};

/// The key as the defective one takes it.
pub fn key(defect: Defect, key: &Key) -> Key {
    let text = key.as_str();
    match defect {
        Defect::KeysEndAt250 => Key::from(text.chars().take(250).collect::<String>()),
        Defect::KeysEndAtNul => Key::from(text.split('\0').next().unwrap_or_default()),
        Defect::KeysAreTrimmed => Key::from(text.trim()),
        Defect::KeysAreLowerCase => Key::from(text.to_lowercase()),
        _ => key.clone(),
    }
}

impl State {
    pub async fn scan(&self, pattern: &Pattern) -> Result<Vec<Key>> {
        match self.defect {
            Defect::ListsReserved => {
                let mut keys = self.wire.scan(pattern).await?;
                if pattern.as_str() == "*" {
                    keys.extend(self.wire.scan(&"lock:*".into()).await?);
                }
                Ok(keys)
            }
            Defect::ListsOnePage => {
                let mut keys = self.wire.scan(pattern).await?;
                keys.truncate(1_000);
                Ok(keys)
            }
            Defect::ListsTwice => {
                let mut keys = self.wire.scan(pattern).await?;
                keys.extend(keys.first().cloned());
                Ok(keys)
            }
            Defect::ListsExpired => Ok(self.stored.lock().unwrap().keys().cloned().collect()),
            _ => self.matching(pattern).await,
        }
    }

    pub async fn delete_match(&self, pattern: &Pattern) -> Result<u64> {
        let keys = match self.defect {
            Defect::PatternKeepsRights => {
                self.rights.pardon(|key| pattern.matches(key.as_str()));
                return self.wire.delete_match(pattern).await;
            }
            Defect::DeletesReserved if pattern.as_str() == "*" => {
                self.wire.delete_match(&"lock:*".into()).await?;
                return self.wire.delete_match(pattern).await;
            }
            Defect::DeletesOnePage => {
                let mut keys = self.wire.scan(pattern).await?;
                keys.truncate(1_000);
                keys
            }
            Defect::PatternsAreGlobs | Defect::PatternsAreRegexes | Defect::StarsStopAtLines => {
                self.matching(pattern).await?
            }
            _ => return self.wire.delete_match(pattern).await,
        };
        self.wire.delete_many(&keys).await
    }

    /// What matches, as the defective one understands it.
    async fn matching(&self, pattern: &Pattern) -> Result<Vec<Key>> {
        let any = match self.defect {
            Defect::PatternsAreGlobs => Some('?'),
            Defect::PatternsAreRegexes => Some('.'),
            Defect::StarsStopAtLines => {
                let mut keys = self.wire.scan(pattern).await?;
                keys.retain(|key| !key.as_str().contains('\n'));
                return Ok(keys);
            }
            _ => None,
        };
        let Some(any) = any else { return self.wire.scan(pattern).await };
        let mut keys = self.wire.scan(&"*".into()).await?;
        keys.retain(|key| resembles(pattern.as_str(), key.as_str(), any));
        Ok(keys)
    }
}

/// Whether the text is of that pattern, where `any` stands for any character.
fn resembles(pattern: &str, text: &str, any: char) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => text.is_empty(),
        Some('*') => {
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.into_iter().any(|at| resembles(rest.as_str(), &text[at..], any))
        }
        Some(wanted) => {
            let mut text = text.chars();
            text.next().is_some_and(|found| found == wanted || wanted == any)
                && resembles(rest.as_str(), text.as_str(), any)
        }
    }
}
