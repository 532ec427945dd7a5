//! What makes two graphs the same work.
//!
//! Clients make up the ids of a graph. A client that calls a function twice makes up new ones, and wants it to run
//! twice; one that sends the same ids again means the same values. Hence two fingerprints: one of the whole graph that
//! does not look at ids, for a client that asks again because it was not answered, and one of each operator that does,
//! for a graph that contains an earlier one.

use domain::flow::{Code, Dag, Operator};
use domain::{ArtifactId, ClusterId, OperatorId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};

/// The fingerprints of a graph and its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprints {
    /// Of the whole, whatever its ids.
    pub graph: String,
    /// Of each operator with all that it depends on, ids included.
    pub operators: BTreeMap<OperatorId, String>,
    /// Its nodes in an order that does not depend on ids.
    pub order: Order,
}

/// The nodes of a graph. Graphs with the same fingerprint are the same, node by node, in this order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The operators, each after those it waits for.
    pub operators: Vec<OperatorId>,
    /// The artifacts, by the operators that write them.
    pub artifacts: Vec<ArtifactId>,
}

impl Fingerprints {
    /// Takes the fingerprints of a graph that holds together and will run on this cluster.
    #[must_use]
    pub fn of(dag: &Dag, packages: &BTreeMap<OperatorId, Vec<u8>>, cluster: Option<ClusterId>) -> Self {
        let codes: BTreeMap<_, _> = packages.iter().map(|(id, package)| (*id, package_digest(package))).collect();
        let nodes: BTreeMap<_, _> = dag.operators.iter().map(|(id, o)| (*id, node(o, codes.get(id)))).collect();
        let mut operators: BTreeMap<OperatorId, String> = BTreeMap::new();
        let mut shapes: BTreeMap<OperatorId, String> = BTreeMap::new();
        for id in dag.in_order() {
            let (operator, node) = (&dag.operators[&id], &nodes[&id]);
            let inputs = |of: &BTreeMap<OperatorId, String>| -> Vec<Value> {
                operator.inputs.iter().map(|input| source(dag, *input, |id| of.get(&id).cloned())).collect()
            };
            let exact = digest(&(id, node, inputs(&operators), &operator.outputs));
            let shape = digest(&(node, inputs(&shapes)));
            operators.insert(id, exact);
            shapes.insert(id, shape);
        }
        let order = order(dag, &shapes);
        Self { graph: graph(dag, &nodes, &order, cluster), operators, order }
    }
}

/// Where an input comes from: what stands for its operator, and which of its outputs it is.
type Value = (Option<String>, Option<usize>);

fn source(dag: &Dag, artifact: ArtifactId, name: impl Fn(OperatorId) -> Option<String>) -> Value {
    let producer = dag.producer(artifact);
    let place = producer.and_then(|id| dag.operators[&id].outputs.iter().position(|output| *output == artifact));
    (producer.and_then(name), place)
}

/// An operator by itself: what it is and needs, but neither its ids nor what it is connected to.
fn node(operator: &Operator, package: Option<&String>) -> String {
    let Operator { name, kind, resources, engine, .. } = operator;
    let package = package.filter(|_| matches!(operator.code(), Some(Code::Package { .. })));
    digest(&(name, kind, resources, engine, package))
}

/// The whole, its nodes numbered by their order. It describes the graph in full: where it is the same, so is the graph.
fn graph(dag: &Dag, nodes: &BTreeMap<OperatorId, String>, order: &Order, cluster: Option<ClusterId>) -> String {
    let number = |id| order.operators.iter().position(|other| *other == id).map(|number| number.to_string());
    let described = order.operators.iter().map(|id| {
        let operator = &dag.operators[id];
        let inputs: Vec<_> = operator.inputs.iter().map(|input| source(dag, *input, number)).collect();
        let expected = |output| dag.artifacts.get(output).map(|artifact| artifact.expected_type.as_str());
        let outputs: Vec<_> = operator.outputs.iter().map(expected).collect();
        (&nodes[id], inputs, outputs)
    });
    digest(&(described.collect::<Vec<_>>(), dag.engine, cluster))
}

/// Goes from the ends of the graph, sorted by what they are, back along the inputs. Ends that are the same may come
/// in either order; at worst, two graphs that are the same are then not known to be.
fn order(dag: &Dag, shapes: &BTreeMap<OperatorId, String>) -> Order {
    let mut ends: Vec<_> = dag.operators.keys().filter(|id| !feeds_another(dag, **id)).copied().collect();
    ends.sort_by_key(|id| shapes.get(id));
    let mut operators = vec![];
    let mut seen = BTreeSet::new();
    let mut stack: Vec<_> = ends.into_iter().rev().map(|id| (id, false)).collect();
    while let Some((id, inputs_done)) = stack.pop() {
        if inputs_done {
            operators.push(id);
        } else if seen.insert(id) {
            stack.push((id, true));
            let upstream: Vec<_> = dag.upstream(id).collect();
            stack.extend(upstream.into_iter().rev().map(|id| (id, false)));
        }
    }
    let artifacts = operators.iter().flat_map(|id| dag.operators[id].outputs.clone()).collect();
    Order { operators, artifacts }
}

fn feeds_another(dag: &Dag, id: OperatorId) -> bool {
    let outputs = &dag.operators[&id].outputs;
    dag.operators.values().any(|other| other.inputs.iter().any(|input| outputs.contains(input)))
}

/// A package by what is in it. The name of its top folder is random, and its entries carry times; what was compressed
/// by the same client is compressed to the same bytes.
fn package_digest(package: &[u8]) -> String {
    contents(package).map_or_else(|| sha256(package), |contents| digest(&contents))
}

fn contents(package: &[u8]) -> Option<BTreeMap<String, String>> {
    let mut zip = zip::ZipArchive::new(Cursor::new(package)).ok()?;
    let mut contents = BTreeMap::new();
    for at in 0..zip.len() {
        let mut entry = zip.by_index_raw(at).ok()?;
        let name = entry.name().ok()?.split_once('/')?.1.to_owned();
        let mut bytes = vec![];
        entry.read_to_end(&mut bytes).ok()?;
        contents.insert(name, sha256(&bytes));
    }
    Some(contents)
}

fn digest(value: &impl Serialize) -> String {
    // Only maps with keys that are no texts cannot be put as JSON; there are none here.
    sha256(&serde_json::to_vec(value).unwrap_or_default())
}

fn sha256(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(&Sha256::digest(bytes))
}

#[cfg(test)]
#[path = "fingerprint_tests.rs"]
mod tests;
