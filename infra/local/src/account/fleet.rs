//! The nodes and pods of one cluster, kept in step with what its node groups are set to and its pods ask for.
//!
//! One watch of all pods drives everything: pods bound to a node here are handed to the kubelet, and after each event
//! the planner decides whether nodes come or go. Apart from a node falling idle, nothing happens by the clock.

use super::instance_types::NodeType;
use super::kubelet::{Kubelet, Site};
use super::node::{self, Registration};
use super::node_group::{self, Demand, Group, NodeUse, Plan, is_finished, is_job, is_unschedulable, plan_nodes};
use super::resources::Resources;
use super::scaling::Scaling;
use futures::StreamExt;
use k8s_openapi::api::core::v1::{Pod, Taint};
use kube::runtime::{WatchStreamExt, watcher, watcher::Event};
use kube::{Api, ResourceExt};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, sleep_until};

const RETRY: Duration = Duration::from_secs(2);

/// What a node group is set to.
#[derive(Debug, Clone)]
pub(crate) struct GroupSettings {
    /// Its name.
    pub name: String,
    /// What its nodes are.
    pub node_type: NodeType,
    /// The fewest nodes.
    pub min: usize,
    /// The most nodes.
    pub max: usize,
    /// The nodes to begin with.
    pub desired: usize,
    /// The labels of its nodes.
    pub labels: BTreeMap<String, String>,
    /// The taints of its nodes.
    pub taints: Vec<Taint>,
    /// All that was asked for.
    pub configuration: serde_json::Value,
}

/// What became of an order to resize a group.
pub(crate) enum Resized {
    /// It was carried out, and ended these pods of jobs.
    Done(Vec<Pod>),
    /// It was not, for this reason.
    Refused(String),
}

/// The nodes and pods of one cluster.
pub(crate) struct Fleet {
    site: Arc<Site>,
    kubelet: Arc<Kubelet>,
    kubelet_port: u16,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    groups: BTreeMap<String, GroupSettings>,
    nodes: BTreeMap<String, Node>,
    pods: BTreeMap<String, Pod>,
    /// The pods of a listing that is not complete yet.
    listing: BTreeMap<String, Pod>,
    nodes_ever: u64,
}

struct Node {
    group: String,
    idle_since: Option<Instant>,
}

impl Fleet {
    /// A fleet without nodes.
    pub(crate) fn new(site: Arc<Site>, kubelet: Arc<Kubelet>, kubelet_port: u16) -> Self {
        Self { site, kubelet, kubelet_port, state: Mutex::default(), changed: Notify::new() }
    }

