//! The signals that tell the process to stop.

use tokio::signal::unix::{SignalKind, signal};

/// Resolves when the process is told to stop: SIGINT (Ctrl-C) or SIGTERM.
///
/// When the system refuses to watch a signal, that one keeps its default and ends the process.
pub(crate) async fn told_to_stop() {
    let wait = async |kind| match signal(kind) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    };
    tokio::select! {
        () = wait(SignalKind::interrupt()) => {}
        () = wait(SignalKind::terminate()) => {}
    }
}
