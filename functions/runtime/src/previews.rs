//! Previews: graphs that run once, for a client that waits for the values.
//!
//! A preview is a run like any other, on a graph that no flow owns. What is special is what need not be executed: a
//! client that asks again before it was answered joins the execution that is under way, and a graph that contains an
//! earlier one begins where that one ended.

use crate::ports::{Expect, MOST_WRITES, Write};
use crate::records;
use crate::world::MOST_TRIES;
use crate::{Error, World, concurrent, keys};
use domain::flow::{Dag, Operator};
use domain::run::{self, Command, OperatorState, OperatorStatus, OutputType, Run, RunStatus};
use domain::{ArtifactId, ClusterId, OperatorId, RunId, Timestamp};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;
use wire::sdk::fingerprint::{Fingerprints, Order};
use wire::sdk::preview::Renaming;

/// What previews are called where runs are named.
const NAME: &str = "preview";
/// A result that nobody was given is given to the next who asks, if it is not older.
const RESULT_KEPT: SignedDuration = SignedDuration::from_hours(1);
/// The value of an operator is used again, if it is not older. The contents live for a day.
const VALUE_KEPT: SignedDuration = SignedDuration::from_hours(12);
/// The documents of a preview live on so long after their last change.
pub(crate) const REMEMBERED: SignedDuration = SignedDuration::from_hours(48);

/// Somebody's request for the values of a graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// Its id.
    pub id: Uuid,
    /// The execution, which others may wait for as well.
    pub run: RunId,
    /// The graph's fingerprint.
    graph: String,
    /// The graph's nodes as the execution calls them.
    ran: Order,
    /// The graph's nodes as the client calls them.
    asked: Order,
    /// The fingerprints of the operators, as the client calls these.
    operators: BTreeMap<OperatorId, String>,
    /// The operators that were not executed anew, and where they were.
    reused: BTreeMap<OperatorId, Place>,
}

/// Where an operator was executed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    run: RunId,
    operator: OperatorId,
    outputs: Vec<ArtifactId>,
    /// Below which number its objects lie.
    #[serde(default)]
    stored_as: u32,
}

/// What an operator came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Value {
    place: Place,
    state: OperatorState,
    at: Timestamp,
}

impl Preview {
    /// From the execution's names to the client's.
    #[must_use]
    pub fn names(&self) -> Renaming {
        Renaming::between(&self.ran, &self.asked)
    }

    /// The object with an operator's logs. `run` is the execution.
    #[must_use]
    pub fn logs(&self, operator: OperatorId, run: &Run) -> String {
        match self.reused.get(&operator) {
            Some(place) => keys::logs(place.run, place.operator, place.stored_as),
            None => keys::logs(run.id, operator, run.operators.get(&operator).map_or(0, |state| state.stored_as)),
        }
    }

    /// The object with the content of an operator's output. `run` is the execution.
    #[must_use]
    pub fn content(&self, operator: OperatorId, output: ArtifactId, run: &Run, dag: &Dag) -> String {
        let place = self.reused.get(&operator).zip(dag.operators.get(&operator));
        match place.and_then(|(place, operator)| Some((place, place.output(operator, output)?))) {
            Some((place, written)) => keys::content(place.run, written, place.stored_as),
            None => keys::content(run.id, output, run.stored_as(output, dag)),
        }
    }
}

impl Place {
    /// As what the output of an operator, which is the same as the one that was executed, was written.
    fn output(&self, operator: &Operator, output: ArtifactId) -> Option<ArtifactId> {
        let number = operator.outputs.iter().position(|other| *other == output)?;
        self.outputs.get(number).copied()
    }
}

impl Value {
    /// How the same operator stands in another run: its outputs have other names there. None if something else is
    /// expected there.
    fn state(&self, operator: &Operator, dag: &Dag) -> Option<OperatorState> {
        let expected = |id: &ArtifactId| dag.artifacts.get(id).map(|artifact| artifact.expected_type.as_str());
        let mut outputs = vec![];
        for (number, artifact_id) in operator.outputs.iter().enumerate() {
            let written = self.place.outputs.get(number)?;
            let output = self.state.outputs.iter().find(|output| output.artifact_id == *written)?;
            let fits = expected(artifact_id).is_some_and(|e| e == "untyped" || e == output.artifact_type);
            outputs.push(OutputType { artifact_id: *artifact_id, ..output.clone() });
            fits.then_some(())?;
        }
        Some(OperatorState { outputs, ..self.state.clone() })
    }
}

