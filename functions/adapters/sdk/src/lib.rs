//! What all AWS clients of a function share: one HTTP client, one configuration, one reading of errors.
//!
//! A cold start pays for everything that happens before the first event. So there is no search for credentials (Lambda
//! puts them into the environment), no scan of the system's certificates (AWS's own roots are embedded) and one
//! connection pool however many clients there are.

mod config;
mod error;

pub use aws_types::SdkConfig;
pub use config::{ConfigError, Sdk};
pub use error::{chain, failed, kind_of};
