//! The table at the top of `decide.rs`, cell by cell.

use super::*;

/// A command that may be about the present build.
type Sent = fn(&Cluster) -> Command;

fn epoch(cluster: &Cluster) -> u64 {
    cluster.phase.build().map_or(cluster.epoch, |build| build.epoch)
}

/// What follows from a command, in one line.
fn outcome(mut story: Story, sent: Sent) -> String {
    let command = sent(&story.cluster);
    match story.does(&command) {
        Ok(reply) => format!("{} {reply:?}", story.status()),
        Err(refusal) => format!("refused: {refusal}"),
    }
}

const COMMANDS: &[(&str, Sent, [&str; 5])] = &[
    (
        "acquire",
        |_| Command::Acquire { run: run(1) },
        [
            "Creating Waiting",
            "Creating Waiting",
            "Active Granted { generation: 1 }",
            "Updating Granted { generation: 1 }",
            "Terminating Waiting",
        ],
    ),
    (
        "create",
        |_| Command::Create { delta: delta(json!({})) },
        [
            "Creating Accepted",
            "Creating Accepted",
            "Active Accepted",
            "Updating Accepted",
            "refused: cluster 'aws:aqueduct_ondemand_k8s' is Terminating: creating it again is possible once it is \
             Terminated (in about 12 min)",
        ],
    ),
    (
        "create with settings",
        |_| Command::Create { delta: delta(json!({"max_cpu_node": 3})) },
        [
            "Creating Accepted",
            "refused: cluster 'aws:aqueduct_ondemand_k8s' is Creating: creating it with other settings is possible \
             once it is Active (in about 16 min)",
            "Updating Accepted",
            "refused: cluster 'aws:aqueduct_ondemand_k8s' is Updating: creating it with other settings is possible \
             once it is Active (in about 3 min)",
            "refused: cluster 'aws:aqueduct_ondemand_k8s' is Terminating: creating it again is possible once it is \
             Terminated (in about 12 min)",
        ],
    ),
    (
        "credentials renewed",
        |_| Command::CredentialsRenewed,
        ["Terminated Accepted", "Creating Accepted", "Active Accepted", "Updating Accepted", "Terminating Accepted"],
    ),
    (
        "create with impossible settings",
        |_| Command::Create { delta: delta(json!({"min_cpu_node": 5})) },
        [
            "refused: min_cpu_node (5) must not be above max_cpu_node (1): raise the maximum or lower the minimum",
            "refused: cluster 'aws:aqueduct_ondemand_k8s' is Creating: creating it with other settings is possible",
            "refused: min_cpu_node (5) must not be above max_cpu_node (1): raise the maximum or lower the minimum",
            "refused: cluster 'aws:aqueduct_ondemand_k8s' is Updating: creating it with other settings is possible",
            "refused: cluster 'aws:aqueduct_ondemand_k8s' is Terminating: creating it again is possible",
        ],
    ),
    (
        "update",
        |_| Command::Update { delta: delta(json!({"max_cpu_node": 3})) },
        [
            "refused: cluster 'aws:aqueduct_ondemand_k8s' is Terminated: only an Active cluster can be updated; create",
            "refused: cluster 'aws:aqueduct_ondemand_k8s' is Creating: only an Active cluster can be updated; create",
            "Updating Accepted",
            "refused: cluster 'aws:aqueduct_ondemand_k8s' is Updating: only an Active cluster can be updated; create",
            "refused: cluster 'aws:aqueduct_ondemand_k8s' is Terminating: only an Active cluster can be updated; create",
        ],
    ),
    (
        "delete",
        |_| Command::Delete,
        [
            "Terminated Accepted",
            "Terminating Accepted",
            "Terminating Accepted",
            "refused: cluster 'aws:aqueduct_ondemand_k8s' is Updating: deleting it is possible once it is Active (in \
             about 3 min)",
            "Terminating Accepted",
        ],
    ),
    (
        "force-delete",
        |_| Command::ForceDelete,
        [
            "Terminated Accepted",
            "Terminating Accepted",
            "Terminating Accepted",
            "Terminating Accepted",
            "Terminating Accepted",
        ],
    ),
    (
        "keepalive tick, too early to end anything",
        |_| Command::KeepaliveTick { live_pods: 0 },
        ["Terminated Accepted", "Creating Accepted", "Active Accepted", "Updating Accepted", "Terminating Accepted"],
    ),
    (
        "build succeeded",
        |cluster| Command::BuildSucceeded { epoch: epoch(cluster), report: BuildReport::default() },
        ["Terminated Superseded", "Active Accepted", "Active Superseded", "Active Accepted", "Terminated Accepted"],
    ),
    (
        "build failed for good",
        |cluster| Command::BuildFailed { epoch: epoch(cluster), failure: failure(FailureClass::Quota) },
        [
            "Terminated Superseded",
            "Terminating Accepted",
            "Active Superseded",
            "Active Accepted",
            "Terminating Accepted",
        ],
    ),
    (
        "build failed for the moment",
        |cluster| Command::BuildFailed { epoch: epoch(cluster), failure: failure(FailureClass::Transient) },
        ["Terminated Superseded", "Creating Accepted", "Active Superseded", "Active Accepted", "Terminating Accepted"],
    ),
    (
        "build of another epoch begins",
        |cluster| Command::BeginBuild { epoch: cluster.epoch + 1, live_pods: 0 },
        [
            "Terminated Superseded",
            "Creating Superseded",
            "Active Superseded",
            "Updating Superseded",
            "Terminating Superseded",
        ],
    ),
];

