use super::*;
use crate::memory::Memory;
use domain::flow::{Artifact, Code, Engine, Operator, OperatorKind, PackageEntryPoint, Resources};
use domain::run::{Command, JobObservation, JobState, Observation, RunStatus};
use domain::{ArtifactId, OperatorId, Timestamp};
use uuid::Uuid;

const OPERATORS: u128 = 250;

/// A graph of functions that need nothing of each other.
fn wide(now: Timestamp) -> Dag {
    let function = |number: u128| {
        let code = Code::Package { entry_point: PackageEntryPoint::default(), python: Default::default() };
        let operator = Operator {
            name: format!("operator_{number}"),
            description: String::new(),
            kind: OperatorKind::Function { code },
            inputs: vec![],
            outputs: vec![ArtifactId(Uuid::from_u128(number))],
            resources: Resources::default(),
            engine: None,
            limits: Default::default(),
        };
        (OperatorId(Uuid::from_u128(number)), operator)
    };
    let artifact = |number: u128| (ArtifactId(Uuid::from_u128(number)), Artifact::untyped(format!("{number}")));
    Dag {
        id: DagId(Uuid::new_v4()),
        flow: FlowId(Uuid::new_v4()),
        name: "wide".to_owned(),
        created_at: now,
        engine: Engine::BuiltIn,
        operators: (1..=OPERATORS).map(function).collect(),
        artifacts: (1..=OPERATORS).map(artifact).collect(),
    }
}

/// A run of such a graph that has its cluster.
async fn granted(world: &World, now: Timestamp) -> (Dag, Run) {
    let dag = wide(now);
    let run = Run::submitted(RunId(Uuid::new_v4()), &dag, None, BTreeMap::new(), now);
    world.store_dag(&dag, &BTreeMap::new()).await.expect("stored");
    world.store.commit(world.submission(dag.flow, &run).expect("writes")).await.expect("stored");
    let run = world
        .run_command(run.id, &Command::Granted { generation: Some(1), hardware: None })
        .await
        .expect("granted")
        .run;
    (dag, run)
}

#[tokio::test]
async fn a_loss_of_hundreds_of_operators_at_once_is_taken_in_and_told_whole() {
    let now: Timestamp = "2026-11-22T12:00:30Z".parse().expect("a moment");
    let memory = Memory::new(now);
    let world = memory.world();
    let (dag, run) = granted(&world, now).await;
    let gone = || JobObservation {
        attempt: 1,
        scheduled_at: None,
        pod: None,
        node: None,
        state: JobState::Failed { exit_code: Some(137), reason: "OOMKilled".to_owned(), message: String::new() },
    };
    let jobs = dag.operators.keys().map(|id| (*id, gone())).collect();
    let seen = Command::Observed(Observation { at: now, jobs, nodes: None });
    let run = world.run_command(run.id, &seen).await.expect("taken in").run;
    assert!(run.status.is_final());
    let told = world.events(&run.id.to_string()).await.expect("lists");
    let failed = told.iter().filter(|event| event.kind == "operator_failed").count();
    assert_eq!(failed, dag.operators.len());
}

#[tokio::test]
async fn a_run_can_be_ended_though_its_graph_is_gone() {
    let now: Timestamp = "2026-11-22T12:00:30Z".parse().expect("a moment");
    let failure = domain::Failure::new(domain::failure::FailureClass::BuildLost, "its machine has ended");
    let ends = [(Command::Cancel, RunStatus::Canceled), (Command::ClusterLost { failure }, RunStatus::Failed)];
    for (end, status) in ends {
        let memory = Memory::new(now);
        let world = memory.world();
        let (dag, run) = granted(&world, now).await;
        world.objects.delete_all(&keys::flow_objects(dag.flow)).await.expect("deleted");
        let world = memory.world();
        world.run_command(run.id, &Command::LetIn).await.expect_err("nobody knows what is next");
        let run = world.run_command(run.id, &end).await.expect("ended").run;
        assert_eq!(run.status, status);
        assert!(run.operators.values().all(|operator| operator.status.is_final()));
        world.follow_up(&run).await.expect("nothing follows");
    }
}
