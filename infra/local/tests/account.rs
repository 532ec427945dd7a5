//! The local account from its HTTP interface to a pod's last log line, with a real control plane.
//!
//! Needs its four programs: in the folder that KUBEBUILDER_ASSETS names, or in the user's cache, where
//! `infra/local/kubernetes/build.sh` puts them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/eks_token.rs"]
mod support;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::{AsyncBufReadExt, TryStreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{Namespace, Node, Pod, Secret};
use kube::api::{Api, DeleteParams, ListParams, LogParams, PostParams};
use kube::runtime::conditions;
use kube::runtime::wait::{Condition, await_condition};
use kube::{Client, ResourceExt};
use local::account::{Account, AccountConfig, Interpreters};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime};
use support::eks_token;

const CLUSTER: &str = "ondemand-1f1e0abd-g1";
const KEY: &str = "AKIALOCAL";
const SECRET: &str = "made up";
const PATIENCE: Duration = Duration::from_secs(300);

fn binaries() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(std::env::home_dir()?.join(".cache"))).unwrap_or_default();
    let named = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
    let folder = named.unwrap_or_else(|| cache.join("ondemand-eks/kubernetes/1.20.2"));
    assert!(
        folder.join("kube-apiserver").is_file(),
        "this test needs Kubernetes' programs in {}: run infra/local/kubernetes/build.sh, or set KUBEBUILDER_ASSETS",
        folder.display()
    );
    folder
}

/// An image of the Python that this machine has.
fn image() -> String {
    let version = Command::new("python3").args(["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]).output();
    format!("python:{}-slim", String::from_utf8(version.unwrap().stdout).unwrap().trim())
}

/// The account as its users reach it.
struct Http(String);

impl Http {
    async fn put(&self, path: &str, body: Value) -> (u16, Value) {
        self.send(Self::client().put(format!("{}{path}", self.0)).json(&body)).await
    }
    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.send(Self::client().post(format!("{}{path}", self.0)).json(&body)).await
    }
    async fn get(&self, path: &str) -> (u16, Value) {
        self.send(Self::client().get(format!("{}{path}", self.0))).await
    }
    async fn delete(&self, path: &str) -> u16 {
        self.send(Self::client().delete(format!("{}{path}", self.0))).await.0
    }
    fn client() -> reqwest::Client {
        reqwest::Client::builder().no_proxy().build().unwrap()
    }
    async fn send(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }
}

/// A client that trusts only the cluster's authority and shows an EKS token.
fn client(cluster: &Value, token: String) -> Client {
    let pem = STANDARD.decode(cluster["certificate_authority"].as_str().unwrap()).unwrap();
    let mut config = kube::Config::new(cluster["endpoint"].as_str().unwrap().parse().unwrap());
    config.root_cert = Some(vec![CertificateDer::from_pem_slice(&pem).unwrap().to_vec()]);
    config.auth_info.token = Some(token.into());
    Client::try_from(config).unwrap()
}

/// A job that runs `script`; `group` is the node group it selects.
fn job(name: &str, script: &str, group: &str, image: &str) -> Job {
    let mut limits = json!({"cpu": "1", "memory": "128Mi"});
    if group == "gpu" {
        limits["nvidia.com/gpu"] = "1".into();
    }
    serde_json::from_value(json!({
        "metadata": {"name": name},
        "spec": {"backoffLimit": 0, "template": {"spec": {
            "restartPolicy": "Never",
            "nodeSelector": {"ondemand-eks/node-group": group},
            "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
            "volumes": [{"name": "cache", "hostPath": {"path": "/var/cache/pip"}}],
            "containers": [{
                "name": "main", "image": image, "command": ["python3", "-c", script], "resources": {"limits": limits},
                "volumeMounts": [{"name": "cache", "mountPath": "/cache"}],
                "env": [
                    {"name": "WORD", "valueFrom": {"secretKeyRef": {"name": "words", "key": "first"}}},
                    {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                    {"name": "PIP_CACHE_DIR", "value": "/cache"}]}]}}}}))
    .unwrap()
}

async fn reached<K>(api: &Api<K>, name: &str, condition: impl Condition<K>)
where
    K: kube::Resource<DynamicType = ()> + Clone + std::fmt::Debug + serde::de::DeserializeOwned + Send + 'static,
{
    let reached = tokio::time::timeout(PATIENCE, await_condition(api.clone(), name, condition)).await;
    assert!(reached.is_ok(), "{name} did not get there: {:#?}", api.get_opt(name).await);
    reached.unwrap().unwrap();
}

/// Looks until something holds that no watch tells of.
async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let looking = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, looking).await.is_ok(), "never: {what}");
}

