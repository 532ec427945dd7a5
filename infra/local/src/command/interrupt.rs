//! Ctrl-C, and its equivalents from other programs.

use std::future::pending;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Completes when this process is asked to end.
pub(crate) async fn interrupted() {
    let listen = |kind| signal(kind).ok();
    tokio::select! {
        () = next(listen(SignalKind::interrupt())) => {}
        () = next(listen(SignalKind::terminate())) => {}
        () = next(listen(SignalKind::hangup())) => {}
    }
}

/// A signal that cannot be listened to still ends the process, as ever.
async fn next(signal: Option<Signal>) {
    match signal {
        Some(mut signal) => drop(signal.recv().await),
        None => pending().await,
    }
}
