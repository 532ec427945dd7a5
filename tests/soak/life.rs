//! One life: clusters are registered, used, changed, left alone and end, while things fail.

use crate::check;
use crate::journal::{self, Build, lines};
use crate::plan::{Deed, Plan, Script};
use crate::tally::{Counts, Outcome};
use crate::user::{User, items, text};
use local::Stack;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long the faults go on; then there is peace, and all must end.
const WAR: Duration = Duration::from_secs(75);
/// How long all may take to end in peace. Retries are as quick as the state machines' scale makes them; what takes long,
/// where much else is going on, is a build that looks one by one for all that a vanished one may have made.
const PEACE: Duration = Duration::from_secs(900);
const PAUSE: Duration = Duration::from_millis(400);

/// Lives the life of a seed.
pub async fn live(stack: &Stack, seed: u64, verbose: bool) -> Outcome {
    let plan = Plan::of(seed);
    if verbose {
        println!("{plan:#?}");
    }
    let started = Instant::now();
    let user = User::new(&stack.api_url, &stack.api_key);
    let journals = [stack.struck(), stack.builds(), stack.deletions()];
    let seen = journals.each_ref().map(|path| lines(path, 0).len());
    let mut outcome = Outcome { seed, ..Outcome::default() };
    let python = stack.python_version().await.unwrap_or_default();
    if let Err(error) = stack.order(&plan.faults) {
        outcome.wrongs.push(error.report());
        return outcome;
    }

    let names: Vec<String> = (0..plan.scripts.len()).map(|index| format!("soak{seed}-{index}")).collect();
    let stories = plan.scripts.iter().zip(&names).map(|(script, name)| story(stack, &user, script, name, &python));
    let weather = async {
        if let Some((after, during)) = plan.expiry {
            tokio::time::sleep(after).await;
            stack.expire_credentials(true).ok();
            tokio::time::sleep(during).await;
            stack.expire_credentials(false).ok();
        }
    };
    let (stories, ()) = tokio::join!(futures::future::join_all(stories), weather);
    let clusters: Vec<String> = stories.iter().filter_map(|story| story.cluster.clone()).collect();
    outcome.wrongs.extend(stories.iter().flat_map(|story| story.wrongs.clone()));

    // The faults go on until everything has ended, or it is time for peace.
    let mut runs = runs_of(&user, &names).await;
    let mut left = check::leaks(stack, &user, &clusters).await;
    while (!left.is_empty() || !runs.iter().all(is_over)) && started.elapsed() < WAR {
        tokio::time::sleep(PAUSE).await;
        runs = runs_of(&user, &names).await;
        left = check::leaks(stack, &user, &clusters).await;
    }
    stack.order("").ok();
    let peace = Instant::now();
    outcome.needed_peace = !left.is_empty() || !runs.iter().all(is_over);
    while (!left.is_empty() || !runs.iter().all(is_over)) && peace.elapsed() < PEACE {
        tokio::time::sleep(PAUSE).await;
        runs = runs_of(&user, &names).await;
        left = check::leaks(stack, &user, &clusters).await;
    }

    outcome.leaks = left;
    let [struck, builds, deletions] = std::array::from_fn(|index| lines(&journals[index], seen[index]));
    let mut builds = journal::builds(&builds);
    for build in &mut builds {
        if let Ok(Some(stream)) = stack.object(&format!("{}/events.jsonl", build.reports)).await {
            build.reads(&String::from_utf8_lossy(&stream));
        }
    }
    judge(&mut outcome, &stories, &runs, &builds, &deletions);
    outcome.faults = journal::struck(&struck);
    outcome.wrongs.extend(struck.iter().filter_map(|line| Some(format!("the faults: {}", line["error"].as_str()?))));
    struck.iter().filter(|_| verbose).for_each(|line| println!("{line}"));
    for run in runs.iter().filter(|run| verbose && run["status"] == "failed") {
        let operators = items(&run["operators"]).iter();
        let errors: Vec<_> = operators.map(|operator| &operator["error"]).filter(|error| !error.is_null()).collect();
        println!("run {} failed: {}, {errors:?}", run["id"], run["error"]);
    }
    if plan.expiry.is_some() {
        count(&mut outcome.faults, "credentials expired".to_owned());
    }
    if verbose && !outcome.is_clean() {
        for id in &clusters {
            println!("{:#}", user.get(&format!("/v1/clusters/{id}")).await);
            println!("{:#}", user.get(&format!("/v1/clusters/{id}/events")).await);
        }
        runs.iter().for_each(|run| println!("{run:#}"));
    }
    if outcome.leaks.is_empty() {
        unregister(&user, &names, &mut outcome).await;
        // What a crash has left is removed by the sweeper after a minute.
        let left = || async { stack.credentials().await.unwrap_or_else(|error| vec![error.report()]) };
        let mut secrets = left().await;
        while !secrets.is_empty() && peace.elapsed() < PEACE {
            tokio::time::sleep(PAUSE).await;
            secrets = left().await;
        }
        outcome.leaks.extend(secrets.into_iter().map(|name| format!("secret {name}")));
    }
    outcome.seconds = started.elapsed().as_secs();
    outcome
}

