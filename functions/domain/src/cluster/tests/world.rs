//! A small world around a cluster: three runs with their pods, a person, the keepalive rule, and cluster machines
//! whose builds begin, end, are reported late, twice or never.
//!
//! It does what the functions around the domain do, and after every step checks the invariants of the life cycle.

use super::*;

/// What can happen next. Numbers choose among what is there at that moment.
#[derive(Debug, Clone)]
pub(super) enum Happening {
    Acquire(u128),
    Release(u128),
    PodStarts(u128),
    PodEnds(u128),
    Create(Option<u32>),
    Update(u32),
    Keepalive(u32),
    Delete,
    ForceDelete,
    Wait(u16),
    Tick,
    /// The outbox is performed; what is not forgotten will be performed again.
    Perform {
        forget: bool,
    },
    /// A machine starts, if it has not, and asks whether its build may begin, be it for the second time.
    Begin(usize),
    Succeed(usize),
    Fail(usize, FailureClass),
    /// A machine's build fails before its machine could even ask.
    FailUnbegun(usize),
    /// A machine and its build end, and nobody tells.
    Vanish(usize),
    /// Something that was reported once is reported again.
    Repeat(usize),
}

/// How far a cluster machine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Machine {
    Started,
    Building,
    Ended,
}

pub(super) struct World {
    pub story: Story,
    machines: BTreeMap<u64, Machine>,
    reports: Vec<Command>,
    pods: BTreeSet<RunId>,
    /// Runs that asked for the cluster, have not given it back and were not told that they lost it.
    needing: BTreeSet<RunId>,
    /// Those of them that were told that they have it.
    told: BTreeSet<RunId>,
    /// What the settings must be.
    settings: Settings,
    /// What they were before an update that is not over.
    before_update: Option<Settings>,
    /// Whether a person has forced the end of this generation.
    forced: bool,
}

impl World {
    /// A cluster that has been used by a run whose pod is still there.
    pub fn lived_in() -> Self {
        use Happening::{Acquire, Begin, PodStarts, Release, Succeed};
        let mut world = Self::new();
        [Acquire(1), Begin(0), Succeed(0), PodStarts(1), Release(1)].iter().for_each(|life| world.step(life));
        assert!(world.story.status() == Status::Active && world.live_pods() == 1);
        world
    }

    pub fn new() -> Self {
        Self {
            story: Story::terminated(),
            machines: BTreeMap::new(),
            reports: vec![],
            pods: BTreeSet::new(),
            needing: BTreeSet::new(),
            told: BTreeSet::new(),
            settings: Settings::default(),
            before_update: None,
            forced: false,
        }
    }

    pub fn step(&mut self, happening: &Happening) {
        match happening {
            Happening::Acquire(n) => {
                self.needing.insert(run(*n));
                if let Some(Reply::Granted { .. }) = self.send(&Command::Acquire { run: run(*n) }) {
                    self.told.insert(run(*n));
                }
            }
            Happening::Release(n) => self.release(run(*n)),
            Happening::PodStarts(n) if self.holds(run(*n)) => _ = self.pods.insert(run(*n)),
            Happening::PodStarts(_) => {}
            Happening::PodEnds(n) => _ = self.pods.remove(&run(*n)),
            Happening::Create(nodes) => {
                let delta = nodes.map_or_else(SettingsDelta::default, |n| delta(json!({"max_cpu_node": n})));
                self.ask(&Command::Create { delta: delta.clone() }, &delta);
            }
            Happening::Update(nodes) => self.update(&delta(json!({"max_cpu_node": nodes}))),
            Happening::Keepalive(seconds) => self.update(&delta(json!({"keepalive": seconds}))),
            Happening::Delete => _ = self.send(&Command::Delete),
            Happening::ForceDelete => {
                self.forced |= self.story.status() != Status::Terminated;
                self.send(&Command::ForceDelete);
            }
            Happening::Wait(seconds) => _ = self.story.later((*seconds).into()),
            Happening::Tick => self.tick(),
            Happening::Perform { forget } => self.perform(*forget),
            Happening::Begin(choice) => self.begin(*choice),
            Happening::Succeed(choice) => {
                if let Some(epoch) = self.choose(Machine::Building, *choice) {
                    self.report(Command::BuildSucceeded { epoch, report: BuildReport::default() }, epoch);
                }
            }
            Happening::Fail(choice, class) => {
                if let Some(epoch) = self.choose(Machine::Building, *choice) {
                    self.report(Command::BuildFailed { epoch, failure: failure(*class) }, epoch);
                }
            }
            Happening::FailUnbegun(choice) => {
                if let Some(epoch) = self.choose(Machine::Started, *choice) {
                    self.report(Command::BuildFailed { epoch, failure: failure(FailureClass::Unknown) }, epoch);
                }
            }
            Happening::Vanish(choice) => {
                if let Some(epoch) = self.choose(Machine::Building, *choice) {
                    self.machines.insert(epoch, Machine::Ended);
                }
            }
            Happening::Repeat(choice) => {
                if !self.reports.is_empty() {
                    let report = self.reports[choice % self.reports.len()].clone();
                    self.send(&report);
                }
            }
        }
        self.check();
    }

    /// Everybody lets go, builds succeed, time passes: whether nothing is left in the end.
    pub fn comes_to_rest(&mut self) -> bool {
        (1..=3).for_each(|n| self.release(run(n)));
        self.pods.clear();
        for _ in 0..12 {
            self.perform(true);
            for choice in 0..2 {
                self.begin(choice);
                self.step(&Happening::Succeed(choice));
            }
            self.story.later(100_000);
            self.tick();
        }
        self.story.status() == Status::Terminated
    }

