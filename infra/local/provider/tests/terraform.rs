//! The real Terraform over a small module with the stand-in provider: init to destroy, a failure and its repair.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test ends at the first surprise")]

use std::{
    collections::HashMap,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{Arc, Mutex},
    thread,
};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

const PROVIDER: &str = env!("CARGO_BIN_EXE_terraform-provider-aws");
const CAPACITY: &str = "creating EKS Node Group (fixture:cpu): unexpected state 'CREATE_FAILED', wanted target \
                        'ACTIVE'. last error: InsufficientInstanceCapacity";

/// A folder with the module, the mirror and everything that a run leaves behind.
struct Workspace {
    folder: TempDir,
    account: Option<String>,
}

impl Workspace {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let installed = Command::new(PROVIDER).arg("install").arg(folder.path()).status().unwrap();
        assert!(installed.success());
        fs::copy(fixture("module/main.tf"), folder.path().join("main.tf")).unwrap();
        Self { folder, account: None }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn terraform(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("terraform");
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        for name in ["PATH", "HOME", "TMPDIR"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command
            .env("TF_CLI_CONFIG_FILE", self.path("terraform.rc"))
            .env("TF_DISABLE_PLUGIN_TLS", "1")
            .env("TF_CLI_ARGS", "-no-color")
            .env("AWS_PROVIDER_SCHEMA", fixture("schema.json"))
            .env("AWS_PROVIDER_JOURNAL", self.path("journal.jsonl"))
            .env("AWS_PROVIDER_FAULTS", self.path("faults.json"))
            .envs(self.account.iter().map(|url| ("LOCAL_ACCOUNT_URL", url)))
            .output()
            .expect("these tests need the terraform binary on PATH (1.10 or newer)")
    }

    /// Runs Terraform and demands that it works.
    fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.terraform(arguments);
        assert!(output.status.success(), "terraform {arguments:?}\n{}", text(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs Terraform and demands that it does not work; returns all it says, without its line breaks.
    fn fail(&self, arguments: &[&str]) -> String {
        let output = self.terraform(arguments);
        assert!(!output.status.success(), "terraform {arguments:?}\n{}", text(&output));
        text(&output).replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn order_fault(&self, fault: Json) {
        fs::write(self.path("faults.json"), json!([fault]).to_string()).unwrap();
    }

    /// The operations so far, as `operation type name`.
    fn journal(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("journal.jsonl")).unwrap();
        let word = |entry: &Json, name: &str| entry[name].as_str().unwrap().to_string();
        let line = |line| {
            let entry: Json = serde_json::from_str(line).unwrap();
            [word(&entry, "operation"), word(&entry, "type"), word(&entry, "name")].join(" ")
        };
        text.lines().map(line).collect()
    }
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_module_lives_from_init_to_destroy() {
    let workspace = Workspace::new();
    workspace.succeed(&["init"]);
    workspace.succeed(&["validate"]);
    assert!(workspace.succeed(&["plan"]).contains("Plan: 4 to add, 0 to change, 0 to destroy."));
    workspace.succeed(&["apply", "-auto-approve"]);

    let outputs: Json = serde_json::from_str(&workspace.succeed(&["output", "-json"])).unwrap();
    let cluster = &outputs["cluster"]["value"];
    assert_eq!(cluster["arn"], "arn:aws:eks:eu-west-1:000000000000:cluster/fixture");
    assert_eq!(cluster["tags"], json!({"owner": "test", "Name": "subnet-0"}));
    assert_ne!(cluster["subnets"][0], cluster["subnets"][1]);
    assert!(cluster["group"].as_str().unwrap().starts_with("eks-cpu-"));

    // With this flag an empty plan ends with 0, any difference with 2.
    workspace.succeed(&["plan", "-detailed-exitcode"]);
    assert!(workspace.succeed(&["plan", "-var=max_nodes=3"]).contains("0 to add, 1 to change, 0 to destroy"));
    let renamed = workspace.succeed(&["plan", "-var=cluster_name=other"]);
    assert!(renamed.contains("# forces replacement") && renamed.contains("2 to add, 0 to change, 2 to destroy"));

    workspace.succeed(&["destroy", "-auto-approve"]);
    let journal = workspace.journal();
    let position =
        |line: &str| journal.iter().position(|entry| entry == line).unwrap_or_else(|| panic!("{line}: {journal:?}"));
    assert!(position("create aws_eks_cluster fixture") < position("create aws_eks_node_group cpu"));
    assert!(position("delete aws_eks_node_group cpu") < position("delete aws_eks_cluster fixture"));
    assert_eq!(journal.iter().filter(|entry| entry.starts_with("delete ")).count(), 4);
}

#[test]
fn an_ordered_failure_is_repaired_by_applying_again() {
    let workspace = Workspace::new();
    workspace.succeed(&["init"]);
    workspace.order_fault(json!({"type": "aws_eks_node_group", "operation": "create", "error": CAPACITY}));
    assert!(workspace.fail(&["apply", "-auto-approve"]).contains(CAPACITY));
    let repaired = workspace.succeed(&["apply", "-auto-approve"]);
    assert!(repaired.contains("1 added, 0 changed, 0 destroyed"), "{repaired}");
}

#[test]
fn a_failure_that_leaves_something_behind_taints_it() {
    let workspace = Workspace::new();
    workspace.succeed(&["init"]);
    let fault = json!({"type": "aws_eks_node_group", "operation": "create", "error": CAPACITY, "tainted": true});
    workspace.order_fault(fault);
    workspace.fail(&["apply", "-auto-approve"]);
    let plan = workspace.succeed(&["plan"]);
    assert!(plan.contains("is tainted, so must be replaced"), "{plan}");
}

#[test]
fn clusters_are_made_by_the_local_account() {
    let mut workspace = Workspace::new();
    workspace.succeed(&["init"]);
    let account = FakeAccount::start();
    workspace.account = Some(account.url.clone());
    workspace.succeed(&["apply", "-auto-approve"]);

    let outputs: Json = serde_json::from_str(&workspace.succeed(&["output", "-json"])).unwrap();
    assert_eq!(outputs["cluster"]["value"]["endpoint"], "https://127.0.0.1:6443");
    assert_eq!(outputs["cluster"]["value"]["ca"], "Y2E=");
    workspace.succeed(&["destroy", "-auto-approve"]);
    let requests = account.requests.lock().unwrap();
    let changes: Vec<_> = requests.iter().filter(|request| !request.starts_with("GET")).map(String::as_str).collect();
    let expected = [
        "PUT /clusters/fixture",
        "PUT /clusters/fixture/nodegroups/cpu",
        "DELETE /clusters/fixture/nodegroups/cpu",
        "DELETE /clusters/fixture",
    ];
    assert_eq!(changes, expected);
}

#[test]
fn a_group_has_the_size_that_the_account_tells() {
    let mut workspace = Workspace::new();
    workspace.succeed(&["init"]);
    let account = FakeAccount::start();
    workspace.account = Some(account.url.clone());
    workspace.succeed(&["apply", "-auto-approve"]);
    let group = "/clusters/fixture/nodegroups/cpu";
    let resized = || account.requests.lock().unwrap().iter().filter(|request| request.ends_with("/scaling")).count();
    assert_eq!(resized(), 0, "a new group begins with its size");

    // Somebody else makes it larger, and Terraform sees that. It sends all three where one of them has changed.
    account.things.lock().unwrap().get_mut(group).unwrap()["desired"] = json!(1);
    assert!(workspace.succeed(&["plan"]).contains("desired_size = 1 -> 0"));
    workspace.succeed(&["apply", "-auto-approve", "-var=max_nodes=3"]);
    let sizes = ["min", "max", "desired"].map(|name| account.things.lock().unwrap()[group][name].clone());
    assert_eq!((sizes, resized()), ([json!(0), json!(3), json!(0)], 1));
    workspace.succeed(&["plan", "-detailed-exitcode", "-var=max_nodes=3"]);
}

#[test]
fn what_a_provider_asked_for_and_did_not_write_down_is_found_in_the_account() {
    let mut workspace = Workspace::new();
    workspace.succeed(&["init"]);
    let account = FakeAccount::start();
    workspace.account = Some(account.url.clone());
    workspace.succeed(&["apply", "-auto-approve", "-target=aws_eks_node_group.this"]);
    let journal = fs::read_to_string(workspace.path("journal.jsonl")).unwrap();
    let lines =
        journal.lines().filter(|line| !line.contains("aws_eks_cluster") && !line.contains("aws_eks_node_group"));
    fs::write(workspace.path("journal.jsonl"), lines.map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    workspace.succeed(&["state", "rm", "aws_eks_node_group.this", "aws_eks_cluster.this"]);

    let refused = workspace.fail(&["apply", "-auto-approve"]);
    assert!(refused.contains("Cluster already exists with name: fixture"), "{refused}");
    workspace.succeed(&["import", "aws_eks_cluster.this", "fixture"]);
    workspace.succeed(&["import", "aws_eks_node_group.this", "fixture:cpu"]);
    workspace.succeed(&["plan", "-detailed-exitcode"]);

    // And what somebody deleted without living to tell of it is gone.
    account.things.lock().unwrap().clear();
    assert!(workspace.succeed(&["plan"]).contains("2 to add"));
    assert!(workspace.journal().contains(&"delete aws_eks_cluster fixture".to_owned()), "{:?}", workspace.journal());
}

#[test]
fn a_silent_account_is_named_with_the_remedy() {
    let mut workspace = Workspace::new();
    workspace.succeed(&["init"]);
    // Our own end of a connection: nobody listens there, and nobody can while we hold it.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let held = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    workspace.account = Some(format!("http://{}", held.local_addr().unwrap()));
    let told = workspace.fail(&["apply", "-auto-approve"]);
    assert!(told.contains("does not answer") && told.contains("cargo local up"), "{told}");
}

/// Just enough of the local account to see what it is asked.
struct FakeAccount {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
    things: Things,
}

/// What was put where.
type Things = Arc<Mutex<HashMap<String, Json>>>;

impl FakeAccount {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (requests, things) = (Arc::new(Mutex::new(vec![])), Things::default());
        let (seen, there) = (requests.clone(), things.clone());
        thread::spawn(move || listener.incoming().flatten().for_each(|stream| answer(stream, &seen, &there)));
        Self { url, requests, things }
    }
}

fn answer(mut stream: TcpStream, seen: &Mutex<Vec<String>>, things: &Things) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut lines = reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty());
    let Some(first) = lines.next() else { return };
    let header =
        |line: String| Some(line.to_lowercase().strip_prefix("content-length:")?.trim().parse::<usize>().unwrap());
    let length = lines.filter_map(header).last().unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let request = first.rsplit_once(' ').unwrap().0;
    seen.lock().unwrap().push(request.to_string());
    let (method, path) = request.split_once(' ').unwrap();
    let mut things = things.lock().unwrap();
    match method {
        "PUT" => drop(things.insert(path.to_owned(), serde_json::from_slice(&body).unwrap())),
        "DELETE" => drop(things.remove(path)),
        _ => {}
    }
    // A group that is given another size is the group without the last word of the path.
    if let ("POST", Some(group)) = (method, path.strip_suffix("/scaling").and_then(|group| things.get_mut(group))) {
        let sizes: HashMap<String, Json> = serde_json::from_slice(&body).unwrap();
        sizes.into_iter().for_each(|(name, size)| group[name] = size);
    }
    let there = things.get(path);
    if method == "GET" && there.is_none() {
        write!(stream, "HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").unwrap();
        return;
    }
    let size = |name: &str| there.map(|thing| thing[name].clone());
    let cluster = json!({
        "configuration": there.map(|thing| &thing["configuration"]),
        "min": size("min"), "max": size("max"), "desired": size("desired"),
        "name": "fixture", "status": "ACTIVE", "endpoint": "https://127.0.0.1:6443", "certificate_authority": "Y2E=",
        "version": "1.34", "arn": "arn:aws:eks:eu-west-1:000000000000:cluster/fixture", "created_at": "2026-01-01T00:00:00Z",
    })
    .to_string();
    write!(stream, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{cluster}", cluster.len())
        .unwrap();
}
