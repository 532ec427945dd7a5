//! States that differ only in absolute numbers are one: epochs, generations and keys of the outbox are replaced by
//! their rank among those that somebody still refers to. That keeps the space small, whatever came before.

use crate::document::{Act, Document};
use crate::world::{At, Late, Who, World};
use domain::cluster::{Cluster, Effect};
use std::sync::Arc;

/// The numbers that are referred to, in order.
#[derive(Default)]
struct Ranks(Vec<u64>);

impl Ranks {
    fn see(&mut self, number: u64) {
        if let Err(place) = self.0.binary_search(&number) {
            self.0.insert(place, number);
        }
    }

    fn rank(&self, number: u64) -> u64 {
        self.0.binary_search(&number).map_or(number, |place| place as u64)
    }

    fn is_identity(&self) -> bool {
        self.0.last().is_none_or(|last| *last + 1 == self.0.len() as u64)
    }
}

impl World {
    /// Brings the world into the form that stands for all that differ from it only in numbers.
    pub fn normalise(&mut self, last: &Self) {
        self.forget_old_machines();
        self.simplify_documents(last);
        self.late.sort();
        let (mut epochs, mut generations, mut keys) = (Ranks::default(), Ranks::default(), Ranks::default());
        self.visit(&mut |number| match number {
            Number::Epoch(epoch) => epochs.see(*epoch),
            Number::Generation(generation) => generations.see((*generation).into()),
            Number::Key(key) => keys.see(*key),
        });
        if epochs.is_identity() && generations.is_identity() && keys.is_identity() {
            return;
        }
        self.visit(&mut |number| match number {
            Number::Epoch(epoch) => *epoch = epochs.rank(*epoch),
            Number::Generation(generation) => *generation = generations.rank((*generation).into()) as u32,
            Number::Key(key) => *key = keys.rank(*key),
        });
        self.processes.sort();
    }

    /// Executions that are over and that nobody will ask for, or try to start, again.
    fn forget_old_machines(&mut self) {
        if self.machines.values().all(|machine| machine.at != At::Over) {
            return;
        }
        let (document, stale, processes) = (&self.document, &self.stale, &self.processes);
        self.machines.retain(|epoch, machine| {
            let starts = |act: Act| matches!(act, Act::Start { epoch: started, .. } if started == *epoch);
            let known = |document: &Document| {
                document.0.builds().any(|awaited| awaited == *epoch) || document.acts().any(|(_, act)| starts(act))
            };
            machine.at != At::Over
                || known(document)
                || stale.as_ref().is_some_and(known)
                || processes.iter().any(|process| process.todo.iter().any(|(_, act)| starts(*act)))
        });
    }

    /// Those of the last world are simple already, and most steps change none.
    fn simplify_documents(&mut self, last: &Self) {
        let simple: Vec<_> = [Some(&last.document), last.stale.as_ref()].into_iter().flatten().collect();
        for document in [Some(&mut self.document), self.stale.as_mut()].into_iter().flatten() {
            if !simple.iter().any(|simple| Arc::ptr_eq(&simple.0, &document.0)) {
                Document::simplify(Arc::make_mut(&mut document.0));
            }
        }
    }

