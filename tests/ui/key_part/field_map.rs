use macadamia::KeyPart;
use std::collections::HashMap;

#[derive(KeyPart)]
struct Query {
    filters: HashMap<String, String>,
}

fn main() {}
