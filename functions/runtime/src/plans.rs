//! Plans on demand: a build that only reads.
//!
//! It is no build of the cluster's life cycle: no epoch, no lock of the state, nothing written but its own report. So
//! it may run beside the one build that changes the cluster; what it then shows may be out of date a minute later.

use crate::access::{self, Access};
use crate::ports::Vault;
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
use wire::step::EnvironmentVariable;

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

/// The Terraform variables of a generation of a cluster with these settings: a retired type's successor goes in its
/// place.
#[must_use]
pub fn variables(cluster: &Cluster, generation: u32, settings: &Settings) -> Value {
    let options = &settings.options;
    let mut variables = json!({
        "region": cluster.region,
        "cluster_name": cluster.id.eks_name(generation),
        "integration_id": cluster.integration,
        "cluster_id": cluster.id,
        "generation": generation,
        "keepalive": settings.keepalive,
        "cpu_node_type": settings.cpu_node_type.carried_out(),
        "gpu_node_type": settings.gpu_node_type.carried_out(),
        "min_cpu_node": settings.min_cpu_node,
        "max_cpu_node": settings.max_cpu_node,
        "min_gpu_node": settings.min_gpu_node,
        "max_gpu_node": settings.max_gpu_node,
        "capacity_type": options.capacity_type,
        "nat": options.nat,
    });
    let lists = [("cpu_node_types", &options.cpu_node_types), ("gpu_node_types", &options.gpu_node_types)];
    for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        variables[name] = json!(list);
    }
    variables
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
        let text = variables(cluster, generation, settings).to_string();
        self.objects.put(&format!("{prefix}/variables.tfvars.json"), text.into_bytes(), JSON).await?;
        let environment = self.plan_environment(cluster, generation, &prefix, access.vault.as_ref());
        let id = builds.start(environment).await?;
        let note = json!({ "build_id": id }).to_string();
        Ok(self.objects.put(&format!("{prefix}/build.json"), note.into_bytes(), JSON).await?)
    }

    fn plan_environment(
        &self,
        cluster: &Cluster,
        generation: u32,
        prefix: &str,
        vault: &dyn Vault,
    ) -> Vec<EnvironmentVariable> {
        let credentials = vault.reference(&keys::credentials(cluster.integration), access::INI);
        vec![
            EnvironmentVariable::plain("ACTION", "plan"),
            EnvironmentVariable::plain("REGION", &cluster.region),
            EnvironmentVariable::plain("STATE_BUCKET", self.objects.bucket()),
            EnvironmentVariable::plain("STATE_KEY", keys::terraform_state(cluster.id, generation)),
            EnvironmentVariable::plain("OUTPUT_PREFIX", self.objects.address(prefix)),
            EnvironmentVariable::secret("TARGET_CREDENTIALS", credentials),
        ]
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

const JSON: &str = "application/json";

fn read(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_default()
}
