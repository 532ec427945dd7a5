//! The order in which operators can run.

use super::Dag;
use crate::OperatorId;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// All operators, each after those it waits for, or some that wait for each other in a circle.
pub(super) fn topological(dag: &Dag) -> Result<Vec<OperatorId>, Vec<OperatorId>> {
    let writers = dag.producers();
    let mut waits: BTreeMap<OperatorId, BTreeSet<OperatorId>> = BTreeMap::new();
    let mut feeds: BTreeMap<OperatorId, Vec<OperatorId>> = BTreeMap::new();
    for (id, operator) in &dag.operators {
        let upstream: BTreeSet<_> =
            operator.inputs.iter().filter_map(|artifact| writers.get(artifact).copied()).collect();
        for writer in &upstream {
            feeds.entry(*writer).or_default().push(*id);
        }
        waits.insert(*id, upstream);
    }
    let mut ready: VecDeque<_> = waits.iter().filter(|(_, upstream)| upstream.is_empty()).map(|(id, _)| *id).collect();
    let mut order = Vec::with_capacity(waits.len());
    while let Some(next) = ready.pop_front() {
        order.push(next);
        for fed in feeds.get(&next).into_iter().flatten() {
            if let Some(upstream) = waits.get_mut(fed)
                && upstream.remove(&next)
                && upstream.is_empty()
            {
                ready.push_back(*fed);
            }
        }
    }
    if order.len() == dag.operators.len() { Ok(order) } else { Err(circle(&waits)) }
}

/// Goes from one that still waits to what it waits for, and so on, until one comes up again: a circle begins there.
fn circle(waits: &BTreeMap<OperatorId, BTreeSet<OperatorId>>) -> Vec<OperatorId> {
    let mut path = vec![];
    let mut next = waits.iter().find(|(_, upstream)| !upstream.is_empty()).map(|(id, _)| *id);
    while let Some(id) = next {
        if let Some(start) = path.iter().position(|seen| *seen == id) {
            return path.split_off(start);
        }
        path.push(id);
        next = waits.get(&id).and_then(|upstream| upstream.first().copied());
    }
    path
}
