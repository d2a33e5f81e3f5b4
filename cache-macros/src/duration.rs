//! Durations as text, read at build time exactly as `Ttl::parse` reads them at run time.

/// Units from large to small, in milliseconds.
const UNITS: [(&str, u64); 6] =
    [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

const HOW: &str =
    "write numbers with units, large to small, as in \"1d2h3m50s\" or \"250ms\" (units: w d h m s ms)";

/// The milliseconds that the text means, or what is wrong with it and what to write.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    if text.trim().is_empty() {
        return Err(format!("an empty text is not a duration: {HOW}"));
    }
    let millis = read(text.trim()).map_err(|why| format!("`{text}` is not a duration: {why}; {HOW}"))?;
    if millis == 0 { Err(zero(text)) } else { Ok(millis) }
}

/// The milliseconds in this many whole seconds.
pub(crate) fn seconds(count: u64) -> Result<u64, String> {
    match count.checked_mul(1_000) {
        Some(0) => Err(zero(&count.to_string())),
        Some(millis) => Ok(millis),
        None => Err(format!("`{count}` seconds are more than can be counted")),
    }
}

fn zero(text: &str) -> String {
    format!("`{text}` is a duration of zero: write at least \"1ms\"")
}

fn read(text: &str) -> Result<u64, String> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        let seconds: Option<u64> = text.parse().ok();
        return seconds.and_then(|seconds| seconds.checked_mul(1_000)).ok_or_else(too_long);
    }
    let (mut rest, mut units, mut millis) = (text, UNITS.as_slice(), 0u64);
    while !rest.is_empty() {
        let (number, tail) = split(rest, |c| c.is_ascii_digit());
        let (unit, tail) = split(tail, |c| c.is_ascii_alphabetic());
        match (number, unit) {
            ("", _) => return Err(format!("a number is missing before `{rest}`")),
            (_, "") if tail.is_empty() => return Err(format!("the unit after `{number}` is missing")),
            (_, "") => return Err(format!("`{tail}` after `{number}` is no unit")),
            _ => {}
        }
        let Some(at) = units.iter().position(|(name, _)| name.eq_ignore_ascii_case(unit)) else {
            return Err(misplaced(unit));
        };
        let (Some((_, factor)), Some(smaller)) = (units.get(at), units.get(at + 1..)) else {
            return Err(misplaced(unit));
        };
        let part = number.parse().ok().and_then(|number: u64| number.checked_mul(*factor));
        millis = part.and_then(|part| part.checked_add(millis)).ok_or_else(too_long)?;
        (rest, units) = (tail, smaller);
    }
    Ok(millis)
}

fn misplaced(unit: &str) -> String {
    if UNITS.iter().any(|(name, _)| name.eq_ignore_ascii_case(unit)) {
        format!("`{unit}` comes twice or after a smaller unit")
    } else {
        format!("there is no unit `{unit}`")
    }
}

fn too_long() -> String {
    "it is longer than can be counted".to_owned()
}

/// The front of the text for which this holds, and the rest.
fn split(text: &str, holds: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !holds(c)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_add_up_as_at_run_time() {
        for (text, millis) in [
            ("90", 90_000),
            (" 90 ", 90_000),
            ("1d2h3m50s", 93_830_000),
            ("250ms", 250),
            ("1s5ms", 1_005),
            ("2W", 1_209_600_000),
            ("1m1ms", 60_001),
        ] {
            assert_eq!(parse(text), Ok(millis), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_says_why() {
        for (text, why) in [
            ("h", "a number is missing before `h`"),
            ("-5", "a number is missing before `-5`"),
            ("1.5h", "`.5h` after `1` is no unit"),
            ("1h30", "the unit after `30` is missing"),
            ("5m1h", "`h` comes twice or after a smaller unit"),
            ("1h1h", "`h` comes twice or after a smaller unit"),
            ("3 hours", "` hours` after `3` is no unit"),
            ("1y", "there is no unit `y`"),
            ("99999999999999w", "it is longer than can be counted"),
            ("99999999999999999999", "it is longer than can be counted"),
        ] {
            let message = parse(text).expect_err(text);
            assert!(
                message.starts_with(&format!("`{text}` is not a duration: {why}; ")),
                "{text}: {message}"
            );
        }
    }

    #[test]
    fn an_empty_text_says_so() {
        for text in ["", "  "] {
            assert_eq!(parse(text), Err(format!("an empty text is not a duration: {HOW}")));
        }
    }

    #[test]
    fn zero_is_not_a_duration() {
        for text in ["0", "0ms", "0h0s"] {
            assert_eq!(parse(text), Err(format!("`{text}` is a duration of zero: write at least \"1ms\"")));
        }
        assert!(seconds(0).is_err());
        assert_eq!(seconds(3), Ok(3_000));
        assert!(seconds(u64::MAX).is_err());
    }
}
