use macadamia::key;

fn main() {
    let filters = std::collections::HashMap::<String, String>::new();
    let _ = key!("by:<filters>");
}
