//! Stopping a cluster's build on CodeBuild, asking whether a build is over, and starting plans. Builds of a cluster's
//! life cycle are started and awaited by the state machine.

use adapter_sdk::{Sdk, failed};
use async_trait::async_trait;
use aws_sdk_codebuild::Client;
use aws_sdk_codebuild::error::BuildError;
use aws_sdk_codebuild::primitives::DateTime;
use aws_sdk_codebuild::types::{Build, EnvironmentVariable, SortOrderType, StatusType};
use domain::ClusterId;
use domain::hold::BuildState;
use runtime::PortError;
use runtime::error::PortErrorKind;
use runtime::ports::{Builds, EnvironmentVariable as Variable, Result};
use std::time::SystemTime;

/// Longer than a build can wait for its turn and then work: see `TimeoutInMinutes` in `infra/template.yaml`.
const LONGEST_BUILD_SECONDS: i64 = 2 * 3600;

/// The builds of one project.
pub struct CodeBuild {
    client: Client,
    project: String,
}

impl CodeBuild {
    /// The project by its name.
    #[must_use]
    pub fn new(sdk: &Sdk, project: impl Into<String>) -> Self {
        Self { client: Client::new(sdk.config()), project: project.into() }
    }
}

#[async_trait]
impl Builds for CodeBuild {
    async fn stop(&self, cluster: ClusterId, epoch: u64) -> Result<BuildState> {
        let mut found = BuildState::Unknown;
        let mut next = None;
        loop {
            let newest = self.client.list_builds_for_project().project_name(&self.project);
            let newest = newest.sort_order(SortOrderType::Descending).set_next_token(next).send().await;
            let newest = newest.map_err(failed(format!("list builds of project {}", self.project)))?;
            let Some(ids) = newest.ids.filter(|ids| !ids.is_empty()) else { return Ok(found) };
            let builds = self.client.batch_get_builds().set_ids(Some(ids)).send().await;
            let builds = builds.map_err(failed(format!("read builds of project {}", self.project)))?;
            for build in builds.builds().iter().filter(|build| is_of(build, cluster, epoch)) {
                if found != BuildState::Running {
                    found = state(build);
                }
                if let (Some(id), Some(StatusType::InProgress)) = (build.id(), build.build_status()) {
                    let stopped = self.client.stop_build().id(id).send().await;
                    stopped.map_err(failed(format!("stop build {id}")))?;
                }
            }
            next = newest.next_token.filter(|_| !reach_back(builds.builds(), DateTime::from(SystemTime::now())));
            if next.is_none() {
                return Ok(found);
            }
        }
    }

    async fn state(&self, build_id: &str) -> Result<BuildState> {
        let builds = self.client.batch_get_builds().ids(build_id).send().await;
        let builds = builds.map_err(failed(format!("read build {build_id}")))?;
        let build = builds.builds().iter().find(|build| build.id() == Some(build_id));
        Ok(build.map_or(BuildState::Unknown, state))
    }

    async fn start(&self, environment: Vec<Variable>) -> Result<String> {
        let attempted = || format!("start a build of project {}", self.project);
        let mut request = self.client.start_build().project_name(&self.project);
        // Where a plan writes is its alone: a request that is sent again, since its answer was lost, starts no second.
        let place = environment.iter().find(|variable| variable.name == "OUTPUT_PREFIX");
        request = request.set_idempotency_token(place.map(|variable| variable.value.clone()));
        for Variable { name, value, r#type } in environment {
            let variable = EnvironmentVariable::builder().name(name).value(value).r#type(r#type.into()).build();
            let incomplete = |error: BuildError| PortError::new(PortErrorKind::Other, attempted(), error.to_string());
            request = request.environment_variables_override(variable.map_err(incomplete)?);
        }
        let started = request.send().await.map_err(failed(attempted()))?;
        let id = started.build_value.and_then(|build| build.id);
        id.ok_or_else(|| PortError::new(PortErrorKind::Other, attempted(), "CodeBuild answered without an id"))
    }
}

/// A build that was stopped has a status at once, but is complete only when its container is gone.
fn state(build: &Build) -> BuildState {
    let ended = build.build_complete() && build.build_status() != Some(&StatusType::InProgress);
    if ended { BuildState::Over } else { BuildState::Running }
}

/// Whether builds, newest first, reach back to such as must be over by now.
fn reach_back(builds: &[Build], now: DateTime) -> bool {
    let started = builds.iter().filter_map(Build::start_time).map(DateTime::secs).min();
    started.is_none_or(|started| started < now.secs() - LONGEST_BUILD_SECONDS)
}

fn is_of(build: &Build, cluster: ClusterId, epoch: u64) -> bool {
    let variables = build.environment().map(|environment| environment.environment_variables()).unwrap_or_default();
    let has = |name: &str, value: String| variables.iter().any(|v| v.name() == name && v.value() == value);
    has("CLUSTER_ID", cluster.to_string()) && has("EPOCH", epoch.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_codebuild::types::ProjectEnvironment;

    fn build(cluster: &str, epoch: &str) -> Build {
        let variable = |name, value: &str| EnvironmentVariable::builder().name(name).value(value).build();
        let environment = ProjectEnvironment::builder()
            .r#type("LINUX_CONTAINER".into())
            .image("i")
            .compute_type("BUILD_GENERAL1_SMALL".into())
            .environment_variables(variable("CLUSTER_ID", cluster).expect("complete"))
            .environment_variables(variable("EPOCH", epoch).expect("complete"))
            .build();
        Build::builder().environment(environment.expect("complete")).build()
    }

    #[test]
    fn a_build_is_over_when_it_is_complete() {
        let build = |complete, status| Build::builder().build_complete(complete).build_status(status).build();
        assert_eq!(state(&build(true, StatusType::Stopped)), BuildState::Over);
        assert_eq!(state(&build(false, StatusType::Stopped)), BuildState::Running);
        assert_eq!(state(&build(false, StatusType::InProgress)), BuildState::Running);
        assert_eq!(state(&Build::builder().build()), BuildState::Running);
    }

    #[test]
    fn a_page_is_the_last_one_when_its_oldest_build_must_be_over() {
        let build = |seconds| Build::builder().start_time(DateTime::from_secs(seconds)).build();
        let now = DateTime::from_secs(1_000_000);
        assert!(!reach_back(&[build(999_990), build(995_000)], now));
        assert!(reach_back(&[build(999_990), build(992_799)], now));
        assert!(reach_back(&[], now));
    }

    #[test]
    fn only_the_build_of_that_cluster_and_epoch_is_meant() {
        let mine = "1f1e0abd-8606-44de-a946-363d97fa8b84";
        let other = "2f1e0abd-8606-44de-a946-363d97fa8b84";
        let cluster = mine.parse().expect("an id");
        let meant = |build: Build| is_of(&build, cluster, 3);
        assert!(meant(build(mine, "3")));
        assert!(!meant(build(mine, "30")));
        assert!(!meant(build(other, "3")));
        assert!(!meant(Build::builder().build()));
    }
}
