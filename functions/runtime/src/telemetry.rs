//! Logs: one JSON object a line on standard output, where Lambda picks them up.

use tracing_subscriber::filter::LevelFilter;

/// Starts logging, at the level that RUST_LOG names (`info` otherwise).
pub fn start() {
    let level =
        crate::environment::optional("RUST_LOG").and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO);
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_target(false)
        .with_max_level(level)
        .init();
}
