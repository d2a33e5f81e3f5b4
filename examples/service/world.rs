//! What costs something: a table that takes its time, and a supplier who may be down. Both count who asks.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use tempfile::TempDir;

/// How long a query takes.
const QUERY: Duration = Duration::from_millis(5);
/// How long one over all rows takes.
const LONG_QUERY: Duration = Duration::from_millis(300);

/// The world outside of the service. A clone is the same world.
#[derive(Debug, Clone)]
pub(crate) struct World(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    rows: PathBuf,
    /// Removed with the last handle, if it is ours.
    _own: Option<TempDir>,
    queries: AtomicU64,
    asked: AtomicU64,
    supplier_is_down: AtomicBool,
}

impl World {
    /// With the table in this directory, which several processes may have; in one of its own without.
    pub(crate) fn open(table: Option<&Path>) -> io::Result<Self> {
        let (rows, own) = if let Some(path) = table {
            std::fs::create_dir_all(path)?;
            (path.to_owned(), None)
        } else {
            let own = tempfile::tempdir()?;
            (own.path().to_owned(), Some(own))
        };
        let inner = Inner {
            rows,
            _own: own,
            queries: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            supplier_is_down: AtomicBool::new(false),
        };
        Ok(Self(Arc::new(inner)))
    }

    /// The name of a product. Number 0 there is none of; the others are there, named or not.
    pub(crate) async fn name_of(&self, id: u64) -> io::Result<Option<String>> {
        self.0.queries.fetch_add(1, SeqCst);
        tokio::time::sleep(QUERY).await;
        if id == 0 {
            return Ok(None);
        }
        match tokio::fs::read_to_string(self.row(id)).await {
            Ok(name) => Ok(Some(name)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Some(format!("product {id}"))),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn rename(&self, id: u64, name: &str) -> io::Result<()> {
        tokio::time::sleep(QUERY).await;
        // Whoever reads meanwhile has the old name or the new one.
        let new = self.0.rows.join(format!("{id}.{}", std::process::id()));
        tokio::fs::write(&new, name).await?;
        tokio::fs::rename(new, self.row(id)).await
    }

    /// What takes long.
    pub(crate) async fn count(&self) -> io::Result<usize> {
        self.0.queries.fetch_add(1, SeqCst);
        tokio::time::sleep(LONG_QUERY).await;
        Ok(std::fs::read_dir(&self.0.rows)?.count())
    }

    /// A number that grows with each answer; an error while the supplier is down.
    pub(crate) async fn ask_supplier(&self) -> io::Result<u64> {
        let number = self.0.asked.fetch_add(1, SeqCst) + 1;
        tokio::time::sleep(QUERY).await;
        if self.0.supplier_is_down.load(SeqCst) {
            return Err(io::Error::new(io::ErrorKind::ConnectionRefused, "the supplier is down"));
        }
        Ok(number)
    }

    pub(crate) fn supplier_is_down(&self, down: bool) {
        self.0.supplier_is_down.store(down, SeqCst);
    }

    /// How many queries reached the table.
    pub(crate) fn queries(&self) -> u64 {
        self.0.queries.load(SeqCst)
    }

    /// How often the supplier was asked.
    pub(crate) fn asked(&self) -> u64 {
        self.0.asked.load(SeqCst)
    }

    fn row(&self, id: u64) -> PathBuf {
        self.0.rows.join(id.to_string())
    }
}
