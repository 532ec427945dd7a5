//! Flows: which graphs are accepted, in which order they run, and what their parts mean.

mod graph;
mod order;
mod resources;
pub(crate) mod sample;
mod schedule;
mod values;

use super::*;
use crate::settings::Settings;
use sample::{cluster, dag, function, parameter, system_metric};
use serde_json::json;
