//! Where one reply ends and the next begins.

use crate::reply::{line, number};

/// How long the reply is that `bytes` begin with, in RESP 2 or 3; `None` while there is more to come.
pub(super) fn length(bytes: &[u8]) -> Option<usize> {
    let (line, mut read) = line(bytes)?;
    let (kind, rest) = line.split_first()?;
    let number = number(rest).and_then(|number| usize::try_from(number).ok()).unwrap_or(0);
    let items = match kind {
        b'$' | b'=' | b'!' if rest != b"-1" => {
            read += number + 2;
            return (read <= bytes.len()).then_some(read);
        }
        b'*' | b'~' | b'>' => number,
        b'%' => 2 * number,
        // Attributes stand before what they belong to.
        b'|' => 2 * number + 1,
        _ => 0,
    };
    for _ in 0..items {
        read += length(bytes.get(read..)?)?;
    }
    Some(read)
}

/// Whether it was asked for: a push was not.
pub(super) fn is_push(reply: &[u8]) -> bool {
    reply.first() == Some(&b'>')
}
