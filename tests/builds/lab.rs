//! What cases need: a place for each, builds in it, and what is left of them.

use local::Workshop;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::{fs::PermissionsExt, process::CommandExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Resources of the module with the default settings, by type.
pub const RESOURCES: &[(&str, usize)] = &[
    ("aws_autoscaling_group_tag", 9),
    ("aws_eip", 1),
    ("aws_eks_addon", 4),
    ("aws_eks_cluster", 1),
    ("aws_eks_node_group", 2),
    ("aws_eks_pod_identity_association", 1),
    ("aws_iam_role", 3),
    ("aws_iam_role_policy", 1),
    ("aws_iam_role_policy_attachment", 4),
    ("aws_internet_gateway", 1),
    ("aws_launch_template", 2),
    ("aws_nat_gateway", 1),
    ("aws_route", 2),
    ("aws_route_table", 2),
    ("aws_route_table_association", 3),
    ("aws_subnet", 3),
    ("aws_vpc", 1),
];

/// The workshop, shared by all cases.
pub struct Lab {
    workshop: Workshop,
    runtime: tokio::runtime::Runtime,
    folder: PathBuf,
}

impl Lab {
    pub fn new(workshop: Workshop, runtime: tokio::runtime::Runtime, folder: PathBuf) -> Self {
        Self { workshop, runtime, folder }
    }

    pub fn shutdown(self) {
        self.runtime.block_on(self.workshop.shutdown());
    }

    /// A cluster of its own for a case: its checkout, its state, its journal.
    pub fn cluster(&self, name: &str) -> Cluster<'_> {
        let source = self.folder.join(name);
        for folder in ["terraform", "infra/build"] {
            let to = source.join(folder);
            std::fs::create_dir_all(&to).expect("a folder");
            let from = local::paths::checkout().join(folder);
            for entry in std::fs::read_dir(from).expect("the checkout").flatten().map(|entry| entry.path()) {
                let hidden = entry.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
                if entry.is_file() && !hidden {
                    std::fs::copy(&entry, to.join(entry.file_name().expect("a name"))).expect("a copy");
                }
            }
        }
        Cluster { lab: self, name: name.to_owned(), source, builds: 0, place: vec![], settings: json!({}) }
    }
}

/// The cluster of a case.
pub struct Cluster<'a> {
    lab: &'a Lab,
    name: String,
    pub source: PathBuf,
    builds: u32,
    /// What the control plane would tell the next build of the one before.
    place: Vec<(String, String)>,
    /// What a user has set.
    settings: Value,
}

/// How a build ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub summary: Value,
    pub events: String,
    pub log: String,
}

impl Ended {
    /// How much a plan would create, change and destroy.
    pub fn changes(&self) -> [u64; 3] {
        let mut events = self.events.lines().map(|line| serde_json::from_str::<Value>(line).expect("an event"));
        let summary = events.rfind(|event| event["type"] == "change_summary").expect("a plan");
        ["add", "change", "remove"].map(|what| summary["changes"][what].as_u64().expect("a number"))
    }

    pub fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{}\n{}", self.log, self.events);
        self
    }
}