    fn update(&mut self, delta: &SettingsDelta) {
        self.ask(&Command::Update { delta: delta.clone() }, delta);
    }

    /// Sends a person's command that changes settings; if it is accepted, they must be changed.
    fn ask(&mut self, command: &Command, delta: &SettingsDelta) {
        let before = self.settings.clone();
        if self.send(command).is_some() {
            self.settings = before.merged(delta).expect("only maxima are raised");
            if self.story.started().is_some_and(|(purpose, _)| purpose == Purpose::Update) {
                self.before_update = Some(before);
            }
        }
    }

    /// Sends a command and takes in what the runs are told by its effects. None if it was refused.
    fn send(&mut self, command: &Command) -> Option<Reply> {
        let generation = self.story.cluster.generation;
        let status = self.story.status();
        let reply = self.story.does(command).ok()?;
        for effect in self.story.effects.clone() {
            match effect {
                Effect::Grant { run, .. } => _ = self.told.insert(run),
                Effect::FailRuns { runs, .. } => {
                    self.needing.retain(|run| !runs.contains(run));
                    self.told.retain(|run| !runs.contains(run));
                }
                _ => {}
            }
        }
        let active = self.story.status() == Status::Active;
        if status == Status::Updating && active && matches!(command, Command::BuildFailed { .. }) {
            self.settings = self.before_update.take().expect("an update was under way");
        }
        let gone = self.story.status() == Status::Terminated || self.story.cluster.generation != generation;
        if gone {
            self.pods.clear();
        }
        self.forced &= !gone;
        Some(reply)
    }

    fn release(&mut self, run: RunId) {
        self.needing.remove(&run);
        self.told.remove(&run);
        self.send(&Command::Release { run });
    }

    fn holds(&self, run: RunId) -> bool {
        self.story.cluster.phase.leases().is_some_and(|leases| leases.contains(&run))
    }

    fn perform(&mut self, forget: bool) {
        for effect in self.story.cluster.outbox.values() {
            if let Effect::StartMachine { epoch, .. } = effect {
                self.machines.entry(*epoch).or_insert(Machine::Started);
            }
        }
        if forget {
            self.story.cluster.outbox.clear();
        }
    }

    /// What the keepalive function does.
    fn tick(&mut self) {
        self.perform(true);
        let phase = self.story.cluster.phase.clone();
        for run in phase.leases().or(phase.waiters()).into_iter().flatten() {
            if !self.needing.contains(run) {
                self.release(*run);
            }
        }
        if let Some(epoch) = self.story.cluster.phase.build().map(|build| build.epoch)
            && self.machines.get(&epoch) == Some(&Machine::Ended)
        {
            self.report(Command::BuildFailed { epoch, failure: failure(FailureClass::BuildLost) }, epoch);
        }
        let live_pods = self.live_pods();
        self.send(&Command::KeepaliveTick { live_pods });
    }

    fn begin(&mut self, choice: usize) {
        self.perform(false);
        let asking: Vec<u64> =
            self.machines.iter().filter(|(_, state)| **state != Machine::Ended).map(|(epoch, _)| *epoch).collect();
        if asking.is_empty() {
            return;
        }
        let epoch = asking[choice % asking.len()];
        let build = self.story.cluster.phase.build().cloned();
        let destroys = build.is_some_and(|build| build.purpose == Purpose::Destroy && build.epoch == epoch);
        let live_pods = self.live_pods();
        match self.send(&Command::BeginBuild { epoch, live_pods }) {
            Some(Reply::Proceed) => {
                self.machines.insert(epoch, Machine::Building);
                if destroys {
                    assert_eq!(self.story.cluster.phase.leases(), None, "a cluster in use is being destroyed");
                    assert!(self.forced || self.pods.is_empty(), "live pods are being destroyed");
                }
            }
            // Its build goes on if it was let begin before; only a machine that never built ends here.
            _ if self.machines[&epoch] == Machine::Started => _ = self.machines.insert(epoch, Machine::Ended),
            _ => {}
        }
    }

    fn choose(&self, state: Machine, choice: usize) -> Option<u64> {
        let there: Vec<u64> = self.machines.iter().filter(|(_, s)| **s == state).map(|(epoch, _)| *epoch).collect();
        (!there.is_empty()).then(|| there[choice % there.len()])
    }

    fn report(&mut self, report: Command, epoch: u64) {
        self.machines.insert(epoch, Machine::Ended);
        self.reports.push(report.clone());
        self.send(&report);
    }

    fn live_pods(&self) -> u32 {
        u32::try_from(self.pods.len()).expect("few pods")
    }

    fn check(&self) {
        let cluster = &self.story.cluster;
        let building: Vec<_> = self.machines.iter().filter(|(_, state)| **state == Machine::Building).collect();
        assert!(building.len() <= 1, "builds run at once: {building:?}");

        assert!(!(self.forced && cluster.status() == Status::Active), "a forced end was called off");

        let (none, phase) = (BTreeSet::new(), &cluster.phase);
        let (leases, waiters) = (phase.leases().unwrap_or(&none), phase.waiters().unwrap_or(&none));
        for run in &self.needing {
            assert!(leases.contains(run) || waiters.contains(run), "{run} is forgotten while {:?}", cluster.phase);
        }
        for run in leases.intersection(&self.needing) {
            assert!(self.told.contains(run), "{run} has a lease, but was not told");
        }

        assert_eq!(cluster.settings, self.settings, "the settings while {}", cluster.status());
        if let Phase::Updating { previous, .. } = &cluster.phase {
            assert_eq!(Some(&**previous), self.before_update.as_ref());
        }
    }
}
