// The modules of this crate once more, in their own folder: `tests/expansion.rs` includes this file, because
// from a crate of macros nothing else can be called.

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
