//! The least of an HTTP client: one connection, kept as long as the server likes, one request at a time.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

pub(crate) struct Client {
    server: SocketAddr,
    connection: Option<BufReader<TcpStream>>,
}

/// What came back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Reply {
    /// A header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|header| header.0 == name).map(|header| header.1.as_str())
    }
}

impl Client {
    pub(crate) const fn of(server: SocketAddr) -> Self {
        Self { server, connection: None }
    }

    pub(crate) async fn get(&mut self, path: &str) -> io::Result<Reply> {
        self.ask("GET", path, "").await
    }

    /// An error is one of the connection: a request that failed has a status.
    pub(crate) async fn ask(&mut self, method: &str, path: &str, body: &str) -> io::Result<Reply> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => BufReader::new(TcpStream::connect(self.server).await?),
        };
        let (server, length) = (self.server, body.len());
        let request =
            format!("{method} {path} HTTP/1.1\r\nhost: {server}\r\ncontent-length: {length}\r\n\r\n{body}");
        connection.write_all(request.as_bytes()).await?;
        let reply = read(&mut connection).await?;
        if reply.header("connection") != Some("close") {
            self.connection = Some(connection);
        }
        Ok(reply)
    }
}

async fn read(connection: &mut BufReader<TcpStream>) -> io::Result<Reply> {
    let cut = || io::Error::new(io::ErrorKind::UnexpectedEof, "the answer is cut short");
    let (mut reply, mut line) = (Reply::default(), String::new());
    connection.read_line(&mut line).await?;
    reply.status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(cut)?;
    loop {
        line.clear();
        connection.read_line(&mut line).await?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => reply.headers.push((name.to_lowercase(), value.to_owned())),
            None if line == "\r\n" => break,
            None => return Err(cut()),
        }
    }
    let length = match reply.header("content-length") {
        Some(length) => length.parse().map_err(|_| cut())?,
        None if reply.status == 204 => 0,
        None => return Err(cut()),
    };
    let mut body = vec![0; length];
    connection.read_exact(&mut body).await?;
    reply.body = String::from_utf8(body).map_err(|_| cut())?;
    Ok(reply)
}
