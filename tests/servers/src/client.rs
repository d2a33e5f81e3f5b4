//! A client of a few lines: it plants and looks, and shares nothing with what is tested.

use std::fmt::{self, Debug};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use crate::Reply;

/// A server that is paused does not hold up its test for ever.
const LIMIT: Duration = Duration::from_secs(5);

/// One connection.
pub struct Client {
    wire: Box<dyn Wire>,
    unread: Vec<u8>,
}

trait Wire: Read + Write + Send {
    fn limit(&self, limit: Duration) -> io::Result<()>;
}

impl Wire for TcpStream {
    fn limit(&self, limit: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(limit))
    }
}

impl Wire for UnixStream {
    fn limit(&self, limit: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(limit))
    }
}

impl Client {
    /// Connects to `host:port`: to a server, or to a [`Proxy`](crate::Proxy).
    pub fn tcp(address: &str) -> io::Result<Self> {
        let wire = TcpStream::connect(address)?;
        wire.set_nodelay(true)?;
        Self::over(wire)
    }

    /// Connects to a socket in the file system.
    pub fn unix(path: &Path) -> io::Result<Self> {
        Self::over(UnixStream::connect(path)?)
    }

    fn over(wire: impl Wire + 'static) -> io::Result<Self> {
        wire.limit(LIMIT)?;
        Ok(Self { wire: Box::new(wire), unread: Vec::new() })
    }

    /// How long it waits for a reply; five seconds otherwise.
    pub fn limit(&mut self, limit: Duration) -> io::Result<()> {
        self.wire.limit(limit)
    }

    /// Sends a command and waits for its reply.
    pub fn command<T: AsRef<[u8]>>(&mut self, words: &[T]) -> io::Result<Reply> {
        self.send(words)?;
        self.receive()
    }

    /// Sends a command; [`receive`](Self::receive) waits for the reply.
    pub fn send<T: AsRef<[u8]>>(&mut self, words: &[T]) -> io::Result<()> {
        let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
        for word in words.iter().map(AsRef::as_ref) {
            bytes.extend(format!("${}\r\n", word.len()).into_bytes());
            bytes.extend(word);
            bytes.extend(b"\r\n");
        }
        self.wire.write_all(&bytes)
    }

    /// The next reply; an error when none came for five seconds, or the connection ended.
    pub fn receive(&mut self) -> io::Result<Reply> {
        loop {
            if let Some((reply, length)) = Reply::read(&self.unread) {
                self.unread.drain(..length);
                return Ok(reply);
            }
            self.read_more()?;
        }
    }

    /// The bytes that came next, whatever they are; none at the end.
    pub fn receive_bytes(&mut self) -> io::Result<Vec<u8>> {
        if self.unread.is_empty() {
            match self.read_more() {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
                done => done?,
            }
        }
        Ok(std::mem::take(&mut self.unread))
    }

    fn read_more(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        match self.wire.read(&mut buffer)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                self.unread.extend(&buffer[..read]);
                Ok(())
            }
        }
    }
}

impl Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}
