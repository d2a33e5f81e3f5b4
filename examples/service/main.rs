//! A shop as an HTTP service, with one line of caching per function, and the same program in a fleet.
//!
//! ```text
//! cargo run --example service                          # serves, asks itself a few things, and ends
//! PORT=8080 cargo run --example service                # serves until it is told to stop
//! PORT=0 CACHE_URL=redis://localhost cargo run --features redis --example service
//! ```
//!
//! `shop.rs` is where the attributes are; `world.rs` is what costs something: a table and a supplier; `web.rs` turns
//! requests into calls, and refusals into 429 and 503; `server.rs` begins, and ends without losing a request;
//! `demo.rs` and `client.rs` ask it over HTTP.
//!
//! | variable | default | |
//! |---|---|---|
//! | `PORT` | none: a demonstration | 0 is any free one; the address is printed |
//! | `CACHE_URL` | `mem://` | one cache for all processes that have the same |
//! | `TABLE` | a new directory | where the rows are; for all processes the same |
//! | `DRAIN` | 1 | seconds between being told to stop and no longer listening |

mod client;
mod demo;
mod server;
mod shop;
mod web;
mod world;

use server::{Settings, until_told};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let settings = Settings::from_env()?;
    if settings.port.is_some() {
        server::open(&settings).await?.run(until_told()).await
    } else {
        demo::run(settings).await
    }
}
