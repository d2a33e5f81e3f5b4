use macadamia::cached;

macro_rules! sum {
    ($left:ident) => {
        #[cached(ttl = "3h")]
        async fn sum($left: u64, right: u64) -> u64 {
            $left + right
        }
    };
}

sum!(right);

fn main() {}
