//! Terraform is killed the moment a resource has been made or destroyed, before it learns of that and before it has
//! written anything down. The next build goes on: at its end there is one of everything, or nothing.

use crate::lab::{Lab, RESOURCES, all};
use domain::failure::Reaction;
use serde_json::json;

/// Where Terraform is killed.
pub struct Point {
    /// `create` or `delete`.
    pub operation: &'static str,
    /// The resource's type.
    pub kind: &'static str,
    /// Which of its type, in the order of the work.
    pub number: usize,
    /// Whether it is tried without being asked for. Before the NAT gateway is made, enough has been that is found again
    /// in each way: by id, by name, by tags, by the ids of others.
    pub stands_for_others: bool,
}

const ALWAYS: [(&str, &str, usize); 2] = [("create", "aws_nat_gateway", 0), ("delete", "aws_eks_cluster", 0)];

/// Every resource, created and destroyed.
pub fn points() -> impl Iterator<Item = Point> {
    ["create", "delete"].into_iter().flat_map(|operation| {
        RESOURCES.iter().flat_map(move |(kind, count)| {
            (0..*count).map(move |number| {
                let stands_for_others = ALWAYS.contains(&(operation, kind, number));
                Point { operation, kind, number, stands_for_others }
            })
        })
    })
}

pub fn resumed(lab: &Lab, point: &Point) {
    let name = format!("{}{}{}", &point.operation[..1], point.kind.trim_start_matches("aws_"), point.number);
    let mut cluster = lab.cluster(&name.replace('_', ""));
    let fault = json!({"type": point.kind, "operation": point.operation, "kill": "after", "after": point.number});
    if point.operation == "delete" {
        cluster.build("apply").succeeded();
    }
    cluster.fault(&fault);
    let action = if point.operation == "create" { "apply" } else { "destroy" };
    let killed = cluster.build(action);
    assert_ne!(killed.code, Some(0), "{}", killed.log);
    assert_eq!(killed.summary["lock"], "held", "the summary tells of the lock: {}", killed.summary);
    let failure = domain::diagnosis::diagnose(&killed.events).expect("an error is told");
    assert_eq!(failure.class.reaction(), Reaction::TryAgain, "{failure:?}");

    let refused = cluster.build(action);
    assert_ne!(refused.code, Some(0), "nobody else may begin");
    let failure = domain::diagnosis::diagnose(&refused.events).expect("an error is told");
    assert_eq!(failure.class, domain::failure::FailureClass::StateLocked, "{failure:?}");

    cluster.take_over();
    let resumed = cluster.build(action).succeeded();
    assert_eq!(resumed.summary["lock"], "free");
    assert!(cluster.is_free());
    if point.operation == "create" {
        assert_eq!(cluster.in_account(), all(), "one of everything: {}", resumed.log);
        assert_eq!(cluster.in_state(), all(), "and all of it is known");
        assert_eq!(cluster.build("plan").succeeded().changes(), [0, 0, 0], "and nothing is left to do");
        cluster.build("destroy").succeeded();
    }
    assert_eq!(cluster.tagged(), Vec::<String>::new(), "nothing has the cluster's tags");
    assert_eq!(cluster.in_account().into_iter().collect::<Vec<_>>(), [], "{}", resumed.log);
    assert_eq!(cluster.in_state().into_iter().collect::<Vec<_>>(), []);
    cluster.forget();
}

