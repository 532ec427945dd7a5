//! Everything outside the document: what the processes around it are in the middle of, and what exists in AWS.

use crate::bounds::Budget;
use crate::document::{Act, Document, Nodes, Work};
use domain::cluster::Reply;
use domain::failure::FailureClass;
use std::collections::BTreeMap;

/// How many runs there are.
pub const RUNS: usize = 2;

/// One state of the whole.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct World {
    /// The cluster as stored.
    pub document: Document,
    /// Invocations that have committed a decision, or have read an outbox, and now perform it.
    pub processes: Vec<Process>,
    /// Executions of the cluster machine, by the epoch that names them.
    pub machines: BTreeMap<u64, Machine>,
    /// The runs.
    pub runs: [Run; RUNS],
    /// What exists in AWS, by generation.
    pub aws: BTreeMap<u32, Existing>,
    /// Messages that are delivered once more, or too late.
    pub late: Vec<Late>,
    /// Whether the keepalive rule is enabled.
    pub rule: bool,
    /// A tick that has found the cluster idle for too long, and whether it saw pods alive.
    pub tick: Option<bool>,
    /// How far the sweeper is in disabling its own rule.
    pub rest: Rest,
    /// What the checker remembers, and nobody else knows.
    pub ghost: Ghost,
    /// What may still happen.
    pub left: Budget,
    /// What a faulty process read a while ago: only mutants use it.
    pub stale: Option<Document>,
}

/// An invocation that performs effects.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Process {
    /// On whose behalf.
    pub who: Who,
    /// What it answers in the end.
    pub reply: Answer,
    /// What it has still to perform.
    pub todo: Vec<(u64, Act)>,
    /// What it has performed and will take out of the outbox.
    pub done: Vec<u64>,
}

/// Who waits for a process. All but the first ask again if it dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Who {
    /// A person, or the sweeper.
    Nobody,
    /// A run that asks for the cluster.
    Ask(usize),
    /// A run that makes sure that it has it.
    Advance(usize),
    /// A run that gives it back.
    Release(usize),
    /// A cluster machine that asks whether its build may begin.
    Begin(u64),
    /// A cluster machine that reports its build's end.
    Report(u64),
}

impl Who {
    /// Whether it is the run function, which may not do everything.
    pub fn is_run(self) -> bool {
        matches!(self, Self::Ask(_) | Self::Advance(_) | Self::Release(_))
    }
}

/// The answers that somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Answer {
    Accepted,
    Granted,
    Waiting,
    Proceed,
    Superseded,
}

impl From<&Reply> for Answer {
    fn from(reply: &Reply) -> Self {
        match reply {
            Reply::Accepted => Self::Accepted,
            Reply::Granted { .. } => Self::Granted,
            Reply::Waiting => Self::Waiting,
            Reply::Proceed => Self::Proceed,
            Reply::Superseded => Self::Superseded,
        }
    }
}

/// An execution of the cluster machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Machine {
    /// From its input.
    pub work: Work,
    /// Whether it was started for leftovers; only the checker looks at it.
    pub collects: bool,
    /// Where it is.
    pub at: At,
}

/// What a build works with: written down before it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Input {
    /// Which Terraform state.
    pub generation: u32,
    /// The settings.
    pub nodes: Nodes,
}

/// The states of the cluster machine. Asking and acting are two: anything can happen between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum At {
    /// Waiting, perhaps for no time.
    Delay,
    /// About to ask whether it may begin.
    Begin,
    /// Has read the cluster and looked for pods.
    Looked { pods: bool, input: Input },
    /// Has committed that it begins, and performs the outbox.
    Asked { pods: bool, input: Input },
    /// Has been told to go on; CodeBuild has no build yet.
    Proceed { input: Input },
    /// Terraform runs and holds its lock.
    Building { input: Input, stop: bool },
    /// The execution is over, stopped by hand or by its time-out; its build is not, and may not yet have the lock. One
    /// that escapes cannot be stopped before it has it.
    Orphan { input: Input, locked: bool, stop: bool, escaped: bool },
    /// The build is over and nobody knows.
    Built { ended: Ended },
    /// Has committed the report, and performs the outbox.
    Reporting { ended: Ended },
    /// The execution is over.
    Over,
}

