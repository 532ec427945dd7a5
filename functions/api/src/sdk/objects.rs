//! What pods wrote, read for an answer: logs and contents.

use crate::state::Api;
use domain::OperatorId;
use runtime::{Error, concurrent};
use std::collections::BTreeMap;
use wire::v1::run::Logs;

/// What fits into an answer of Lambda, which carries 6 MB of base64.
pub(super) const LARGEST_ANSWER: u64 = 4_400_000;
/// So much of each text of a log is part of an answer,
const LONGEST_LOG: usize = 64 * 1024;
/// and so much of all texts together, which they share.
const ALL_LOGS: usize = LARGEST_ANSWER as usize / 2;

/// The objects of these keys, as far as they are there.
pub(super) async fn fetch<K: Copy + Ord>(api: &Api, keys: &BTreeMap<K, String>) -> Result<BTreeMap<K, Vec<u8>>, Error> {
    let found = concurrent::all(keys.values().map(|key| api.world.objects.get(key))).await?;
    Ok(keys.keys().zip(found).filter_map(|(id, bytes)| Some((*id, bytes?))).collect())
}

/// What operators printed, as far as it is stored. Logs that a pod wrote badly are no reason to show nothing.
pub(super) async fn logs(api: &Api, keys: &BTreeMap<OperatorId, String>) -> Result<BTreeMap<OperatorId, Logs>, Error> {
    let longest = LONGEST_LOG.min(ALL_LOGS / (2 * keys.len().max(1)));
    // Of each log that is read no more is kept than is shown: together they may be larger than the function.
    let read = async |(id, key): (&OperatorId, &String)| -> Result<_, Error> {
        let text = api.world.objects.get(key).await?;
        Ok(text.map(|text| (*id, serde_json::from_slice::<Logs>(&text).unwrap_or_default().tail(longest))))
    };
    Ok(concurrent::all(keys.iter().map(read)).await?.into_iter().flatten().collect())
}
