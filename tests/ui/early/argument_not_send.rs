use macadamia::early;

use std::rc::Rc;

#[early(ttl = "1h", key = "page")]
async fn page(id: Rc<u64>, lent: &Rc<u64>) -> u64 {
    *id + **lent
}

fn main() {}
