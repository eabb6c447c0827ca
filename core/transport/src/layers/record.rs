//! Layer 10: keeps exchanges without their secrets in a folder, in development only.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use fondaco_model::Fault;
use futures_util::future::BoxFuture;

use crate::{Answer, Call, Exchange, Layer, Transport};

/// Exchanges that one process writes; further ones are not kept.
const EXCHANGES_MAX: u32 = 10_000;

/// Writes each answered attempt as a JSON file that [`Replay`](crate::Replay) reads.
///
/// Secrets and personal fields are taken out before anything is written. A file that cannot be
/// written is logged and changes nothing for the call.
#[derive(Debug, Clone)]
pub struct Record {
    folder: Option<PathBuf>,
    written: Arc<AtomicU32>,
}

impl Record {
    /// A layer that writes into an existing folder, or one that does nothing.
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self {
            folder,
            written: Arc::default(),
        }
    }
}

impl Layer for Record {
    fn name(&self) -> &'static str {
        "record"
    }

    fn wrap(&self, inner: Arc<dyn Transport>) -> Arc<dyn Transport> {
        match &self.folder {
            None => inner,
            Some(folder) => Arc::new(Recording {
                inner,
                folder: folder.clone(),
                written: self.written.clone(),
            }),
        }
    }
}

struct Recording {
    inner: Arc<dyn Transport>,
    folder: PathBuf,
    written: Arc<AtomicU32>,
}

impl Transport for Recording {
    fn send<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Answer, Fault>> {
        Box::pin(async move {
            let answer = self.inner.send(call.clone()).await?;
            let number = self.written.fetch_add(1, Ordering::Relaxed);
            if number < EXCHANGES_MAX {
                let exchange = Exchange::of(&call, &answer);
                let path = self.folder.join(format!("{number:06}.json"));
                let task = tokio::task::spawn_blocking(move || write(&path, &exchange));
                if let Ok(Err(error)) = task.await {
                    tracing::warn!(%error, "An exchange could not be recorded.");
                }
            }
            Ok(answer)
        })
    }
}

/// Writes a new file that only its owner can read.
fn write(path: &Path, exchange: &Exchange) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    serde_json::to_writer_pretty(&mut file, exchange)?;
    file.write_all(b"\n")
}

#[cfg(test)]
mod tests;
