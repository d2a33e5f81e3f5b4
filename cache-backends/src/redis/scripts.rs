//! What the server does in one step.

use std::sync::LazyLock;

use redis::Cmd;

/// A script, and the digest by which the server knows it.
#[derive(Debug)]
pub(super) struct Script {
    text: String,
    digest: String,
}

impl Script {
    /// A script that begins with what all of them know.
    fn new(body: &str) -> Self {
        let text = format!("{COMMON}{body}");
        let digest = redis::Script::new(&text).get_hash().to_owned();
        Self { text, digest }
    }

    pub(super) fn by_digest(&self, keys: &[&[u8]], args: &[&[u8]]) -> Cmd {
        call("EVALSHA", &self.digest, keys, args)
    }

    /// The server knows it from then on.
    pub(super) fn by_text(&self, keys: &[&[u8]], args: &[&[u8]]) -> Cmd {
        call("EVAL", &self.text, keys, args)
    }
}

fn call(command: &str, which: &str, keys: &[&[u8]], args: &[&[u8]]) -> Cmd {
    let mut call = redis::cmd(command);
    call.arg(which).arg(keys.len());
    for part in keys.iter().chain(args) {
        call.arg(*part);
    }
    call
}

const COMMON: &str = include_str!("lua/common.lua");

macro_rules! scripts {
    ($($(#[$doc:meta])* $name:ident = $file:literal;)*) => {$(
        $(#[$doc])*
        pub(super) static $name: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!($file)));
    )*};
}

scripts! {
    /// Stores entries and numbers, on conditions.
    SET = "lua/set.lua";
    /// Puts a record in the place of one that was seen.
    REPLACE = "lua/replace.lua";
    /// Removes keys and the rights to fill them.
    DELETE = "lua/delete.lua";
    /// Tells which keys are ours and live, and removes them if asked to.
    LOOK = "lua/look.lua";
    /// Counts.
    COUNT = "lua/count.lua";
    /// Moves the end of a number.
    EXPIRE = "lua/expire.lua";
    /// Tells how many bytes an entry takes.
    SIZE = "lua/size.lua";
    /// Takes the right to fill a key.
    BEGIN_FILL = "lua/begin_fill.lua";
    /// Gives it back.
    END_FILL = "lua/end_fill.lua";
    /// Tells generations of tags, and begins them.
    STAMP = "lua/stamp.lua";
    /// Keeps generations for as long as what carries them.
    PROLONG = "lua/prolong.lua";
    /// Takes one step of a state.
    STEP = "lua/step.lua";
}