impl Cluster<'_> {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Counts its builds from here, where another has others of the same cluster.
    pub fn count_from(&mut self, builds: u32) {
        self.builds = builds;
    }

    /// Orders the next failure.
    pub fn fault(&self, fault: &Value) {
        std::fs::write(self.source.join("faults.json"), json!([fault]).to_string()).expect("faults");
    }

    /// The environment that the provider and Terraform share.
    fn provider(&self, command: &mut Command, delay_ms: u32) {
        command.env_clear().envs(std::env::var_os("HOME").map(|home| ("HOME", home)));
        command.envs(self.lab.workshop.environment().iter().map(|(name, value)| (name, value)));
        command.env("AWS_PROVIDER_JOURNAL", self.lab.workshop.journal(&self.name));
        command.env("AWS_PROVIDER_FAULTS", self.source.join("faults.json"));
        command.env("AWS_PROVIDER_DELAY_MS", delay_ms.to_string());
    }

    /// Settings of a user, for the builds to come.
    pub fn set(&mut self, settings: Value) {
        self.settings = settings;
    }

    /// The variables that the control plane gives a build.
    fn variables(&self) -> Value {
        let mut variables = json!({
            "region": "us-east-1", "cluster_name": format!("ondemand-{}-g1", self.name),
            "integration_id": "an-integration", "cluster_id": self.name, "generation": 1, "keepalive": 1200,
            "cpu_node_type": "t3.xlarge", "gpu_node_type": "g4dn.xlarge",
            "min_cpu_node": 1, "max_cpu_node": 1, "min_gpu_node": 0, "max_gpu_node": 1,
        });
        for (name, value) in self.settings.as_object().into_iter().flatten() {
            variables[name] = value.clone();
        }
        variables
    }

    /// A `PATH` on which a program is this script of bash, and the real one is behind it: on `${PATH#*:}`.
    pub fn path_with(&self, program: &str, script: &str) -> String {
        let folder = self.source.join("bin");
        std::fs::create_dir_all(&folder).expect("a folder");
        let file = folder.join(program);
        std::fs::write(&file, format!("#!/usr/bin/env bash\n{script}")).expect("written");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("a program");
        let path = self.lab.workshop.environment().iter().find(|(name, _)| name == "PATH").map(|(_, path)| path);
        format!("{}:{}", folder.display(), path.map(|path| path.to_string_lossy()).unwrap_or_default())
    }

    fn state_key(&self) -> String {
        format!("clusters/{}/g1/terraform.tfstate", self.name)
    }

    /// Starts a build as CodeBuild does, after what the control plane does before one.
    pub fn start(&mut self, action: &str, settings: &[(&str, &str)]) -> Child {
        self.builds += 1;
        let output = format!("clusters/{}/builds/{}", self.name, self.builds);
        let variables = self.variables().to_string().into_bytes();
        let key = format!("{output}/variables.tfvars.json");
        let put = self.lab.workshop.put(&key, variables);
        self.lab.runtime.block_on(put).expect("variables");
        let log = std::fs::File::create(self.source.join(format!("{}.log", self.builds))).expect("a log");
        let mut command = Command::new("bash");
        self.provider(&mut command, 5);
        command
            .arg(self.source.join("infra/build/build.sh"))
            .env("ACTION", action)
            .env("CLUSTER_ID", &self.name)
            .env("GENERATION", "1")
            .env("STATE_KEY", self.state_key())
            .env("OUTPUT_PREFIX", format!("s3://{}/{output}", local::workshop::BUCKET))
            .env("CODEBUILD_BUILD_ID", format!("builds:{}-{}", self.name, self.builds))
            .env("TARGET_CREDENTIALS", local::workshop::CREDENTIALS)
            // Few cases look at a report before its end, and each look that is sent takes the time of others.
            .env("EVENTS_INTERVAL", "60")
            .envs(self.place.drain(..))
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .process_group(0);
        command.spawn().expect("bash")
    }

    /// What is left of the last build that was started.
    pub fn ended(&self, mut child: Child) -> Ended {
        let code = child.wait().expect("an end").code();
        let log = std::fs::read_to_string(self.source.join(format!("{}.log", self.builds))).expect("a log");
        let summary = serde_json::from_str(&self.report("summary.json")).unwrap_or_default();
        Ended { code, summary, events: self.events(), log }
    }

    /// What the latest build has told so far.
    pub fn events(&self) -> String {
        self.report("events.jsonl")
    }

    /// A part of the latest build's report, empty if there is none.
    fn report(&self, name: &str) -> String {
        let key = format!("clusters/{}/builds/{}/{name}", self.name, self.builds);
        let bytes = self.lab.runtime.block_on(self.lab.workshop.get(&key));
        String::from_utf8(bytes.expect("an answer").unwrap_or_default()).expect("text")
    }

    /// Leaves of the latest build's report what a machine that died at once has told: what it planned, and no end.
    pub fn lose_report(&self) {
        let told = self.report("events.jsonl");
        let lines: Vec<&str> = told.lines().collect();
        let planned =
            lines.iter().rposition(|line| line.contains("\"planned_names\"")).expect("told before it applies");
        let prefix = format!("clusters/{}/builds/{}", self.name, self.builds);
        let events = lines[..=planned].join("\n").into_bytes();
        self.lab.runtime.block_on(self.lab.workshop.put(&format!("{prefix}/events.jsonl"), events)).expect("cut");
        self.lab.runtime.block_on(self.lab.workshop.delete(&format!("{prefix}/summary.json"))).expect("removed");
    }

    pub fn build(&mut self, action: &str) -> Ended {
        let child = self.start(action, &[]);
        self.ended(child)
    }

    /// The Terraform of a build that is applying.
    pub fn terraform_process(&self) -> Option<String> {
        let pattern = format!("^terraform -chdir={}/terraform apply", self.source.display());
        let output = Command::new("pgrep").args(["-f", &pattern]).output().expect("pgrep runs");
        String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned)
    }

    /// What the control plane does when it finds the note of a build that is over.
    pub fn take_over(&mut self) {
        let note = self.object(".holder").expect("the killed build's note");
        let note: Value = serde_json::from_str(&note).expect("a note");
        let lock = self.object(".tflock").map(|lock| serde_json::from_str::<Value>(&lock).expect("a lock"));
        if let Some(lock) = lock {
            assert_eq!(lock["Who"], note["who"], "the lock is the holder's, and can be told to be");
            let key = format!("{}.tflock", self.state_key());
            self.lab.runtime.block_on(self.lab.workshop.delete(&key)).expect("removed");
        }
        let events: Vec<&str> = note["events"].as_array().expect("events").iter().filter_map(Value::as_str).collect();
        self.place = vec![("HOLD".to_owned(), "*".to_owned()), ("RESUMES".to_owned(), events.join(" "))];
    }

    /// How many builds' reports the next one is to go on with.
    pub fn to_go_on_with(&self) -> usize {
        let note = self.object(".holder").unwrap_or_default();
        let note: Value = serde_json::from_str(&note).unwrap_or_default();
        note["events"].as_array().map_or(0, Vec::len)
    }

    /// What the control plane does when it gives up a build.
    pub fn give_up(&self, build: u32) {
        let key = format!("clusters/{}/builds/{build}/given-up", self.name);
        self.lab.runtime.block_on(self.lab.workshop.put(&key, vec![])).expect("told");
    }

    /// Whether nobody holds the state.
    pub fn is_free(&self) -> bool {
        self.object(".holder").is_none() && self.object(".tflock").is_none()
    }

    fn object(&self, suffix: &str) -> Option<String> {
        let key = format!("{}{suffix}", self.state_key());
        let bytes = self.lab.runtime.block_on(self.lab.workshop.get(&key)).expect("an answer");
        bytes.map(|bytes| String::from_utf8(bytes).expect("text"))
    }

    /// Resources in the state, by type.
    pub fn in_state(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        let state: Value = serde_json::from_str(&self.object("").unwrap_or_default()).unwrap_or_default();
        for resource in state["resources"].as_array().into_iter().flatten().filter(|r| r["mode"] == "managed") {
            let instances = resource["instances"].as_array().map_or(0, Vec::len);
            if instances == 0 {
                continue;
            }
            *counts.entry(resource["type"].as_str().unwrap_or_default().to_owned()).or_default() += instances;
        }
        counts
    }

    /// Resources that exist in the account, by type, whatever the state says.
    pub fn in_account(&self) -> BTreeMap<String, usize> {
        let mut existing: BTreeSet<(String, String)> = BTreeSet::new();
        for entry in self.journal() {
            let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let key = (word(&entry["type"]), word(&entry["values"]["id"]));
            match entry["operation"].as_str() {
                Some("create") if entry["error"].is_null() => drop(existing.insert(key)),
                Some("delete") if entry["error"].is_null() => drop(existing.remove(&key)),
                _ => {}
            }
        }
        let mut counts = BTreeMap::new();
        for (kind, _) in existing {
            *counts.entry(kind).or_default() += 1;
        }
        counts
    }

    /// What the AWS CLI answers about the account that is built in.
    pub fn aws(&self, arguments: &[&str]) -> Value {
        let mut command = Command::new("aws");
        command.envs(self.lab.workshop.environment().iter().map(|(name, value)| (name, value)));
        // As the build's own calls in that account are signed.
        command.env("AWS_ACCESS_KEY_ID", "AKIA0WORKSHOP00000000").env("AWS_SECRET_ACCESS_KEY", "made-up");
        let output = command.args(arguments).output().expect("aws");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// The ARNs of what the account says has the cluster's tags.
    pub fn tagged(&self) -> Vec<String> {
        let filter = format!("Key=ondemand-eks:cluster,Values={}", self.name);
        let answer = self.aws(&["resourcegroupstaggingapi", "get-resources", "--tag-filters", &filter]);
        let all = answer["ResourceTagMappingList"].as_array().into_iter().flatten();
        all.filter_map(|resource| resource["ResourceARN"].as_str().map(str::to_owned)).collect()
    }

    /// What the provider did.
    pub fn journal(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.lab.workshop.journal(&self.name)).unwrap_or_default();
        // The last line may be being written.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| serde_json::from_str(line).expect("a line of the journal")).collect()
    }

    /// Terraform by itself, with its state in a file beside the module: faster than a build. Its event stream.
    pub fn terraform(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let module = self.source.join("terraform");
        let mut command = Command::new("terraform");
        self.provider(&mut command, 0);
        let credentials = self.source.join("credentials");
        if !credentials.exists() {
            std::fs::write(&credentials, "[target]\n").expect("credentials");
            std::fs::write(module.join("local_override.tf"), "terraform {\n  backend \"local\" {}\n}\n")
                .expect("written");
            let variables = self.variables().to_string();
            std::fs::write(module.join("terraform.tfvars.json"), variables).expect("written");
            self.terraform(&["init", "-input=false"]);
        }
        command.env("TF_VAR_credentials_file", credentials).env("TF_VAR_credentials_profile", "target");
        let output = command.arg(format!("-chdir={}", module.display())).args(arguments).output().expect("terraform");
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code(), text)
    }

    /// Forgets the copy of the sources, which a passing case leaves nothing of interest in.
    pub fn forget(self) {
        std::fs::remove_dir_all(&self.source).ok();
    }
}

/// All resources of the module.
pub fn all() -> BTreeMap<String, usize> {
    RESOURCES.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect()
}

/// Whether a file is there, looked for until it is.
pub fn until(what: &str, holds: impl Fn() -> bool) {
    let since = std::time::Instant::now();
    while !holds() {
        assert!(since.elapsed().as_secs() < 600, "never: {what}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// Sends signals, one after the other and again from the first, until a build is over. `whom` is for `kill`: a process,
/// or a group with a minus sign.
pub fn signal_until_over(child: &mut Child, whom: &str, signals: &[&str]) {
    for signal in signals.iter().cycle() {
        if child.try_wait().expect("a child").is_some() {
            return;
        }
        self::signal(signal, whom);
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

/// Sends a signal. Whoever is gone already hears nothing.
pub fn signal(signal: &str, whom: &str) {
    let kill = Command::new("kill").args([&format!("-{signal}"), "--", whom]).stderr(Stdio::null()).status();
    kill.expect("kill runs");
}

/// The text of a file, empty if there is none.
pub fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}