#[test]
fn every_command_does_in_every_phase_what_the_table_says() {
    for (name, command, expected) in COMMANDS {
        let phases = [Story::terminated(), Story::creating(), Story::active(), Story::updating(), Story::terminating()];
        for (story, expected) in phases.into_iter().zip(expected) {
            let (status, seen) = (story.status(), outcome(story, *command));
            let same = if seen.starts_with("refused") { seen.starts_with(expected) } else { seen == *expected };
            assert!(same, "{name} while {status}: expected '{expected}', but saw '{seen}'");
        }
    }
}

#[test]
fn a_cluster_in_use_is_not_deleted_and_the_refusal_names_the_runs() {
    let mut waited_for = Story::creating();
    waited_for.acquires(1);
    let mut used = Story::active();
    used.acquires(1);
    used.acquires(2);
    let text = waited_for.refuses(Command::Delete);
    assert!(text.contains(&format!("in use by 1 run(s): {}; wait", run(1))), "{text}");
    let text = used.refuses(Command::Delete);
    assert!(text.contains(&format!("in use by 2 run(s): {}, {}; wait", run(1), run(2))), "{text}");
    assert!(text.contains("cancel them, or force the deletion"), "{text}");

    used.releases(1);
    used.releases(2);
    used.accepts(Command::Delete);
    assert_eq!(used.status(), Status::Terminating);
}

#[test]
fn acquiring_and_releasing_twice_is_doing_it_once() {
    for mut story in [Story::creating(), Story::active(), Story::updating(), Story::terminating()] {
        let first = story.acquires(1);
        assert_eq!(story.ignores(Command::Acquire { run: run(1) }), first);
        story.later(5).releases(1);
        story.later(5).ignores(Command::Release { run: run(1) });
        story.ignores(Command::Release { run: run(2) });
    }
    Story::terminated().ignores(Command::Release { run: run(1) });
}

#[test]
fn what_is_there_already_is_not_asked_for_again() {
    for mut story in [Story::creating(), Story::active(), Story::updating()] {
        story.ignores(Command::Create { delta: delta(json!({})) });
    }
    Story::active().ignores(Command::Create { delta: delta(json!({"max_cpu_node": 1})) });
    Story::active().ignores(Command::Update { delta: delta(json!({"keepalive": 1200})) });
    Story::terminated().ignores(Command::Delete);
    Story::terminated().ignores(Command::ForceDelete);
    Story::terminating().ignores(Command::Delete);
}

#[test]
fn every_creation_has_a_generation_of_its_own_and_sets_the_clock_ticking() {
    let mut story = Story::terminated();
    for generation in 1..=3 {
        story.acquires(1);
        assert_eq!(story.cluster.generation, generation);
        assert!(story.cluster.eks_name().ends_with(&format!("-g{generation}")));
        assert!(story.effects.contains(&Effect::EnableKeepalive));
        story.build_succeeds();
        story.releases(1);
        story.accepts(Command::Delete);
        story.build_succeeds();
        assert_eq!(story.status(), Status::Terminated);
    }
}

#[test]
fn a_person_can_choose_the_settings_at_creation_and_they_stay() {
    let mut story = Story::terminated();
    story.accepts(Command::Create { delta: delta(json!({"max_cpu_node": 4, "keepalive": 900})) });
    story.build_succeeds();
    story.accepts(Command::Delete);
    story.build_succeeds();
    story.acquires(1);
    assert_eq!((story.cluster.settings.max_cpu_node, story.cluster.settings.keepalive), (4, 900));
}
