//! What stands between the pure domain and the world: the ports (what the world can do for us), the one way in which
//! commands are loaded, decided, committed and performed, settings from the environment, and logs.

pub mod access;
pub mod api_key;
pub mod builds;
pub mod clusters;
pub mod concurrent;
pub mod dags;
pub mod environment;
pub mod error;
pub mod flows;
pub mod http;
pub mod idempotency;
pub mod integrations;
pub mod job_token;
pub mod keys;
pub mod loose_secrets;
pub mod memory;
pub mod plans;
pub mod ports;
pub mod preflight;
pub mod previews;
pub mod receipts;
pub mod records;
pub mod runs;
pub mod schedules;
pub mod telemetry;
#[cfg(test)]
mod test_flows;
mod waiting;
mod world;

pub use error::{Error, PortError};
pub use world::World;