/// How a build ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ended {
    Well,
    /// By a failure of this class, or of any other that the life cycle reacts to in the same way.
    Badly(FailureClass),
}

/// One generation in AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Existing {
    /// All of it, or only some.
    pub whole: bool,
    /// The settings it was last built with; none while that is not known.
    pub nodes: Option<Nodes>,
}

/// A run and its machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Run {
    /// Where its machine is.
    pub at: RunAt,
    /// Whether it is over already, by failure or cancelation, whatever its machine does.
    pub ended: bool,
    /// The generation in which its pod is alive.
    pub pod: Option<u32>,
}

/// The states of a run's machine, those with a command under way apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RunAt {
    NotYet,
    /// Will ask for the cluster, or ask again.
    Asking,
    /// Has asked; the invocation is not over, its task token is known.
    Asked,
    /// Waits for its task token.
    Waiting,
    /// Has been told that it has the cluster, and makes sure.
    Granted,
    /// Makes sure; the invocation is not over.
    Advancing,
    /// Has the cluster; no pod yet.
    Ready,
    /// Its pod has started.
    Working,
    /// Is over, and will give the cluster back.
    Finishing,
    /// Gives it back; the invocation is not over.
    Releasing,
    /// Its machine is gone, and nobody was told.
    Lost,
    Over,
}

impl RunAt {
    /// Whether it is on the list of open runs.
    pub fn is_open(self) -> bool {
        !matches!(self, Self::NotYet | Self::Over)
    }
}

/// A message that comes when nobody expects it any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Late {
    /// A report of a build, again.
    Report { epoch: u64, ended: Ended },
    /// A run that was canceled meanwhile asks for the cluster.
    Acquire { run: usize },
}

/// How far the sweeper is in disabling its own rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rest {
    No,
    /// It has seen that nothing is left.
    Saw,
    /// It has disabled the rule, and looks again.
    Disabled,
}

/// What the checker remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ghost {
    /// The settings that were accepted last, less those whose update failed.
    pub wanted: Nodes,
    /// Those before the update under way.
    pub before: Nodes,
    /// Whether a person has asked for the creation under way.
    pub asked: bool,
    /// Whether a build has ever escaped its fence: what that leaves is the garbage collector's.
    pub escaped: bool,
    /// Whether a person has forced the end of this generation.
    pub forced: bool,
    /// Whether anything has happened that justifies a teardown.
    pub justified: bool,
    /// Whether somebody could not enable the rule: whoever wanted something is told so, but need not come again.
    pub unattended: bool,
}

impl World {
    /// Nothing has happened yet.
    pub fn new(left: Budget) -> Self {
        let document = Document::registered();
        let nodes = Nodes::of(&document.0.settings);
        Self {
            document,
            processes: vec![],
            machines: BTreeMap::new(),
            runs: [Run { at: RunAt::NotYet, ended: false, pod: None }; RUNS],
            aws: BTreeMap::new(),
            late: vec![],
            rule: false,
            tick: None,
            rest: Rest::No,
            ghost: Ghost {
                wanted: nodes,
                before: nodes,
                asked: false,
                escaped: false,
                forced: false,
                justified: false,
                unattended: false,
            },
            left,
            stale: None,
        }
    }

    /// Whether nothing is under way but what waits for the rule to tick, or for the cluster.
    pub fn is_quiet(&self) -> bool {
        let waits = |at| matches!(at, RunAt::NotYet | RunAt::Waiting | RunAt::Granted | RunAt::Lost | RunAt::Over);
        self.processes.is_empty()
            && self.machines.values().all(|machine| machine.at == At::Over)
            && self.late.is_empty()
            && self.tick.is_none()
            && self.rest == Rest::No
            && self.runs.iter().all(|run| run.pod.is_none() && waits(run.at))
    }

    /// The generations of which AWS has something although they are over.
    pub fn leftovers(&self) -> impl Iterator<Item = u32> + '_ {
        self.aws.keys().copied().filter(|generation| self.document.0.is_over(*generation))
    }

    /// Whether a pod is alive in the present generation.
    pub fn pods(&self) -> bool {
        self.runs.iter().any(|run| run.pod == Some(self.document.0.generation))
    }
}
