//! What a failed check says: what was asked, what the backend did, and what it must do.

use std::fmt::Debug;

macro_rules! must_eq {
    ($did:expr, $must:expr $(, $($why:tt)+)?) => {
        match (&$did, &$must) {
            (did, must) => if *did != *must {
                let why: &[String] = &[$(format!(" ({})", format_args!($($why)+)))?];
                $crate::testing::conformance::must::differ(stringify!($did), did, must, &why.concat());
            }
        }
    };
}

/// Values can be large: a failure shows where they begin.
const SHOWN: usize = 400;

#[track_caller]
pub(super) fn differ(asked: &str, did: &dyn Debug, must: &dyn Debug, why: &str) -> ! {
    panic!("`{asked}` gave {}, and must give {}{why}", shown(did), shown(must))
}

fn shown(value: &dyn Debug) -> String {
    let text = format!("{value:?}");
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