    /// Follows the cluster's pods for ever.
    pub(crate) async fn run(self: Arc<Self>) {
        let pods = Api::<Pod>::all(self.site.client.clone());
        let mut events = watcher(pods, watcher::Config::default()).default_backoff().boxed();
        let mut look_again = None;
        loop {
            let due = async {
                match look_again {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                event = events.next() => match event {
                    Some(Ok(event)) => self.observe(event).await,
                    Some(Err(error)) => self.site.journal.note(format_args!("watch pods: {error}")),
                    None => return,
                },
                () = self.changed.notified() => {}
                () = due => {}
            }
            look_again = self.reconcile().await.unwrap_or_else(|error| {
                self.site.journal.note(format_args!("change nodes: {error}"));
                Some(Instant::now() + RETRY)
            });
        }
    }

    /// Creates a node group, or changes all of one but its size; the nodes to begin with are there on return.
    pub(crate) async fn put_group(&self, settings: GroupSettings) -> Result<(), kube::Error> {
        let mut state = self.state.lock().await;
        let (name, desired) = (settings.name.clone(), settings.desired.clamp(settings.min, settings.max));
        let is_new = state.groups.insert(name.clone(), settings).is_none();
        if is_new {
            for _ in 0..desired {
                self.add_node(&mut state, &name).await?;
            }
        }
        drop(state);
        self.reconcile().await?;
        self.changed.notify_one();
        Ok(())
    }

    /// Removes a node group with its nodes and what runs on them; false if there is none of that name.
    pub(crate) async fn delete_group(&self, name: &str) -> Result<bool, kube::Error> {
        let mut state = self.state.lock().await;
        if !state.groups.contains_key(name) {
            return Ok(false);
        }
        for node in nodes_of(&state, name) {
            self.end_node(&mut state, &node).await?;
        }
        state.groups.remove(name);
        Ok(true)
    }

    /// Gives a group other limits, and another size if one is named. Whoever names a smaller one ends nodes with whatever
    /// runs on them, as in AWS; those pods of jobs are told. None if there is no such group.
    pub(crate) async fn resize(&self, name: &str, scaling: &Scaling) -> Result<Option<Resized>, kube::Error> {
        let mut state = self.state.lock().await;
        let mut nodes = nodes_of(&state, name);
        let Some(group) = state.groups.get_mut(name) else { return Ok(None) };
        if let Err(refusal) = scaling.resize(group, nodes.len()) {
            return Ok(Some(Resized::Refused(refusal)));
        }
        let size = scaling.desired.unwrap_or(nodes.len());
        for _ in nodes.len()..size {
            self.add_node(&mut state, name).await?;
        }
        let mut ended = Vec::new();
        for node in nodes.split_off(size.min(nodes.len())) {
            ended.extend(self.end_node(&mut state, &node).await?);
        }
        drop(state);
        self.changed.notify_one();
        Ok(Some(Resized::Done(ended)))
    }

    /// Takes a node away from whatever runs on it; the pods of jobs that had not ended.
    async fn end_node(&self, state: &mut State, node: &str) -> Result<Vec<Pod>, kube::Error> {
        let client = &self.site.client;
        node::cordon(client, node, true).await?;
        let mut pods = node::pods(client, node).await?;
        node::remove(client, node, &pods).await?;
        state.nodes.remove(node);
        pods.retain(|pod| is_job(pod) && !is_finished(pod));
        Ok(pods)
    }

    /// The settings of a node group and the names of its nodes.
    pub(crate) async fn group(&self, name: &str) -> Option<(GroupSettings, Vec<String>)> {
        let state = self.state.lock().await;
        Some((state.groups.get(name)?.clone(), nodes_of(&state, name)))
    }

    /// The names of all node groups and of all nodes.
    pub(crate) async fn names(&self) -> (Vec<String>, Vec<String>) {
        let state = self.state.lock().await;
        (state.groups.keys().cloned().collect(), state.nodes.keys().cloned().collect())
    }

    /// A pod that is bound to a node here, has these labels and has not ended; and that node.
    pub(crate) async fn running(&self, labels: &BTreeMap<String, String>) -> Option<(Pod, String)> {
        let state = self.state.lock().await;
        let found = state.pods.values().find(|pod| {
            is_here(&state, pod)
                && !is_finished(pod)
                && labels.iter().all(|(key, value)| pod.labels().get(key) == Some(value))
        })?;
        Some((found.clone(), found.spec.as_ref()?.node_name.clone()?))
    }

    /// The pods of jobs that have a node here, of one group or of any, and have not ended.
    pub(crate) async fn at_work(&self, group: Option<&str>) -> Vec<Pod> {
        let state = self.state.lock().await;
        let is_there = |pod: &Pod| {
            let name = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
            let node = name.and_then(|name| state.nodes.get(name));
            node.is_some_and(|node| group.is_none_or(|group| node.group == group))
        };
        let pods = state.pods.values();
        pods.filter(|pod| is_there(pod) && is_job(pod) && !is_finished(pod)).cloned().collect()
    }

    /// Forgets a node that is gone.
    pub(crate) async fn forget_node(&self, name: &str) {
        self.state.lock().await.nodes.remove(name);
    }

    /// Has the planner look at the nodes again.
    pub(crate) fn look_again(&self) {
        self.changed.notify_one();
    }

    /// Its pods' processes.
    pub(crate) fn kubelet(&self) -> &Kubelet {
        &self.kubelet
    }

    /// The way to its API server.
    pub(crate) fn client(&self) -> &kube::Client {
        &self.site.client
    }

    /// Notes an event.
    pub(crate) fn note(&self, text: std::fmt::Arguments<'_>) {
        self.site.journal.note(text);
    }

    async fn observe(&self, event: Event<Pod>) {
        let mut state = self.state.lock().await;
        match event {
            Event::Init => state.listing.clear(),
            Event::InitApply(pod) => {
                state.listing.insert(pod.uid().unwrap_or_default(), pod);
            }
            Event::InitDone => {
                state.pods = std::mem::take(&mut state.listing);
                let uids: BTreeSet<String> = state.pods.keys().cloned().collect();
                self.kubelet.keep_only(&uids);
                for pod in state.pods.values().filter(|pod| is_here(&state, pod)) {
                    self.kubelet.sync(pod);
                }
            }
            Event::Apply(pod) => {
                if is_here(&state, &pod) {
                    self.kubelet.sync(&pod);
                }
                state.pods.insert(pod.uid().unwrap_or_default(), pod);
            }
            Event::Delete(pod) => {
                let uid = pod.uid().unwrap_or_default();
                state.pods.remove(&uid);
                self.kubelet.forget(&uid);
            }
        }
    }

    /// Carries out what the planner decides; returns when to look again although nothing has happened.
    async fn reconcile(&self) -> Result<Option<Instant>, kube::Error> {
        let mut state = self.state.lock().await;
        let Plan { add, remove, mut look_again } = plan(&mut state, Instant::now());
        for group in add {
            self.add_node(&mut state, &group).await?;
        }
        for name in remove {
            if !self.remove_node(&mut state, &name).await? {
                look_again = Some(Instant::now() + RETRY);
            }
        }
        Ok(look_again)
    }

    async fn add_node(&self, state: &mut State, group: &str) -> Result<(), kube::Error> {
        let Some(settings) = state.groups.get(group) else { return Ok(()) };
        let name = format!("{}-{}", host_name(group), state.nodes_ever + 1);
        let mut labels = settings.labels.clone();
        labels.insert("eks.amazonaws.com/nodegroup".to_owned(), group.to_owned());
        let (node_type, taints) = (&settings.node_type, &settings.taints);
        let kubelet_port = self.kubelet_port;
        let registration = Registration { name: &name, node_type, labels: &labels, taints, kubelet_port };
        registration.register(&self.site.client).await?;
        self.site.journal.note(format_args!("node {name} ({}) joined", node_type.name));
        state.nodes_ever += 1;
        state.nodes.insert(name, Node { group: group.to_owned(), idle_since: Some(Instant::now()) });
        Ok(())
    }

    /// Closes the node, and removes it unless a job was bound to it in the last moment.
    async fn remove_node(&self, state: &mut State, name: &str) -> Result<bool, kube::Error> {
        let client = &self.site.client;
        node::cordon(client, name, true).await?;
        let pods = node::pods(client, name).await?;
        if pods.iter().any(|pod| is_job(pod) && !is_finished(pod)) {
            node::cordon(client, name, false).await?;
            return Ok(false);
        }
        // Finished jobs stay to be read; the cluster's own collector takes them in its time.
        let services: Vec<Pod> = pods.into_iter().filter(|pod| !is_finished(pod)).collect();
        node::remove(client, name, &services).await?;
        self.site.journal.note(format_args!("node {name} left after having been idle"));
        state.nodes.remove(name);
        Ok(true)
    }
}

/// Notes which nodes fell idle or busy, and asks the planner.
fn plan(state: &mut State, now: Instant) -> Plan {
    let mut used: BTreeMap<&str, (Resources, bool)> = BTreeMap::new();
    let mut waiting = Vec::new();
    for pod in state.pods.values().filter(|pod| !is_finished(pod)) {
        match pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()) {
            Some(node) => {
                let (resources, busy) = used.entry(node).or_default();
                *resources += Demand::of(pod).requests;
                *busy |= is_job(pod);
            }
            None if is_job(pod) && is_unschedulable(pod) => waiting.push(Demand::of(pod)),
            None => {}
        }
    }
    let mut nodes = Vec::new();
    for (name, node) in &mut state.nodes {
        let (used, busy) = used.get(name.as_str()).copied().unwrap_or_default();
        node.idle_since = if busy { None } else { node.idle_since.or(Some(now)) };
        nodes.push(NodeUse { name: name.clone(), group: node.group.clone(), used, idle_since: node.idle_since });
    }
    let groups: Vec<Group> = state.groups.values().map(GroupSettings::for_planner).collect();
    plan_nodes(&groups, &nodes, &waiting, now)
}

impl GroupSettings {
    fn for_planner(&self) -> node_group::Group {
        Group {
            name: self.name.clone(),
            min: self.min,
            max: self.max,
            labels: self.labels.clone(),
            taints: self.taints.clone(),
            room: self.node_type.allocatable,
        }
    }
}

fn nodes_of(state: &State, group: &str) -> Vec<String> {
    state.nodes.iter().filter(|(_, node)| node.group == group).map(|(name, _)| name.clone()).collect()
}

fn is_here(state: &State, pod: &Pod) -> bool {
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_ref());
    node.is_some_and(|node| state.nodes.contains_key(node))
}

/// `text` with what a host name must not hold replaced.
fn host_name(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    lower.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}