    /// Visits every number that stands for something.
    fn visit(&mut self, see: &mut dyn FnMut(Number<'_>)) {
        for document in [Some(&mut self.document), self.stale.as_mut()].into_iter().flatten() {
            visit_cluster(&mut document.0, see);
        }
        for process in &mut self.processes {
            if let Who::Begin(epoch) | Who::Report(epoch) = &mut process.who {
                see(Number::Epoch(epoch));
            }
            for (key, act) in &mut process.todo {
                see(Number::Key(key));
                match act {
                    Act::Start { epoch, generation, .. } => {
                        see(Number::Epoch(epoch));
                        see(Number::Generation(generation));
                    }
                    Act::Stop { epoch } => see(Number::Epoch(epoch)),
                    Act::Grant { .. } | Act::Fail { .. } | Act::Enable => {}
                }
            }
            process.done.iter_mut().for_each(|key| see(Number::Key(key)));
        }
        let machines = std::mem::take(&mut self.machines);
        for (mut epoch, mut machine) in machines {
            see(Number::Epoch(&mut epoch));
            if let At::Looked { input, .. }
            | At::Asked { input, .. }
            | At::Proceed { input }
            | At::Building { input, .. }
            | At::Orphan { input, .. } = &mut machine.at
            {
                see(Number::Generation(&mut input.generation));
            }
            self.machines.insert(epoch, machine);
        }
        let aws = std::mem::take(&mut self.aws);
        for (mut generation, existing) in aws {
            see(Number::Generation(&mut generation));
            self.aws.insert(generation, existing);
        }
        self.runs
            .iter_mut()
            .filter_map(|run| run.pod.as_mut())
            .for_each(|generation| see(Number::Generation(generation)));
        for late in &mut self.late {
            if let Late::Report { epoch, .. } = late {
                see(Number::Epoch(epoch));
            }
        }
    }
}

/// A number with its meaning.
enum Number<'a> {
    Epoch(&'a mut u64),
    Generation(&'a mut u32),
    Key(&'a mut u64),
}

/// Copies a cluster only if one of its numbers becomes another.
fn visit_cluster(cluster: &mut Arc<Cluster>, see: &mut dyn FnMut(Number<'_>)) {
    let before = Numbers::of(cluster);
    let mut numbers = before.clone();
    numbers.visit(see);
    if numbers != before {
        numbers.put_into(Arc::make_mut(cluster));
    }
}

/// All numbers of a cluster.
#[derive(Clone, PartialEq)]
struct Numbers {
    epoch: u64,
    generation: u32,
    build: Option<u64>,
    collection: Option<(u64, u32)>,
    /// Keys, and what effects name.
    outbox: Vec<(u64, Option<u64>, Option<u32>)>,
    next_effect: u64,
}

impl Numbers {
    fn of(cluster: &Cluster) -> Self {
        let named = |effect: &Effect| match effect {
            Effect::StartMachine { epoch, generation, .. } => (Some(*epoch), Some(*generation)),
            Effect::StopBuild { epoch } => (Some(*epoch), None),
            Effect::Grant { .. } | Effect::FailRuns { .. } | Effect::EnableKeepalive | Effect::Receipt { .. } => {
                (None, None)
            }
        };
        let outbox = cluster.outbox.iter().map(|(key, effect)| (*key, named(effect)));
        Self {
            epoch: cluster.epoch,
            generation: cluster.generation,
            build: cluster.phase.build().map(|build| build.epoch),
            collection: cluster.collection.as_ref().map(|collection| (collection.epoch, collection.generation)),
            outbox: outbox.map(|(key, (epoch, generation))| (key, epoch, generation)).collect(),
            next_effect: cluster.next_effect,
        }
    }

    fn visit(&mut self, see: &mut dyn FnMut(Number<'_>)) {
        see(Number::Epoch(&mut self.epoch));
        see(Number::Generation(&mut self.generation));
        self.build.iter_mut().for_each(|epoch| see(Number::Epoch(epoch)));
        if let Some((epoch, generation)) = &mut self.collection {
            see(Number::Epoch(epoch));
            see(Number::Generation(generation));
        }
        for (key, epoch, generation) in &mut self.outbox {
            see(Number::Key(key));
            epoch.iter_mut().for_each(|epoch| see(Number::Epoch(epoch)));
            generation.iter_mut().for_each(|generation| see(Number::Generation(generation)));
        }
        see(Number::Key(&mut self.next_effect));
    }

    fn put_into(self, cluster: &mut Cluster) {
        (cluster.epoch, cluster.generation, cluster.next_effect) = (self.epoch, self.generation, self.next_effect);
        if let (Some(build), Some(epoch)) = (crate::document::build_mut(&mut cluster.phase), self.build) {
            build.epoch = epoch;
        }
        if let (Some(collection), Some(numbers)) = (&mut cluster.collection, self.collection) {
            (collection.epoch, collection.generation) = numbers;
        }
        let effects = std::mem::take(&mut cluster.outbox).into_values().zip(self.outbox);
        cluster.outbox =
            effects.map(|(effect, (key, epoch, generation))| (key, renamed(effect, epoch, generation))).collect();
    }
}

/// The effect with other numbers, where it has some.
fn renamed(mut effect: Effect, to: Option<u64>, of: Option<u32>) -> Effect {
    match &mut effect {
        Effect::StartMachine { epoch, generation, .. } => {
            (*epoch, *generation) = (to.unwrap_or(*epoch), of.unwrap_or(*generation));
        }
        Effect::StopBuild { epoch } => *epoch = to.unwrap_or(*epoch),
        _ => {}
    }
    effect
}
