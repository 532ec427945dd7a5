//! From an operator to its Job.

use crate::advance::RunFunction;
use domain::flow::PythonVersion;
use domain::run::Run;
use domain::{OperatorId, Secret};
use runtime::Error;
use runtime::job_token::JobClaim;
use runtime::ports::JobSpec;

/// The secret with the key that signs job tokens, relative to the deployment's prefix.
pub const TOKEN_KEY: &str = "job-token-key";

/// What a time-out does not count: waiting for a node and the image, requirements, inputs, outputs, and a control plane
/// that cannot be reached. The runner ends a function in time; Kubernetes ends the Job if the runner cannot any more.
const BESIDE_THE_FUNCTION: u64 = 2 * 3600;

/// Fetches the runner's files from the control plane and runs it. A stock Python image is all a pod needs.
const BOOTSTRAP: &str = include_str!("../../runner/bootstrap.py");

/// The image that holds a version of Python and nothing else.
fn image(python: PythonVersion) -> String {
    format!("public.ecr.aws/docker/library/python:{python}-slim")
}

/// Creates the Job of an operator's attempt; once, however often it is called.
///
/// # Errors
/// Those of the ports.
pub async fn start(function: &RunFunction, run: &Run, id: OperatorId, attempt: u32) -> Result<(), Error> {
    let dag = function.world.dag(run.flow, run.dag).await?;
    let unknown = || Error::NotFound { what: "operator", id: id.to_string() };
    let operator = dag.operators.get(&id).ok_or_else(unknown)?;
    let code = operator.code().ok_or_else(unknown)?;
    let cluster = function.cluster_of(run).await?;
    let requests = operator.resources.requests(&cluster.settings);
    let claim = JobClaim { run: run.id, operator: id, attempt };
    let job = JobSpec {
        run: run.id,
        operator: id,
        operator_name: operator.name.clone(),
        attempt,
        image: image(code.python()),
        command: vec!["python3".to_owned(), "-c".to_owned(), BOOTSTRAP.to_owned()],
        api_url: function.api_url.clone(),
        token: claim.sign(function.token_key().await?)?,
        cpus: requests.cpus,
        memory_mib: requests.memory_mib,
        gpus: requests.gpus,
        deadline_seconds: operator.limits.timeout_seconds.map(|timeout| u64::from(timeout.get()) + BESIDE_THE_FUNCTION),
    };
    function.in_cluster(&cluster, async |way| function.jobs.start(way, &job).await).await
}

impl RunFunction {
    /// The key that signs job tokens.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the deployment lacks it.
    pub async fn token_key(&self) -> Result<&Secret, Error> {
        self.known.token_key(self.access.vault.as_ref(), TOKEN_KEY).await
    }
}
