//! The signals that tell the process to stop.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Watches for SIGINT (Ctrl-C) and SIGTERM from the moment it is made.
///
/// Made before a command says that it is ready, so that whoever reads that may stop it at once.
/// When the system refuses to watch a signal, that one keeps its default and ends the process.
pub(crate) struct Stop {
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
}

impl Stop {
    /// Begins to watch.
    pub(crate) fn watch() -> Self {
        Self {
            interrupt: signal(SignalKind::interrupt()).ok(),
            terminate: signal(SignalKind::terminate()).ok(),
        }
    }

    /// Resolves when the process was told to stop since the watch began.
    pub(crate) async fn told(mut self) {
        let wait = async |signal: &mut Option<Signal>| match signal {
            Some(signal) => {
                signal.recv().await;
            }
            None => std::future::pending().await,
        };
        tokio::select! {
            () = wait(&mut self.interrupt) => {}
            () = wait(&mut self.terminate) => {}
        }
    }
}