fn judge(outcome: &mut Outcome, stories: &[Story], runs: &[Value], builds: &[Build], deletions: &[Value]) {
    for run in runs {
        let status = text(&run["status"]);
        if !is_over(run) {
            outcome.wrongs.push(format!("run {} is {status} for ever: {}", run["id"], run["message"]));
        }
        let reason = reason(run);
        if status == "failed" && reason.is_empty() {
            outcome.wrongs.push(format!("run {} failed and does not say why", run["id"]));
        }
        count(&mut outcome.runs, if reason.is_empty() { status } else { format!("{status} ({reason})") });
    }
    for build in builds {
        count(&mut outcome.builds, format!("{} {}", build.action, build.status.to_lowercase()));
    }
    outcome.doubled_builds = journal::doubled(builds);
    outcome.deletions = u32::try_from(deletions.len()).unwrap_or(u32::MAX);
    for story in stories.iter().filter(|story| !story.forced) {
        let own: Vec<Value> = runs.iter().filter(|run| run["cluster"]["id"] == json!(story.cluster)).cloned().collect();
        outcome.wrong_teardowns.extend(journal::wrong_teardowns(builds, &own));
        outcome.wrong_teardowns.extend(journal::deleted_work(deletions, &own));
    }
}

/// What became of the users of one cluster.
#[derive(Default)]
struct Story {
    cluster: Option<String>,
    forced: bool,
    wrongs: Vec<String>,
}

async fn story(stack: &Stack, user: &User, script: &Script, name: &str, python: &str) -> Story {
    let mut story = Story::default();
    let config = json!({
        "config_file_path": stack.credentials_file, "config_file_profile": stack.credentials_profile,
        "k8s": {"keepalive": 2},
    });
    // An answer that is lost makes the second try a conflict: then it is registered.
    let (status, answer) = user.post("/v1/integrations", json!({"name": name, "config": config})).await;
    let view = user.get(&format!("/v1/clusters/{name}:aqueduct_ondemand_k8s")).await;
    let Some(cluster) = view["id"].as_str() else {
        story.wrongs.push(format!("{name} was not registered: {status} {answer}"));
        return story;
    };
    story.cluster = Some(cluster.to_owned());
    let flows = async {
        for (index, operators) in script.flows.iter().enumerate() {
            publish(user, name, &format!("flow-{index}"), operators, python).await;
        }
        if let Some(later) = script.straggler {
            tokio::time::sleep(later).await;
            publish(user, name, "straggler", &[0.0], python).await;
        }
    };
    let deed = async {
        let (after, deed) = script.deed?;
        tokio::time::sleep(after).await;
        do_it(user, name, cluster, deed).await;
        Some(deed)
    };
    let ((), deed) = tokio::join!(flows, deed);
    story.forced = deed == Some(Deed::ForceDelete);
    story
}

