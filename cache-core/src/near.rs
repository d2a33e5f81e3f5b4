//! Messages about names that nobody knows: the nearest one, and all there are.

use crate::error::Error;

/// The error for an unknown name, with the one that was probably meant.
pub(crate) fn unknown(what: &str, name: &str, mut known: Vec<&str>) -> Error {
    known.sort_unstable();
    known.dedup();
    let nearest = known
        .iter()
        .map(|candidate| (distance(name, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(name.len()) / 3)
        .min();
    let hint = nearest.map_or_else(String::new, |(_, nearest)| format!(" (did you mean `{nearest}`?)"));
    let all = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Error::config(format!("there is no {what} `{name}`{hint}; there are: {all}"))
}

/// How many characters must be changed, put in or taken out (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_offered_and_all_are_listed() {
        let message = unknown("plugin", "timming", vec!["timing", "hit_ratio"]).to_string();
        assert_eq!(
            message,
            "there is no plugin `timming` (did you mean `timing`?); there are: hit_ratio, timing"
        );
        assert!(!unknown("plugin", "x", vec!["timing"]).to_string().contains("did you mean"));
    }
}
