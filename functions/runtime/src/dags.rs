//! Graphs that were read lately. A version of a flow's graph never changes, and what carries a run forward asks for the
//! same one over and over. Whoever asks has just read the flow or the run, so that a graph is not missed when it is gone.

use domain::DagId;
use domain::flow::Dag;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// So many bytes of stored text are remembered; in memory they take a few times as much.
const MOST_BYTES: usize = 8 << 20;

/// Graphs in the order in which they were last asked for.
#[derive(Debug, Default)]
pub struct Dags(Mutex<VecDeque<Known>>);

#[derive(Debug)]
struct Known {
    dag: Arc<Dag>,
    bytes: usize,
}

impl Dags {
    pub(crate) fn get(&self, id: DagId) -> Option<Arc<Dag>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = known.iter().position(|known| known.dag.id == id)?;
        let found = known.remove(at)?;
        let dag = Arc::clone(&found.dag);
        known.push_back(found);
        Some(dag)
    }

    /// Remembers a graph that takes so many bytes, instead of those that nobody has asked for longest.
    pub(crate) fn remember(&self, dag: &Arc<Dag>, bytes: usize) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|known| known.dag.id != dag.id);
        known.push_back(Known { dag: Arc::clone(dag), bytes });
        while known.iter().map(|known| known.bytes).sum::<usize>() > MOST_BYTES {
            known.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::flow::Engine;
    use domain::{FlowId, Timestamp};
    use std::collections::BTreeMap;
    use uuid::Uuid;

    fn dag(number: u128) -> Arc<Dag> {
        Arc::new(Dag {
            id: DagId(Uuid::from_u128(number)),
            flow: FlowId(Uuid::nil()),
            name: String::new(),
            created_at: Timestamp::UNIX_EPOCH,
            engine: Engine::BuiltIn,
            operators: BTreeMap::new(),
            artifacts: BTreeMap::new(),
        })
    }

    #[test]
    fn what_was_asked_for_last_stays_longest() {
        let dags = Dags::default();
        let known = |number| dags.get(dag(number).id).is_some();
        for number in [1, 2] {
            dags.remember(&dag(number), MOST_BYTES / 3);
        }
        assert!(known(1));
        dags.remember(&dag(3), MOST_BYTES / 2);
        assert_eq!([1, 2, 3].map(known), [true, false, true]);
    }

    #[test]
    fn one_that_is_too_large_is_not_remembered() {
        let dags = Dags::default();
        dags.remember(&dag(1), MOST_BYTES + 1);
        assert!(dags.get(dag(1).id).is_none());
    }
}
