use super::*;
use domain::flow::check;
use serde_json::json;

const ID: &str = "1f1e0abd-8606-44de-a946-363d97fa8b84";

fn read(request: Value) -> Result<Graph, FlowError> {
    let request: PublishRequest = serde_json::from_value(request).expect("a request");
    let place = Place {
        dag: ID.parse().expect("id"),
        flow: ID.parse().expect("id"),
        now: "2026-11-22T12:00:00Z".parse().expect("a moment"),
        clusters: &[],
    };
    Graph::read(&request, BTreeMap::new(), &place)
}

fn flow(operators: Value) -> Result<Graph, FlowError> {
    read(json!({"name": "f", "parameters": {"limit": 10}, "operators": operators}))
}

fn refusal(operators: Value) -> String {
    flow(operators).expect_err("refused").to_string()
}

#[test]
fn names_become_edges() {
    let graph = flow(json!([
        {"name": "score", "source": "def score(a, b, n): ...", "inputs": ["split.test", "split.train", "limit"]},
        {"name": "split", "source": "def split(): ...", "outputs": ["train", "test"]},
    ]))
    .expect("a graph");
    assert!(check(&graph.dag).is_ok());
    let order: Vec<_> = graph.dag.in_order().iter().map(|id| graph.dag.operators[id].name.as_str()).collect();
    assert_eq!(order.last(), Some(&"score"));
    let score = &graph.dag.operators[&operator_id(graph.dag.id, "score")];
    let inputs: Vec<_> = score.inputs.iter().map(|id| graph.dag.artifacts[id].name.as_str()).collect();
    assert_eq!(inputs, ["test", "train", "limit"]);
}

#[test]
fn ids_follow_from_the_names_and_the_version() {
    let twice = || flow(json!([{"name": "a", "source": "def a(): ..."}])).expect("a graph").dag;
    assert_eq!(twice(), twice());
}

#[test]
fn every_refusal_names_operator_and_field() {
    let source = "def a(): ...";
    for (operators, expected) in [
        (json!([{"name": "a"}]), "operator 'a': give exactly one of the fields 'source', 'package'"),
        (json!([{"name": "a", "source": source, "package_base64": "eA=="}]), "(found 2)"),
        (json!([{"name": "a b", "source": source}]), "operator 'a b': its name is no Python name"),
        (
            json!([{"name": "a", "source": source, "inputs": ["b"]}]),
            "no operator, output or parameter 'b'; there are: 'a', 'limit'",
        ),
        (json!([{"name": "a", "source": source, "outputs": ["x", "x"]}]), "field 'outputs': 'x' occurs more than once"),
        (
            json!([{"name": "a", "source": source}, {"name": "a", "source": source}]),
            "operator 'a' occurs more than once",
        ),
        (json!([{"name": "limit", "source": source}]), "operator 'limit' occurs more than once"),
        (
            json!([{"name": "a", "source": source, "severity": "error"}]),
            "field 'severity' is for an operator of kind 'check'",
        ),
        (json!([{"name": "a", "package": "p"}]), "the request has no part 'p'; it has: none"),
        (json!([{"name": "a", "package_base64": "*"}]), "field 'package_base64' is not valid base64"),
        (json!([{"name": "a", "package_base64": "eA=="}]), "operator 'a': the package is not a zip"),
        (
            json!([{"name": "a", "package_base64": "eA==", "entry_point": "f"}]),
            "field 'entry_point' is for source text",
        ),
        (
            json!([{"name": "a", "source": source, "engine": "aws"}]),
            "operator 'a': engine 'aws' is not known; there are: 'aqueduct'",
        ),
        (json!([{"name": "a", "source": source, "resources": {"memory": "1TB"}}]), "field 'resources.memory': \"1TB\""),
        (json!([{"name": "a", "source": source, "resources": {"num_cpus": 0}}]), "'num_cpus' must be at least 1"),
        (
            json!([{"name": "a", "source": source, "resources": {"gpu_resource_name": "amd.com/gpu"}}]),
            "'amd.com/gpu' is not offered",
        ),
        (
            json!([{"name": "a", "source": source, "resources": {"cuda_version": "11.4.1"}}]),
            "field 'resources.cuda_version' needs",
        ),
        (json!([{"name": " ", "source": source}]), "field 'operators.name'"),
        (
            json!([{"name": "a", "source": source, "timeout": 0}]),
            "operator 'a': field 'timeout' must be between 1 and 2592000 seconds (30 days), but is 0",
        ),
        (
            json!([{"name": "a", "source": source, "retries": -1}]),
            "operator 'a': field 'retries' must be between 0 and 10, but is -1",
        ),
        (
            json!([{"name": "s", "source": "def s(): ...", "outputs": ["x", "y"]}, {"name": "a", "source": source, "inputs": ["s"]}]),
            "'s' has several outputs: choose one of 's.x', 's.y'",
        ),
    ] {
        let text = refusal(operators);
        assert!(text.contains(expected), "{text:?} does not say {expected:?}");
    }
}

#[test]
fn limits_reach_the_graph_and_its_view() {
    let operators = json!([{"name": "a", "source": "def a(): ...", "timeout": 3600, "retries": 2}, {"name": "b", "source": "def b(): ..."}]);
    let dag = flow(operators).expect("a graph").dag;
    let limits = |name: &str| dag.operators[&operator_id(dag.id, name)].limits;
    assert_eq!(limits("a"), Limits::parse(Some(3600), Some(2)).expect("limits"));
    assert_eq!(limits("b"), Limits::default());
    let mut stored = serde_json::to_value(&dag).expect("serialises");
    for operator in stored["operators"].as_object_mut().expect("operators").values_mut() {
        operator.as_object_mut().expect("an operator").remove("limits");
    }
    let old: Dag = serde_json::from_value(stored).expect("a graph stored before there were limits");
    assert!(old.operators.values().all(|operator| operator.limits == Limits::default()));
}

#[test]
fn memory_is_read_in_all_its_forms() {
    for (memory, expected) in
        [(json!(512), 512), (json!("512MB"), 512), (json!("1GB"), 1024), (json!("2 gb"), 2048), (json!("300"), 300)]
    {
        assert_eq!(megabytes(&memory).expect("memory"), expected, "{memory}");
    }
    for memory in [json!(-1), json!(1.5), json!("GB"), json!("99999999GB"), json!(true)] {
        assert!(megabytes(&memory).is_err(), "{memory}");
    }
}

#[test]
fn a_python_that_is_not_there_is_refused() {
    let error = read(json!({"name": "f", "python_version": "3.7", "operators": []})).expect_err("refused");
    assert!(error.to_string().contains("field 'python_version': Python '3.7' is not supported"));
}

#[test]
fn texts_that_a_flows_document_has_no_room_for_are_refused() {
    let operators = json!([{"name": "a", "source": "def a(): ..."}]);
    let long = |field: &str, value: Value| {
        let mut request = json!({"name": "f", "operators": operators});
        request[field] = value;
        read(request).expect_err("refused").to_string()
    };
    assert!(long("description", json!("x".repeat(16385))).contains("'description' has 16385 bytes, and 16384 are"));
    let cron = "0,".repeat(200);
    assert!(long("schedule", json!({ "cron": cron })).contains("'schedule.cron' has 400 bytes, and 256 are allowed"));
}
