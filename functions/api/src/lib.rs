//! The HTTP API: what users and the SDK talk to. Every handler reads its request, gives one command to the runtime and
//! shows what came of it; what may happen is decided in the domain.

mod auth;
pub mod credentials;
mod error;
mod extract;
mod idempotency;
mod routes;
mod sdk;
mod state;

pub use routes::router;
pub use state::Api;
