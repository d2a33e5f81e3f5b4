use macadamia::{cached, invalidate};

#[cached(ttl = "3h")]
async fn profile(id: u64) -> u64 {
    id
}

#[invalidate(profil(id = id))]
async fn rename(id: u64, name: String) {
    drop((id, name));
}

fn main() {}