/// The only pod of a job, as soon as `holds` holds of it.
async fn pod_of(pods: &Api<Pod>, job: &str, holds: impl Fn(&Pod) -> bool) -> Pod {
    let config = kube::runtime::watcher::Config::default().labels(&format!("job-name={job}"));
    let events = kube::runtime::WatchStreamExt::applied_objects(kube::runtime::watcher(pods.clone(), config));
    let mut events = std::pin::pin!(events);
    let found = tokio::time::timeout(PATIENCE, async {
        while let Some(pod) = events.try_next().await.unwrap() {
            if holds(&pod) {
                return pod;
            }
        }
        panic!("the watch ended")
    });
    found.await.unwrap_or_else(|_| panic!("no pod of {job} got there"))
}

fn container(pod: &Pod, pointer: &str) -> Value {
    let status = serde_json::to_value(&pod.status).unwrap();
    status.pointer(&format!("/containerStatuses/0/state{pointer}")).cloned().unwrap_or_default()
}

fn children() -> Vec<String> {
    let me = std::process::id().to_string();
    let stats = std::fs::read_dir("/proc").unwrap().flatten();
    let stats = stats.filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
    stats.filter(|stat| stat.rsplit_once(')').unwrap().1.split_whitespace().nth(1) == Some(&me)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_runs_jobs_on_nodes_that_come_and_go_and_leaves_nothing_behind() {
    let directory = std::env::temp_dir().join(format!("account-{}", uuid::Uuid::new_v4()));
    let account = Account::start(AccountConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        binaries: binaries(),
        directory: directory.clone(),
        interpreters: Interpreters::of_this_machine(),
        credentials: HashMap::from([(KEY.to_owned(), SECRET.to_owned())]),
        region: "us-east-1".to_owned(),
    })
    .await
    .unwrap();
    let http = Http(account.url().to_owned());
    let (path, cpu, gpu) = ("/clusters/ondemand-1f1e0abd-g1", "/nodegroups/cpu", "/nodegroups/gpu");

    // A cluster comes up, once, and knows its users by their EKS tokens.
    assert_eq!(http.get(path).await.0, 404);
    let asked = json!({"version": "1.34", "tags": {"a": "b"}, "configuration": {"role_arn": "r"}});
    let creating = async {
        loop {
            if let (200, cluster) = http.get(path).await {
                let listed = http.get("/clusters").await.1["clusters"][0]["name"].clone();
                return (cluster, listed, http.get("/inventory").await.1["clusters"][0]["name"].clone());
            }
        }
    };
    let ((status, cluster), (creating, listed, counted)) = tokio::join!(http.put(path, asked), creating);
    assert_eq!((&creating["status"], &creating["configuration"]["role_arn"]), (&json!("CREATING"), &json!("r")));
    assert_eq!((&creating["name"], &creating["name"]), (&listed, &counted), "what is about to be is not nothing");
    assert_eq!((status, &cluster["status"], &cluster["version"]), (200, &json!("ACTIVE"), &json!("1.34")), "{cluster}");
    assert_eq!(cluster["created_at"], creating["created_at"]);
    assert_eq!(http.put(path, json!({"version": "1.34"})).await.1["endpoint"], cluster["endpoint"]);
    let token = |cluster, secret| eks_token(KEY, secret, cluster, 60, SystemTime::now());
    for wrong in [token(CLUSTER, "guessed"), token("another-cluster", SECRET)] {
        let refused = client(&cluster, wrong).list_api_groups().await;
        assert!(matches!(&refused, Err(kube::Error::Api(status)) if status.code == 401), "{refused:?}");
    }
    let expired = directory.join("credentials-expired");
    std::fs::write(&expired, "").unwrap();
    let refused = client(&cluster, token(CLUSTER, SECRET)).list_api_groups().await;
    assert!(matches!(&refused, Err(kube::Error::Api(status)) if status.code == 401), "{refused:?}");
    std::fs::remove_file(expired).unwrap();
    // Another token, since what was refused is remembered for a moment; and one that outlives this test.
    let client = client(&cluster, eks_token(KEY, SECRET, CLUSTER, 900, SystemTime::now()));

    // Node groups: one with a node, one that waits for a pod that needs a GPU.
    let group = |instance_type: &str, name: &str, min: u32, taints: Value| {
        json!({"instance_types": [instance_type], "min": min, "max": 1, "desired": min, "taints": taints,
            "labels": {"ondemand-eks/node-group": name}})
    };
    let taint = json!([{"key": "nvidia.com/gpu", "value": "present", "effect": "NO_SCHEDULE"}]);
    let (status, refused) = http.put(&format!("{path}{cpu}"), group("z9.huge", "cpu", 1, json!([]))).await;
    assert!(status == 400 && refused["error"].as_str().unwrap().contains("z9.huge"), "{refused}");
    assert_eq!(http.put(&format!("{path}{cpu}"), group("t3.xlarge", "cpu", 1, json!([]))).await.0, 200);
    assert_eq!(http.put(&format!("{path}{gpu}"), group("g4dn.xlarge", "gpu", 0, taint)).await.0, 200);
    let nodes: Api<Node> = Api::all(client.clone());
    let names: Vec<String> = nodes.list(&ListParams::default()).await.unwrap().iter().map(|n| n.name_any()).collect();
    assert_eq!(names, ["cpu-1"]);

    // A job sees its Secret and its name, and its log is read while it is written and afterwards.
    let create = PostParams::default();
    let namespace = serde_json::from_value(json!({"metadata": {"name": "ondemand-eks"}})).unwrap();
    Api::<Namespace>::all(client.clone()).create(&create, &namespace).await.unwrap();
    let secret = serde_json::from_value(json!({"metadata": {"name": "words"}, "stringData": {"first": "s3cret"}}));
    Api::<Secret>::namespaced(client.clone(), "ondemand-eks").create(&create, &secret.unwrap()).await.unwrap();
    let jobs: Api<Job> = Api::namespaced(client.clone(), "ondemand-eks");
    let pods: Api<Pod> = Api::namespaced(client.clone(), "ondemand-eks");
    let image = image();
    let script = "import os, sys; e = os.environ; print(e['WORD'], e['POD'].split('-')[0]); \
                  open(e['PIP_CACHE_DIR'] + '/kept', 'w').close(); print(sys.prefix == e['HOME'], e.get('USER'))";
    jobs.create(&create, &job("hello", script, "cpu", &image)).await.unwrap();
    let started = pod_of(&pods, "hello", |pod| !container(pod, "").is_null()).await.name_any();
    let follow = LogParams { follow: true, ..LogParams::default() };
    let lines = pods.log_stream(&started, &follow).await.unwrap().lines();
    assert_eq!(lines.try_collect::<Vec<_>>().await.unwrap(), ["s3cret hello", "True None"]);
    reached(&jobs, "hello", conditions::is_job_completed()).await;
    let tail = LogParams { tail_lines: Some(1), ..LogParams::default() };
    assert_eq!(pods.logs(&started, &tail).await.unwrap(), "True None\n");
    assert!(directory.join(CLUSTER).join("host/var/cache/pip/kept").is_file());

    // The cluster's own services are taken in without being run, whatever their image.
    let deployments: Api<Deployment> = Api::namespaced(client.clone(), "kube-system");
    let autoscaler = json!({
        "metadata": {"name": "cluster-autoscaler"},
        "spec": {"selector": {"matchLabels": {"app": "autoscaler"}}, "template": {
            "metadata": {"labels": {"app": "autoscaler"}},
            "spec": {"containers": [{"name": "main", "image": "cluster-autoscaler:v1.34.0"}]}}}});
    deployments.create(&create, &serde_json::from_value(autoscaler).unwrap()).await.unwrap();
    reached(&deployments, "cluster-autoscaler", conditions::is_deployment_completed()).await;

    // A failure, a lack of memory and a lack of the right Python are each told apart.
    jobs.create(&create, &job("fails", "raise SystemExit(3)", "cpu", &image)).await.unwrap();
    jobs.create(&create, &job("hungry", "import time; x = b'x' * (1 << 29); time.sleep(3600)", "cpu", &image))
        .await
        .unwrap();
    jobs.create(&create, &job("ancient", "print(1)", "cpu", "python:2.1-slim")).await.unwrap();
    let ended = |pod: &Pod| !container(pod, "/terminated").is_null();
    let fails = pod_of(&pods, "fails", ended).await;
    assert_eq!(container(&fails, "/terminated/exitCode"), 3);
    assert_eq!(fails.status.unwrap().phase.as_deref(), Some("Failed"));
    assert_eq!(container(&pod_of(&pods, "hungry", ended).await, "/terminated/reason"), "OOMKilled");
    let ancient = pod_of(&pods, "ancient", |pod| !container(pod, "/waiting").is_null()).await;
    assert_eq!(container(&ancient, "/waiting/reason"), "ImagePullBackOff");
    assert!(container(&ancient, "/waiting/message").as_str().unwrap().contains("pyenv install 2.1"));

    // A pod that needs a GPU waits for a node, which comes for it, and goes when it has nothing to do.
    jobs.create(&create, &job("learns", "print('learnt')", "gpu", &image)).await.unwrap();
    reached(&jobs, "learns", conditions::is_job_completed()).await;
    let learnt = pod_of(&pods, "learns", ended).await;
    let node = learnt.spec.unwrap().node_name.unwrap();
    assert_eq!(node, "gpu-2");
    if let Some(found) = nodes.get_opt(&node).await.unwrap() {
        reached(&nodes, &node, conditions::is_deleted(&found.uid().unwrap())).await;
    }

    // A pod is killed; then a node, with a pod on it whose Job learns of that. Another node takes its place.
    let kill =
        async |what: &str, job: &str| http.post("/kill", json!({"what": what, "labels": {"job-name": job}})).await;
    for (what, job_name) in [("pod", "struck"), ("node", "stranded")] {
        jobs.create(&create, &job(job_name, "import time; time.sleep(3600)", "cpu", &image)).await.unwrap();
        pod_of(&pods, job_name, |pod| !container(pod, "/running").is_null()).await;
        assert_eq!(kill(what, job_name).await.0, 200);
        let failed = |job: Option<&Job>| job.is_some_and(|job| job.status.as_ref().and_then(|s| s.failed) == Some(1));
        reached(&jobs, job_name, failed).await;
        until("nothing is left to kill", async || kill(what, job_name).await.0 == 404).await;
    }
    assert_eq!(container(&pod_of(&pods, "struck", ended).await, "/terminated/exitCode"), 137);
    let stranded = pod_of(&pods, "stranded", |_| true).await.status.unwrap();
    assert_eq!((stranded.phase.as_deref(), stranded.reason.as_deref()), (Some("Failed"), Some("NodeLost")));
    let nodes_there = async || http.get("/inventory").await.1["clusters"][0]["nodes"].clone();
    until("another node takes its place", async || nodes_there().await == json!(["cpu-3"])).await;

    // Deleting a running pod ends its process; deleting the groups and the cluster ends everything.
    jobs.create(&create, &job("sleeps", "import time; time.sleep(3600)", "cpu", &image)).await.unwrap();
    let sleeping = pod_of(&pods, "sleeps", |pod| !container(pod, "/running").is_null()).await;
    assert_eq!(http.get("/inventory").await.1["clusters"][0]["processes"].as_array().unwrap().len(), 5);
    jobs.delete("sleeps", &DeleteParams::background()).await.unwrap();
    reached(&pods, &sleeping.name_any(), conditions::is_deleted(&sleeping.uid().unwrap())).await;
    assert_eq!(http.get("/inventory").await.1["clusters"][0]["processes"].as_array().unwrap().len(), 4);
    // A group has the size that it is given, between its limits, and whoever makes it smaller ends what runs there.
    let spare = format!("{path}/nodegroups/spare");
    assert_eq!(http.put(&spare, group("t3.xlarge", "spare", 1, json!([]))).await.0, 200);
    let resize = async |sizes: Value| http.post(&format!("{spare}/scaling"), sizes).await;
    let (status, refused) = resize(json!({"min": 2, "max": 3})).await;
    assert_eq!((status, &refused["error"]), (400, &json!("Minimum capacity 2 can't be greater than desired size 1")));
    let (status, grown) = resize(json!({"min": 2, "max": 3, "desired": 2})).await;
    assert_eq!((status, &grown["nodes"]), (200, &json!(["spare-4", "spare-5"])), "{grown}");
    assert_eq!(resize(json!({"max": 4})).await.1["nodes"], grown["nodes"], "a size that is not named is kept");
    let template = job("cut", "import time; time.sleep(3600)", "spare", &image).spec.unwrap().template;
    for (name, node) in [("kept", "spare-4"), ("cut", "spare-5")] {
        let mut pod = Pod { spec: template.spec.clone(), ..Pod::default() };
        (pod.metadata.name, pod.spec.as_mut().unwrap().node_name) = (Some(name.to_owned()), Some(node.to_owned()));
        pods.create(&create, &pod).await.unwrap();
        reached(&pods, name, conditions::is_pod_running()).await;
    }
    assert_eq!(resize(json!({"min": 1, "max": 1})).await.0, 400, "nor is a node ended by a lower maximum alone");
    assert_eq!(resize(json!({"min": 1, "max": 1, "desired": 1})).await.1["nodes"], json!(["spare-4"]));
    pods.delete("kept", &DeleteParams::default().grace_period(0)).await.unwrap();
    // Whoever removed a node may have been killed before they could say so.
    nodes.delete("spare-4", &DeleteParams::default()).await.unwrap();
    assert_eq!(http.delete(&spare).await, 200);
    // Whoever was at work where a deletion came is told.
    jobs.create(&create, &job("caught", "import time; time.sleep(3600)", "cpu", &image)).await.unwrap();
    let caught = pod_of(&pods, "caught", |pod| !container(pod, "/running").is_null()).await.name_any();
    assert_eq!(http.delete(&format!("{path}{gpu}")).await, 200);
    assert_eq!(http.delete(&format!("{path}{cpu}")).await, 200);
    let told = std::fs::read_to_string(directory.join("deletions.jsonl")).unwrap();
    let told: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names = |pods: &Value| pods.as_array().unwrap().iter().map(|pod| pod["name"].clone()).collect::<Vec<_>>();
    let told: Vec<_> = told.iter().map(|deletion| (&deletion["group"], names(&deletion["pods"]))).collect();
    let group = |name| json!(name);
    let cut = (&group("spare"), vec![json!("cut")]);
    let deleted = [(&group("spare"), vec![]), (&group("gpu"), vec![]), (&group("cpu"), vec![json!(caught)])];
    assert_eq!((&told[0], &told[1..]), (&cut, &deleted[..]));
    assert_eq!(nodes.list(&ListParams::default()).await.unwrap().items.len(), 0);
    assert_eq!(http.delete(path).await, 200);
    assert_eq!(http.delete(path).await, 404);
    assert_eq!(http.get("/clusters").await.1, json!({"clusters": []}));
    account.shutdown().await;
    assert_eq!(children(), Vec::<String>::new());
    std::fs::remove_dir_all(directory).unwrap();
}