/// The graph with names that are all different. A flow's parameters are set by their names; a preview's are not, and a
/// function that is called twice has each parameter twice.
fn with_own_names(dag: &Dag) -> Dag {
    let mut dag = dag.clone();
    for (id, operator) in dag.operators.iter_mut().filter(|(_, operator)| operator.code().is_none()) {
        operator.name.push_str(&format!(" {id}"));
    }
    dag
}

impl World {
    /// Asks for the values of a graph: joins the execution of the same one, or begins it. The graph's ids must be
    /// [`RunId::of_preview`]'s and so on of `id`.
    ///
    /// # Errors
    /// Those of [`World::check_dag`], and of the stores.
    pub async fn preview(
        &self,
        id: Uuid,
        mut dag: Dag,
        packages: &BTreeMap<OperatorId, Vec<u8>>,
    ) -> Result<Preview, Error> {
        NAME.clone_into(&mut dag.name);
        let cluster = self.check_dag(&with_own_names(&dag)).await?;
        let fingerprints = Fingerprints::of(&dag, packages, cluster);
        let key = keys::preview_asked(&fingerprints.graph);
        for _ in 0..MOST_TRIES {
            let earlier = records::find::<Preview>(self.store.as_ref(), &key).await?;
            let expect = earlier.as_ref().map_or(Expect::Absent, |earlier| Expect::Version(earlier.version));
            if let Some(earlier) = earlier
                && self.is_open(earlier.value.run).await?
            {
                let Fingerprints { operators, order: asked, .. } = fingerprints;
                let preview = Preview { id, asked, operators, ..earlier.value };
                self.store.commit(vec![self.forgettable(keys::preview(id), &preview, Expect::Absent)?]).await?;
                return Ok(preview);
            }
            if let Some(preview) = self.begin_preview(id, &dag, packages, cluster, &fingerprints, expect).await? {
                return Ok(preview);
            }
        }
        Err(Error::Contended { what: "this preview".to_owned() })
    }

    /// Reads a preview.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none of that id.
    pub async fn find_preview(&self, id: Uuid) -> Result<Preview, Error> {
        Ok(records::load(self.store.as_ref(), &keys::preview(id), "preview").await?.value)
    }

    /// Notes that a client was given the result: who asks for the same work from now on wants it done again, but what
    /// contains these very operators can use their values. That this fails must not keep the result from the client.
    pub async fn preview_answered(&self, preview: &Preview, run: &Run, dag: &Dag) {
        if let Err(error) = self.note_answer(preview, run, dag).await {
            tracing::warn!(run.id = %run.id, "a preview's values cannot be used again: {error}");
        }
    }

    async fn note_answer(&self, preview: &Preview, run: &Run, dag: &Dag) -> Result<(), Error> {
        let key = keys::preview_asked(&preview.graph);
        let asked = records::find::<Preview>(self.store.as_ref(), &key).await?;
        if let Some(asked) = asked.filter(|asked| asked.value.run == run.id) {
            let forget = Write::Delete { key, expect: Expect::Version(asked.version) };
            // Whoever was quicker has begun it anew, or forgotten it as well.
            records::lost_race(self.store.commit(vec![forget]).await)?;
        }
        let (names, at) = (preview.names(), self.now());
        let mut writes = vec![];
        for (id, state) in run.operators.iter().filter(|(id, _)| !preview.reused.contains_key(id)) {
            let (Some(fingerprint), Some(operator), OperatorStatus::Succeeded) =
                (preview.operators.get(&names.operator(*id)), dag.operators.get(id), state.status)
            else {
                continue;
            };
            let (outputs, stored_as) = (operator.outputs.clone(), state.stored_as);
            let place = Place { run: run.id, operator: *id, outputs, stored_as };
            let value = Value { place, state: state.clone(), at };
            writes.push(self.forgettable(keys::preview_value(fingerprint), &value, Expect::Anything)?);
        }
        concurrent::all(writes.chunks(MOST_WRITES).map(|writes| self.store.commit(writes.to_vec()))).await?;
        Ok(())
    }

    /// Whether a run's result is still to be had. One that is under way is started once more, for the case that who
    /// submitted it did not come to that.
    async fn is_open(&self, id: RunId) -> Result<bool, Error> {
        let Some(run) = self.find_run(id).await? else { return Ok(false) };
        if !run.value.status.is_final() {
            self.start_run(id).await?;
        }
        let fresh = run.value.ended_at.is_none_or(|end| self.now() < end + RESULT_KEPT);
        Ok(fresh && run.value.status != RunStatus::Canceled)
    }

