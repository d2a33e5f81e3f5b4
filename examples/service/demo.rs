//! The service asks itself a few things, and shows what came of it.

use std::error::Error;
use std::io;

use serde_json::Value;

use super::client::{Client, Reply};
use super::server::{self, Settings};

pub(crate) async fn run(settings: Settings) -> Result<(), Box<dyn Error>> {
    let service = server::open(&Settings { drain: std::time::Duration::ZERO, ..settings }).await?;
    let mut client = Client::of(service.address);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let asks = async {
        let asked = ask(&mut client).await;
        drop((client, stop));
        asked
    };
    let (ended, asked) = tokio::join!(service.run(async { drop(stopped.await) }), asks);
    ended?;
    Ok(asked?)
}

async fn ask(client: &mut Client) -> io::Result<()> {
    println!("\na product is read once, until it is renamed or the season is over:");
    for (method, path, body) in [
        ("GET", "/products/7", ""),
        ("GET", "/products/7", ""),
        ("PUT", "/products/7", "hazelnuts"),
        ("GET", "/products/7", ""),
        ("GET", "/products/7", ""),
        ("POST", "/season", ""),
        ("GET", "/products/7", ""),
    ] {
        show(method, path, &client.ask(method, path, body).await?);
    }

    println!("\nten searches within ten seconds, and then:");
    let mut last = Reply::default();
    for _ in 0..11 {
        last = client.get("/search/nuts").await?;
    }
    show("GET", "/search/nuts", &last);

    println!("\nthe supplier goes down: rates stay, offers fail, and after four nobody asks:");
    show("GET", "/rates", &client.get("/rates").await?);
    client.ask("POST", "/admin/supplier/down", "").await?;
    show("GET", "/rates", &client.get("/rates").await?);
    for _ in 0..5 {
        show("GET", "/offer", &client.get("/offer").await?);
    }

    println!("\nand all the while:");
    show("GET", "/health", &client.get("/health").await?);
    let stats: Value = serde_json::from_str(&client.get("/stats").await?.body)?;
    let count = |path| stats.pointer(path).and_then(Value::as_u64).unwrap_or_default();
    println!(
        "  {} calls for products, {} of them answered from the cache; {} queries in all\n",
        count("/functions/product/hits") + count("/functions/product/computed"),
        count("/functions/product/hits"),
        count("/queries")
    );
    Ok(())
}

fn show(method: &str, path: &str, reply: &Reply) {
    let header = |name| reply.header(name).map(|value| format!("  {name}: {value}")).unwrap_or_default();
    let (cache, again) = (header("x-cache"), header("retry-after"));
    println!("  {method:4} {path:14} {}  {}{cache}{again}", reply.status, reply.body.trim_end());
}
