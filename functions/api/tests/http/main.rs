//! The API as its clients see it, over ports in memory.

mod about;
mod clusters;
mod flows;
mod harness;
mod idempotency;
mod integrations;
mod nasty;
mod plans;
mod runs;
mod sdk;
mod sdk_flows;
mod sdk_preview;
mod sdk_resources;