    /// Begins an execution; none if somebody else has just begun it.
    async fn begin_preview(
        &self,
        id: Uuid,
        dag: &Dag,
        packages: &BTreeMap<OperatorId, Vec<u8>>,
        cluster: Option<ClusterId>,
        fingerprints: &Fingerprints,
        expect: Expect,
    ) -> Result<Option<Preview>, Error> {
        let mut run = Run::submitted(RunId::of_preview(id), dag, cluster, BTreeMap::new(), self.now());
        let mut preview = Preview {
            id,
            run: run.id,
            graph: fingerprints.graph.clone(),
            ran: fingerprints.order.clone(),
            asked: fingerprints.order.clone(),
            operators: fingerprints.operators.clone(),
            reused: BTreeMap::new(),
        };
        let known = fingerprints.operators.iter().map(|(id, fingerprint)| self.value(dag, *id, fingerprint));
        for (id, found) in fingerprints.operators.keys().zip(concurrent::all(known).await?) {
            if let Some((place, state)) = found {
                preview.reused.insert(*id, place);
                run.operators.insert(*id, state);
            }
        }
        let executed = |id: &OperatorId| !preview.reused.contains_key(id);
        if !dag.operators.iter().any(|(id, operator)| executed(id) && operator.code().is_some()) {
            run.cluster = None;
        }
        if !dag.operators.keys().any(executed) {
            run = run::decide(&run, dag, &Command::Granted { generation: None, hardware: None }, self.now()).run;
        }
        self.store_preview(&preview, dag, packages).await?;

        let mut writes = vec![
            self.document(&run, Expect::Absent)?,
            self.forgettable(keys::preview(id), &preview, Expect::Absent)?,
            self.forgettable(keys::preview_asked(&preview.graph), &preview, expect)?,
        ];
        let finished = run.status.is_final();
        if !finished {
            writes.push(records::put(keys::open_run(run.id), &run.id, Expect::Anything)?);
        }
        if records::lost_race(self.store.commit(writes).await)? {
            return Ok(None);
        }
        if !finished {
            self.start_run(run.id).await?;
        }
        Ok(Some(preview))
    }

    /// What an operator came to a little while ago.
    async fn value(
        &self,
        dag: &Dag,
        id: OperatorId,
        fingerprint: &str,
    ) -> Result<Option<(Place, OperatorState)>, Error> {
        let found = records::find::<Value>(self.store.as_ref(), &keys::preview_value(fingerprint)).await?;
        let fresh = found.map(|found| found.value).filter(|value| self.now() < value.at + VALUE_KEPT);
        let operator = dag.operators.get(&id);
        Ok(fresh.zip(operator).and_then(|(value, operator)| Some((value.place.clone(), value.state(operator, dag)?))))
    }

    /// Stores the graph, the packages to execute, and the values that these read.
    async fn store_preview(
        &self,
        preview: &Preview,
        dag: &Dag,
        packages: &BTreeMap<OperatorId, Vec<u8>>,
    ) -> Result<(), Error> {
        let mut packages = packages.clone();
        packages.retain(|id, _| !preview.reused.contains_key(id));
        let executed = dag.operators.iter().filter(|(id, _)| !preview.reused.contains_key(id));
        let copies = executed.flat_map(|(_, operator)| &operator.inputs).filter_map(|input| {
            let producer = dag.producer(*input)?;
            let place = preview.reused.get(&producer)?;
            Some((place, place.output(&dag.operators[&producer], *input)?, *input))
        });
        // The operator's state was copied as well, so its objects lie below the same number.
        let copy = async |(Place { run, stored_as, .. }, written, input): (&Place, _, _)| -> Result<(), Error> {
            for key in [keys::content, keys::metadata] {
                self.objects.copy(&key(*run, written, *stored_as), &key(preview.run, input, *stored_as)).await?;
            }
            Ok(())
        };
        concurrent::all(copies.map(copy)).await?;
        self.store_dag(dag, &packages).await
    }

    fn forgettable<T: Serialize>(&self, key: crate::ports::Key, value: &T, expect: Expect) -> Result<Write, Error> {
        Ok(records::until(records::put(key, value, expect)?, self.now() + REMEMBERED))
    }
}
