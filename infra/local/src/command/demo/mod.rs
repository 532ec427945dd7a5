//! `demo`: the main job, shown: register, publish, wait for the cluster, run, see results, see the cluster end.

mod api;
mod flows;
mod receipt;
mod show;
mod watch;

use super::up::{Ended, sdk_key, with_stack};
use crate::{Error, Progress, Stack};
use api::{Api, Body, text};
use clap::Args;
use serde_json::{Value, json};

/// What the demo can be told.
#[derive(Args, Debug, Clone)]
pub struct Options {
    #[command(flatten)]
    stack: super::Options,
    /// Keepalive of the demo's cluster, in seconds
    #[arg(long, default_value_t = 15)]
    keepalive: u64,
    /// Keep everything running afterwards
    #[arg(long)]
    keep: bool,
}

/// Starts a stack, shows the main job on it, and stops it.
///
/// # Errors
/// If the stack cannot be started, or the job does not go as it should.
pub async fn run(options: Options) -> Result<(), Error> {
    let progress = Progress::terminal();
    let Options { stack, keepalive, keep } = options;
    let ended = with_stack(stack, &progress, async |stack| {
        progress.say(sdk_key(stack)?);
        Demo { api: Api::of(stack, &progress), stack, progress: &progress }.show(keepalive).await?;
        if keep {
            progress.say("\nEverything is still up, because of --keep. Stop with Ctrl-C or `cargo local down`.");
            std::future::pending::<()>().await;
        }
        Ok(())
    })
    .await?;
    match ended {
        Ended::Interrupted if !keep => Err(Error::State("interrupted".to_owned())),
        _ => Ok(()),
    }
}

struct Demo<'a> {
    api: Api,
    stack: &'a Stack,
    progress: &'a Progress,
}

impl Demo<'_> {
    async fn show(&self, keepalive: u64) -> Result<(), Error> {
        let python = self.stack.python_version().await?;
        self.chapter(1, "An AWS account is registered, from a credentials file");
        let cluster = self.register(keepalive).await?;
        let (cluster_id, engine) = (text(&cluster, "/id"), text(&cluster, "/name"));

        self.chapter(2, "The documented flow is published: the request waits while its cluster is created");
        let flow = flows::read("documented", engine, &python, &[])?;
        self.flow("documented", flow, cluster_id).await?;
        let processes = receipt::processes(self.stack).await?;

        self.chapter(3, "A data flow is published: two tables, a fan-out, a join; the cluster is there already");
        let flow = flows::read("planets", engine, &python, pandas(&python))?;
        self.flow("planets", flow, cluster_id).await?;

        self.chapter(4, &format!("Nobody needs the cluster any more: it ends after its keepalive of {keepalive} s"));
        self.api.show(&format!("/v1/clusters/{cluster_id}"), "");
        let cluster = watch::teardown(&self.api, self.progress, cluster_id).await?;
        self.events(cluster_id).await?;
        self.say("What is left:");
        receipt::show(&self.api, self.stack, self.progress, &cluster, &processes).await?;
        self.say("\nNothing is left, and nothing costs anything.");
        Ok(())
    }

    async fn register(&self, keepalive: u64) -> Result<Value, Error> {
        let request = json!({"name": "aws", "service": "AWS", "config": {
            "config_file_path": self.stack.credentials_file,
            "config_file_profile": self.stack.credentials_profile,
            "k8s": {"keepalive": keepalive, "max_cpu_node": 2},
        }});
        let typed = format!("'{request}'");
        let registered = self.api.post("/v1/integrations", &Body { value: request, typed }).await?;
        for note in registered["notes"].as_array().into_iter().flatten() {
            self.say(&format!("  note: {}", note.as_str().unwrap_or_default()));
        }
        let list = self.api.get("/v1/integrations").await?;
        let entries = list["integrations"].as_array().cloned().unwrap_or_default();
        let row = |entry: &Value| ["/name", "/service", "/status", "/id"].map(|at| text(entry, at).to_owned()).to_vec();
        self.say(&show::align(&entries.iter().map(row).collect::<Vec<_>>()));
        Ok(registered["cluster"].clone())
    }

    async fn flow(&self, name: &str, flow: Value, cluster_id: &str) -> Result<(), Error> {
        let body = flows::body(self.stack, name, flow)?;
        let functions = flows::operators(&body.value);
        let published = self.api.post("/v1/flows", &body).await?;
        let run_id = text(&published, "/run/id");
        self.api.show(&format!("/v1/runs/{run_id}"), "");
        let run = watch::run(&self.api, self.stack, self.progress, run_id, cluster_id).await?;
        self.say("\n  Results:");
        self.api.show(&format!("/v1/runs/{run_id}/artifacts/NAME"), "");
        let operators = run["operators"].as_array().into_iter().flatten();
        let operators: Vec<&Value> = operators.filter(|operator| functions.contains(text(operator, "/name"))).collect();
        for operator in &operators {
            self.results(run_id, operator).await?;
        }
        self.say("\n  Logs:");
        self.api.show(&format!("/v1/runs/{run_id}/operators/NAME/logs"), "");
        for operator in &operators {
            self.logs(run_id, text(operator, "/name")).await?;
        }
        self.say("\n  Timeline, in seconds after the request:");
        self.say(&show::timeline(&run));
        Ok(())
    }

    async fn results(&self, run_id: &str, operator: &Value) -> Result<(), Error> {
        for output in operator["outputs"].as_array().into_iter().flatten() {
            let artifact =
                self.api.ask(&format!("/v1/runs/{run_id}/artifacts/{}", text(output, "/artifact_id"))).await?;
            let shown = show::value(&artifact);
            let gap = if shown.contains('\n') { "\n" } else { " " };
            self.say(&format!("  {} ({}):{gap}{shown}", text(output, "/name"), text(output, "/type")));
        }
        Ok(())
    }

    async fn logs(&self, run_id: &str, name: &str) -> Result<(), Error> {
        let logs = self.api.ask(&format!("/v1/runs/{run_id}/operators/{name}/logs")).await?;
        for line in text(&logs, "/stdout").lines().chain(text(&logs, "/stderr").lines()) {
            self.say(&format!("  {name} │ {line}"));
        }
        Ok(())
    }

    async fn events(&self, cluster_id: &str) -> Result<(), Error> {
        let events = self.api.get(&format!("/v1/clusters/{cluster_id}/events")).await?;
        for event in events["events"].as_array().into_iter().flatten() {
            let at = show::moment(event, "/at").map(|at| at.strftime("%H:%M:%S").to_string()).unwrap_or_default();
            self.say(&format!("  {at}  {}", text(event, "/message")));
        }
        Ok(())
    }

    fn chapter(&self, number: u32, title: &str) {
        self.say(&format!("\n━━ {number}. {title}"));
    }

    fn say(&self, text: &str) {
        self.progress.say(text);
    }
}

/// The versions that the SDK uses with this Python, so that tables are exchanged without surprises.
fn pandas(python: &str) -> &'static [&'static str] {
    match python {
        "3.12" => &["pandas==2.1.4", "numpy==1.26.4"],
        _ => &["pandas==1.5.3", "numpy==1.24.2"],
    }
}
