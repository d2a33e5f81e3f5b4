use macadamia::early;

struct Query<'a>(&'a str);

#[early(ttl = "1h", key = "page")]
async fn page(once: Option<&mut u64>, query: Query<'_>, words: &[&str], pair: (&str, u64), list: Vec<&u64>) -> usize {
    *once.unwrap() as usize + query.0.len() + words.len() + pair.0.len() + list.len()
}

fn main() {}
