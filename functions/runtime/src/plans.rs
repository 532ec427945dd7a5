//! Plans on demand: a build that only reads.
//!
//! It is no build of the cluster's life cycle: no epoch, no lock of the state, nothing written but its own report. So
//! it may run beside the one build that changes the cluster; what it then shows may be out of date a minute later.

use crate::access::Access;
use crate::builds::Order;
use crate::{Error, PortError, World, keys};
use domain::ClusterId;
use domain::cluster::{Cluster, Status};
use domain::diagnosis::diagnose;
use domain::failure::{Failure, FailureClass};
use domain::hold::BuildState;
use domain::plan::{Changes, counts};
use domain::settings::Settings;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// How far a plan is.
#[derive(Debug, Clone, PartialEq)]
pub enum PlanState {
    /// The build runs.
    Running,
    /// What would be changed, by type of resource.
    Done(BTreeMap<String, Changes>),
    /// Terraform could not plan.
    Failed(Failure),
}

impl World {
    /// Starts planning a cluster with these settings: a change of what is there, or else the next creation.
    ///
    /// # Errors
    /// Those of the object store and of CodeBuild.
    pub async fn start_plan(
        &self,
        access: &Access,
        cluster: &Cluster,
        settings: &Settings,
        plan: Uuid,
    ) -> Result<(), Error> {
        let builds = self.builds.as_ref().ok_or_else(|| Error::Refused("plans cannot be started from here".into()))?;
        let there = matches!(cluster.status(), Status::Active | Status::Updating);
        let generation = if there { cluster.generation } else { cluster.generation + 1 };
        let prefix = keys::plan(cluster.id, plan);
        let order = Order { action: "plan", cluster, generation, settings, prefix: &prefix };
        let id = builds.start(self.prepare_build(access, order).await?).await?;
        let note = json!({ "build_id": id }).to_string();
        Ok(self.objects.put(&format!("{prefix}/build.json"), note.into_bytes(), "application/json").await?)
    }

    /// How far a plan is.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none of that id.
    pub async fn plan(&self, cluster: ClusterId, plan: Uuid) -> Result<PlanState, Error> {
        let prefix = keys::plan(cluster, plan);
        let object = async |name: &str| self.objects.get(&format!("{prefix}/{name}")).await;
        let Some(note) = object("build.json").await? else {
            return Err(Error::NotFound { what: "plan", id: plan.to_string() });
        };
        let id = read(&note)["build_id"].as_str().unwrap_or_default().to_owned();
        // First the state and then the report: what is over has reported before.
        let over = self.is_over(&id).await?;
        let Some(summary) = object("summary.json").await? else {
            let lost = || Failure::new(FailureClass::BuildLost, format!("build {id} ended without a report"));
            return Ok(if over { PlanState::Failed(lost()) } else { PlanState::Running });
        };
        let events = object("events.jsonl").await?.unwrap_or_default();
        let events = String::from_utf8_lossy(&events);
        if read(&summary)["exit_code"] == 0 {
            return Ok(PlanState::Done(counts(&events)));
        }
        let unknown = || Failure::new(FailureClass::Unknown, format!("build {id} failed without an error"));
        Ok(PlanState::Failed(diagnose(&events).unwrap_or_else(unknown)))
    }

    async fn is_over(&self, build_id: &str) -> Result<bool, PortError> {
        match &self.builds {
            Some(builds) => Ok(builds.state(build_id).await? == BuildState::Over),
            None => Ok(false),
        }
    }
}

fn read(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_default()
}
