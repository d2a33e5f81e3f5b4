//! What asks the service: three functions that open a connection, and what stands around them.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use macadamia::{cached, circuit_breaker, early, fail, rate_limit};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// A price, read from below: it is kept for a moment; who fails too often is left alone; and whatever goes wrong, the
/// last price is better than none.
#[fail(ttl = "1m", key = "price:<article>")]
#[circuit_breaker(errors_rate = 50, period = "1s", ttl = "250ms", half_open_calls = 2, min_calls = 4)]
#[cached(ttl = "40ms", key = "price:<article>")]
pub(crate) async fn price(service: SocketAddr, article: &str) -> Result<u32, Failure> {
    ask(service, &format!("price of {article}")).await
}

/// Exchange rates: nobody waits for new ones while there are some.
#[early(ttl = "1m", early_ttl = "150ms", key = "rates")]
pub(crate) async fn rates(service: SocketAddr) -> Result<u32, Failure> {
    ask(service, "rates").await
}

/// A search, which costs the service more than it likes.
#[rate_limit(limit = 5, period = "400ms", key = "search", algorithm = "sliding")]
pub(crate) async fn search(service: SocketAddr, words: &str) -> Result<u32, Failure> {
    ask(service, &format!("search for {words}")).await
}

/// A connection, a line there, a line back.
async fn ask(service: SocketAddr, question: &str) -> Result<u32, Failure> {
    let answer = async {
        let mut connection = TcpStream::connect(service).await?;
        connection.write_all(format!("{question}\n").as_bytes()).await?;
        let mut answer = String::new();
        BufReader::new(connection).read_line(&mut answer).await?;
        Ok::<_, io::Error>(answer)
    };
    let limit = Duration::from_secs(5);
    let answer = tokio::time::timeout(limit, answer).await.map_err(|_| Failure::Silent)??;
    match answer.trim_end().split_once(' ') {
        Some(("ok", number)) => number.parse().map_err(|_| Failure::Nonsense),
        _ if answer.is_empty() => Err(Failure::HungUp),
        _ if answer.trim_end() == "busy" => Err(Failure::Busy),
        _ => Err(Failure::Nonsense),
    }
}

/// Why there is no answer.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    Io(io::ErrorKind),
    Silent,
    HungUp,
    Busy,
    Nonsense,
    /// The service was not asked: the limiter or the breaker said no.
    Refused(macadamia::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error.kind())
    }
}

impl From<macadamia::Error> for Failure {
    fn from(error: macadamia::Error) -> Self {
        Self::Refused(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(kind) => write!(f, "no connection: {kind}"),
            Self::Silent => f.write_str("no answer in time"),
            Self::HungUp => f.write_str("the service hung up"),
            Self::Busy => f.write_str("the service is busy"),
            Self::Nonsense => f.write_str("the service talks nonsense"),
            Self::Refused(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Failure {}
