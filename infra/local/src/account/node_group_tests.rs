use super::super::resources::MIB;
use super::*;

fn group(name: &str, min: usize, max: usize) -> Group {
    let gpu = name == "gpu";
    let taint = Taint {
        key: "nvidia.com/gpu".into(),
        value: Some("present".into()),
        effect: "NoSchedule".into(),
        ..Taint::default()
    };
    Group {
        name: name.into(),
        min,
        max,
        labels: BTreeMap::from([("ondemand-eks/node-group".into(), name.into())]),
        taints: if gpu { vec![taint] } else { vec![] },
        room: Resources { cpu_millis: 4000, memory: 16 * 1024 * MIB, gpus: u64::from(gpu), pods: 58 },
    }
}

fn cpu_pod(cpus: u64) -> Demand {
    Demand { requests: Resources { cpu_millis: cpus * 1000, memory: MIB, gpus: 0, pods: 1 }, ..Demand::default() }
}

fn gpu_pod() -> Demand {
    let toleration =
        Toleration { key: Some("nvidia.com/gpu".into()), operator: Some("Exists".into()), ..Toleration::default() };
    Demand {
        requests: Resources { gpus: 1, ..cpu_pod(1).requests },
        selector: BTreeMap::from([("ondemand-eks/node-group".into(), "gpu".into())]),
        tolerations: vec![toleration],
    }
}

fn node(name: &str, group: &str, cpus: u64, idle_since: Option<Instant>) -> NodeUse {
    NodeUse { name: name.into(), group: group.into(), used: cpu_pod(cpus).requests, idle_since }
}

fn added(plan: &Plan) -> Vec<&str> {
    plan.add.iter().map(String::as_str).collect()
}

#[test]
fn a_group_is_filled_to_its_minimum() {
    let plan = plan_nodes(&[group("cpu", 2, 3), group("gpu", 0, 1)], &[], &[], Instant::now());
    assert_eq!(added(&plan), ["cpu", "cpu"]);
}

#[test]
fn a_waiting_gpu_pod_brings_up_a_gpu_node_and_a_cpu_pod_does_not() {
    let groups = [group("cpu", 0, 1), group("gpu", 0, 1)];
    assert_eq!(added(&plan_nodes(&groups, &[], &[gpu_pod()], Instant::now())), ["gpu"]);
    assert_eq!(added(&plan_nodes(&groups, &[], &[cpu_pod(1)], Instant::now())), ["cpu"]);
}

#[test]
fn waiting_pods_share_a_node_as_far_as_their_requests_allow() {
    let groups = [group("cpu", 0, 9)];
    let plan = plan_nodes(&groups, &[], &[cpu_pod(2), cpu_pod(2), cpu_pod(2)], Instant::now());
    assert_eq!(added(&plan), ["cpu", "cpu"]);
}

#[test]
fn a_pod_that_a_fresh_node_will_take_asks_for_no_other() {
    let groups = [group("cpu", 0, 9)];
    let fresh = node("cpu-1", "cpu", 0, Some(Instant::now()));
    assert_eq!(plan_nodes(&groups, &[fresh], &[cpu_pod(3)], Instant::now()).add, Vec::<String>::new());
    let full = node("cpu-1", "cpu", 2, None);
    assert_eq!(added(&plan_nodes(&groups, &[full], &[cpu_pod(3)], Instant::now())), ["cpu"]);
}

#[test]
fn the_maximum_holds_and_a_pod_too_large_for_the_type_adds_nothing() {
    let groups = [group("cpu", 0, 1)];
    let full = node("cpu-1", "cpu", 4, None);
    assert_eq!(plan_nodes(&groups, &[full], &[cpu_pod(3)], Instant::now()), Plan::default());
    assert_eq!(plan_nodes(&groups, &[], &[cpu_pod(5)], Instant::now()), Plan::default());
}

#[test]
fn an_idle_node_goes_after_its_time_but_not_below_the_minimum() {
    let start = Instant::now();
    let nodes = [node("cpu-1", "cpu", 0, Some(start)), node("cpu-2", "cpu", 0, Some(start))];
    let early = plan_nodes(&[group("cpu", 1, 2)], &nodes, &[], start);
    assert_eq!(early, Plan { look_again: Some(start + IDLE), ..Plan::default() });
    let due = plan_nodes(&[group("cpu", 1, 2)], &nodes, &[], start + IDLE);
    assert_eq!(due, Plan { remove: vec!["cpu-2".into()], ..Plan::default() });
}

#[test]
fn a_node_with_a_job_stays_even_above_the_maximum() {
    let start = Instant::now();
    let nodes = [node("cpu-1", "cpu", 1, None), node("cpu-2", "cpu", 0, Some(start)), node("cpu-3", "cpu", 1, None)];
    let plan = plan_nodes(&[group("cpu", 0, 1)], &nodes, &[], start);
    assert_eq!(plan.remove, ["cpu-2"], "only what is idle goes, and at once");
}

#[test]
fn an_idle_node_that_a_waiting_pod_will_use_is_kept() {
    let start = Instant::now();
    let nodes = [node("cpu-1", "cpu", 0, Some(start))];
    assert_eq!(plan_nodes(&[group("cpu", 0, 1)], &nodes, &[cpu_pod(1)], start + IDLE * 2), Plan::default());
}

#[test]
fn a_toleration_matches_by_key_operator_value_and_effect() {
    let taint = &group("gpu", 0, 1).taints[0];
    let toleration = |key: &str, operator: &str, value: &str, effect: &str| {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Toleration {
            key: text(key),
            operator: text(operator),
            value: text(value),
            effect: text(effect),
            ..Toleration::default()
        }
    };
    assert!(tolerates(&toleration("", "Exists", "", ""), taint));
    assert!(tolerates(&toleration("nvidia.com/gpu", "", "present", "NoSchedule"), taint));
    assert!(!tolerates(&toleration("nvidia.com/gpu", "Equal", "absent", ""), taint));
    assert!(!tolerates(&toleration("nvidia.com/gpu", "Exists", "", "NoExecute"), taint));
    assert!(!tolerates(&toleration("other", "Exists", "", ""), taint));
}