async fn publish(user: &User, integration: &str, name: &str, operators: &[f32], python: &str) {
    let operators: Vec<Value> = operators
        .iter()
        .enumerate()
        .map(|(index, seconds)| {
            let inputs: Vec<String> = (index > 0).then(|| format!("step{}", index - 1)).into_iter().collect();
            let parameters = if index > 0 { "before" } else { "" };
            let source = format!(
                "def step{index}({parameters}):\n    import time\n    time.sleep({seconds})\n    return {index}\n"
            );
            json!({"name": format!("step{index}"), "source": source, "inputs": inputs})
        })
        .collect();
    let engine = format!("{integration}:aqueduct_ondemand_k8s");
    let flow = json!({"name": format!("{integration}-{name}"), "engine": engine, "python_version": python, "operators": operators});
    user.post("/v1/flows", flow).await;
}

async fn do_it(user: &User, integration: &str, cluster: &str, deed: Deed) {
    let path = format!("/v1/clusters/{cluster}");
    match deed {
        Deed::Update => drop(user.send(Method::PATCH, &path, Some(&json!({"max_cpu_node": 2}))).await),
        Deed::Delete => drop(user.send(Method::DELETE, &path, None).await),
        Deed::ForceDelete => drop(user.send(Method::DELETE, &format!("{path}?force=true"), None).await),
        Deed::Cancel => {
            if let Some(run) = runs_of(user, &[integration.to_owned()]).await.first() {
                user.post(&format!("/v1/runs/{}/cancel", text(&run["id"])), json!({})).await;
            }
        }
    }
}

/// All runs on these integrations, with their operators.
async fn runs_of(user: &User, integrations: &[String]) -> Vec<Value> {
    let mut all = vec![];
    for flow in items(&user.get("/v1/flows").await["flows"]) {
        let name = text(&flow["name"]);
        if !integrations.iter().any(|integration| name.starts_with(&format!("{integration}-"))) {
            continue;
        }
        for run in items(&user.get(&format!("/v1/flows/{}/runs", text(&flow["id"]))).await["runs"]) {
            all.push(user.get(&format!("/v1/runs/{}", text(&run["id"]))).await);
        }
    }
    all
}

fn is_over(run: &Value) -> bool {
    ["succeeded", "failed", "canceled"].contains(&run["status"].as_str().unwrap_or_default())
}

/// Why a run failed, in a few words.
fn reason(run: &Value) -> String {
    let own = run["error"]["class"].as_str().map(str::to_owned);
    let of_operator = items(&run["operators"]).iter().find_map(|operator| {
        let told = operator["error"]["tip"].as_str().or(operator["error"]["context"].as_str())?;
        Some(operator["cause"].as_str().unwrap_or(told).to_owned())
    });
    own.or(of_operator).unwrap_or_default().chars().take(60).collect()
}

async fn unregister(user: &User, names: &[String], outcome: &mut Outcome) {
    for integration in items(&user.get("/v1/integrations").await["integrations"]) {
        let name = text(&integration["name"]);
        if names.contains(&name) {
            let path = format!("/v1/integrations/{}", text(&integration["id"]));
            let (status, answer) = user.send(Method::DELETE, &path, None).await;
            if !(200..300).contains(&status) {
                outcome.wrongs.push(format!("{name} cannot be unregistered: {status} {answer}"));
            }
        }
    }
    for flow in items(&user.get("/v1/flows").await["flows"]) {
        user.send(Method::DELETE, &format!("/v1/flows/{}", text(&flow["id"])), None).await;
    }
}

fn count(all: &mut Counts, key: String) {
    *all.entry(key).or_default() += 1;
}
