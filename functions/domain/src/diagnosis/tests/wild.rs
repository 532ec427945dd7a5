//! Errors in words that the parser was not written after: what users met, of all families and both SDK generations.

pub(super) mod access;
pub(super) mod later;
pub(super) mod machine;
pub(super) mod nodes;
pub(super) mod requests;