/// A machine dies when nearly all is made, and the last it told is what it was going to make. Nor has a state been written
/// by then. All is found again: by name, by tags, and by the ids of others, which may be names.
pub fn without_a_word(lab: &Lab) {
    let mut cluster = lab.cluster("noword");
    cluster.fault(&json!({"type": "aws_eks_addon", "operation": "create", "kill": "after", "after": 3}));
    let killed = cluster.build("apply");
    assert_eq!(killed.summary["lock"], "held", "{}", killed.log);
    assert!(cluster.in_account().contains_key("aws_eks_pod_identity_association"), "{}", killed.log);
    cluster.lose_report();

    cluster.take_over();
    let resumed = cluster.build("apply").succeeded();
    assert_eq!(cluster.in_account(), all(), "one of everything: {}", resumed.log);
    assert_eq!(cluster.in_state(), all(), "and all of it is known");
    assert_eq!(cluster.build("plan").succeeded().changes(), [0, 0, 0], "and nothing is left to do");
    cluster.build("destroy").succeeded();
    assert_eq!(cluster.tagged(), Vec::<String>::new(), "nothing has the cluster's tags");
    assert_eq!(cluster.in_account().into_iter().collect::<Vec<_>>(), []);
    cluster.forget();
}

/// That something cannot be imported just now says nothing of whether it is there: the build makes no second one.
pub fn not_told(lab: &Lab) {
    let mut cluster = lab.cluster("nottold");
    cluster.fault(&json!({"type": "aws_nat_gateway", "operation": "create", "kill": "after"}));
    let killed = cluster.build("apply");
    assert_eq!(killed.summary["lock"], "held", "{}", killed.log);
    let made = cluster.in_account();

    cluster.take_over();
    cluster.fault(&json!({"type": "aws_vpc", "operation": "read", "error": "RequestLimitExceeded", "times": 2}));
    let failed = cluster.build("apply");
    assert_ne!(failed.code, Some(0), "{}", failed.log);
    let failure = domain::diagnosis::diagnose(&failed.events).expect("an error is told");
    assert_eq!(failure.class.reaction(), Reaction::TryAgain, "{failure:?}");
    assert!(failure.message.contains("aws_vpc.this"), "{failure:?}");
    assert_eq!((cluster.in_account(), cluster.to_go_on_with()), (made.clone(), 1), "nothing was made: {}", failed.log);

    // A teardown destroys what it can, and fails for the rest.
    cluster.take_over();
    cluster.fault(&json!({"type": "aws_vpc", "operation": "read", "error": "RequestLimitExceeded", "times": 2}));
    let failed = cluster.build("destroy");
    assert_ne!(failed.code, Some(0), "{}", failed.log);
    let failure = domain::diagnosis::diagnose(&failed.events).expect("an error is told");
    assert_eq!(failure.class.reaction(), Reaction::TryAgain, "{failure:?}");
    assert!(failure.message.contains("aws_vpc.this"), "{failure:?}");
    assert_eq!(cluster.to_go_on_with(), 1, "{}", failed.log);
    let left: Vec<_> = cluster.in_account().into_iter().collect();
    assert!(left.iter().any(|(kind, ..)| kind == "aws_vpc") && left.len() < made.len() / 2, "{left:?}");

    cluster.take_over();
    cluster.build("destroy").succeeded();
    assert_eq!(cluster.in_account().into_iter().collect::<Vec<_>>(), []);
    cluster.forget();
}

/// What a killed build has made is not forgotten when the one that was to go on fails in its turn: the teardown goes on.
pub fn passed_on(lab: &Lab) {
    let mut cluster = lab.cluster("passedon");
    cluster.fault(&json!({"type": "aws_nat_gateway", "operation": "create", "kill": "after"}));
    let killed = cluster.build("apply");
    assert_eq!(killed.summary["lock"], "held", "{}", killed.log);

    for _ in 0..2 {
        cluster.take_over();
        let child = cluster.start("apply", &[("TERRAFORM_SECONDS", "0")]);
        let failed = cluster.ended(child);
        assert_ne!(failed.code, Some(0), "no time, no success");
        assert_eq!(failed.summary["lock"], "free", "it has ended in order: {}", failed.log);
        assert_eq!(cluster.to_go_on_with(), 1, "the killed build's report, however many have failed since");
    }

    cluster.take_over();
    let ended = cluster.build("destroy").succeeded();
    assert_eq!(cluster.in_account().into_iter().collect::<Vec<_>>(), [], "{}", ended.log);
    assert!(cluster.is_free());
    cluster.forget();
}
