//! Logs: one JSON object a line on standard output, where Lambda picks them up.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, registry};

/// What the names of our own crates begin with.
const OURS: [&str; 8] = ["adapter_", "api", "assembly", "cluster", "domain", "keepalive", "ondemand_eks", "run"];

/// Starts logging, at the level that RUST_LOG names (`info` otherwise).
pub fn start() {
    let level = crate::environment::optional("RUST_LOG").and_then(|level| level.parse().ok());
    let lines = fmt::layer().json().flatten_event(true).with_current_span(false).with_target(false);
    registry().with(lines.with_filter(told(level.unwrap_or(LevelFilter::INFO)))).init();
}

/// What is told at a level. Libraries tell no more than `info`, whatever is asked for: beyond it they show requests as
/// they are sent, with credentials in their headers and bodies.
fn told(level: LevelFilter) -> Targets {
    let ours = OURS.into_iter().map(|name| (name, level));
    ours.fold(Targets::new().with_default(level.min(LevelFilter::INFO)), |all, (name, level)| {
        all.with_target(name, level)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;

    #[test]
    fn requests_with_their_credentials_are_told_at_no_level() {
        let everything = told(LevelFilter::TRACE);
        for library in ["aws_smithy_runtime::client::orchestrator", "hyper::proto", "kube_client::client", "rustls"] {
            assert!(everything.would_enable(library, &Level::INFO), "{library}");
            assert!(!everything.would_enable(library, &Level::DEBUG), "{library}");
        }
        assert!(everything.would_enable("runtime::clusters", &Level::TRACE));
        assert!(everything.would_enable("adapter_kube::client", &Level::TRACE));
    }

    #[test]
    fn less_can_be_asked_for() {
        let little = told(LevelFilter::WARN);
        assert!(!little.would_enable("lambda_runtime", &Level::INFO) && !little.would_enable("runtime", &Level::INFO));
        assert!(little.would_enable("runtime", &Level::WARN));
    }
}
