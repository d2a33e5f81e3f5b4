//! Fences around serde, for codecs that store neither names nor kinds of values.
//!
//! [`Checked`] stands before the bytes: it refuses what would be written and not be read as it was. [`Limited`]
//! stands behind them: it refuses what would be read until the stack is at its end.

mod checked;
mod limited;
#[cfg(test)]
mod tests;

pub(crate) use checked::Checked;
pub(crate) use limited::{Carried, Limited};

/// How many values may be within each other: in an option, a newtype, a sequence, a tuple, a map, a struct or a
/// variant. The same on both sides, so that what was written is read.
pub(crate) const MAX_DEPTH: u8 = 128;

/// Goes one level down.
fn deeper<E>(depth: u8, refused: impl FnOnce(String) -> E) -> Result<u8, E> {
    if depth < MAX_DEPTH {
        return Ok(depth + 1);
    }
    Err(refused(format!("more than {MAX_DEPTH} values are within each other")))
}
