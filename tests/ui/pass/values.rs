//! What a value needs: to be cloned and to be sent; no `serde`, no `Debug`. What a key needs: a stable text.

use macadamia::cached;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

#[derive(Clone)]
struct Opaque(u64);

struct Shown(u64);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

#[cached(ttl = "3h", key = "opaque:<shown>:<filters:len>:<degrees:display>")]
async fn opaque(shown: &Shown, filters: &HashMap<String, u64>, degrees: f64) -> Opaque {
    let _ = (filters, degrees);
    Opaque(shown.0)
}

#[cached(ttl = "3h", skip(connection))]
async fn shared(connection: &mut Vec<u64>, id: u64) -> Arc<[u64]> {
    connection.push(id);
    connection.as_slice().into()
}

pub(crate) async fn run() {
    assert_eq!(opaque(&Shown(7), &HashMap::new(), 0.5).await.0, 7);
    assert_eq!(*shared(&mut Vec::new(), 7).await, [7]);
}
