//! Local mode: everything that stands in for AWS on one machine.
//!
//! [`Stack`] starts it all: [`account`] runs real Kubernetes control planes and pods as processes, the emulator runs
//! the real template with the real functions and builds, and a small proxy gives the API its own port.

pub mod account;
mod aws;
pub mod command;
mod credentials;
mod deploy;
mod emulator;
mod error;
mod http;
mod install;
mod lock;
pub mod paths;
mod process;
mod progress;
mod proxy;
mod stack;
pub mod workshop;

pub use credentials::SdkKey;
pub use error::Error;
pub use progress::{Progress, Step};
pub use stack::{Stack, StackConfig};
pub use workshop::Workshop;
