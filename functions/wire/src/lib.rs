//! The shapes of everything that crosses a wire, and their way into the domain's types: what comes in is read in full
//! or refused with a sentence that says what to change.

pub mod job;
pub mod outputs;
pub mod sdk;
pub mod step;
pub mod v1;
