//! Why an attempt of an operator ended without success, and whether another attempt can help.

use super::FailureType;
use serde::{Deserialize, Serialize};

/// How often an attempt that never began is repeated though nobody asked for it.
pub const UNASKED_RETRIES: u8 = 2;

/// Why an attempt ended without success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The function raised, or its code, requirements or values are wrong.
    Function,
    /// It took longer than its time-out.
    TimedOut,
    /// It needed more memory than it has.
    OutOfMemory,
    /// The runner met an error that it would meet again.
    Runner,
    /// The runner could not reach the control plane or the store, however long it tried.
    Transport,
    /// The pod's node is gone, or has not answered for so long that Kubernetes gave up its pods.
    NodeLost,
    /// The pod had to make room on its node.
    Evicted,
    /// The pod was deleted.
    PodDeleted,
    /// The Job was deleted.
    JobDeleted,
    /// The container was killed or told to stop; nothing tells by whom.
    Killed,
    /// The node would not take the pod that was meant for it.
    NotAdmitted,
    /// The pod has a node, but its container did not start for too long.
    NotStarted,
    /// The image could not be pulled for too long.
    ImageUnavailable,
    /// There is no such image, or it is not for us.
    ImageInvalid,
    /// No node could take the pod for too long.
    Unschedulable,
    /// No node that the cluster can have could ever take the pod: none was made.
    NeverFits,
    /// The container ended by itself, but the runner has not said how.
    Silent,
    /// The cluster is gone.
    ClusterLost,
    /// The user's account let nobody look after the run for too long.
    LockedOut,
}

/// Whether another attempt can help against a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Help {
    /// It would end in the same way.
    None,
    /// Another pod may well have better luck.
    Likely,
    /// Another attempt waits once more for what did not come: Kubernetes has tried all that time.
    Waits,
}

impl Cause {
    fn help(self) -> Help {
        match self {
            Self::Function
            | Self::TimedOut
            | Self::OutOfMemory
            | Self::Runner
            | Self::ImageInvalid
            | Self::NeverFits
            | Self::ClusterLost
            | Self::LockedOut => Help::None,
            Self::Transport
            | Self::NodeLost
            | Self::Evicted
            | Self::PodDeleted
            | Self::JobDeleted
            | Self::Killed
            | Self::NotAdmitted
            | Self::Silent => Help::Likely,
            Self::NotStarted | Self::ImageUnavailable | Self::Unschedulable => Help::Waits,
        }
    }

    /// Whose failure it is, where the runner has not said so.
    #[must_use]
    pub fn failure_type(self) -> FailureType {
        match self {
            Self::Function | Self::TimedOut | Self::OutOfMemory | Self::NeverFits => FailureType::UserFatal,
            _ => FailureType::System,
        }
    }

    /// Whether the attempt's pod may still be there, waiting or running.
    pub(super) fn may_leave_a_pod(self) -> bool {
        !matches!(self, Self::Function | Self::Runner | Self::Transport | Self::NeverFits)
    }
}

/// Whether an attempt is followed by another one: the whole rule.
///
/// `began`: its function was, as far as anybody knows, called. `retries`: how often the operator has been tried again.
/// `asked`: how often its author lets it be tried again, none if the author has not said.
///
/// A function may have effects of its own, and only its author knows whether they may happen twice. So an attempt that
/// began is repeated only if the author has asked for retries; one that never began can be repeated without harm, which
/// is done a few times unless the author has asked for none. What a repetition would not change is never repeated: a
/// failing function fails again, and what has run out of time or memory needs more of it.
#[must_use]
pub fn is_tried_again(cause: Cause, began: bool, retries: u32, asked: Option<u8>) -> bool {
    let most = match (cause.help(), asked, began) {
        (Help::None, ..) => 0,
        (_, Some(asked), _) => asked,
        (Help::Likely, None, false) => UNASKED_RETRIES,
        (Help::Likely, None, true) | (Help::Waits, None, _) => 0,
    };
    retries < u32::from(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_retry_can_help_is_tried_again() {
        use Cause::*;
        // By cause: never; if asked for or, as long as it has not begun, unasked; only if asked for.
        let never = [Function, TimedOut, OutOfMemory, Runner, ImageInvalid, NeverFits, ClusterLost, LockedOut];
        let likely = [Transport, NodeLost, Evicted, PodDeleted, JobDeleted, Killed, NotAdmitted, Silent];
        let waits = [NotStarted, ImageUnavailable, Unschedulable];
        // How many retries there are in all: began and unasked, not begun and unasked, asked for 0, asked for 3.
        let rows = never
            .map(|cause| (cause, [0, 0, 0, 0]))
            .into_iter()
            .chain(likely.map(|cause| (cause, [0, 2, 0, 3])))
            .chain(waits.map(|cause| (cause, [0, 0, 0, 3])));
        for (cause, expected) in rows {
            let count = |began, asked| (0..20).take_while(|done| is_tried_again(cause, began, *done, asked)).count();
            assert_eq!([count(true, None), count(false, None), count(true, Some(0)), count(true, Some(3))], expected);
            assert_eq!((count(false, Some(0)), count(false, Some(3))), (0, expected[3]), "{cause:?}: asked is asked");
        }
    }
}
