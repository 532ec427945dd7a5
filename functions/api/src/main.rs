//! The Lambda behind the HTTP API: everything is made before the first request, from the environment.

use assembly::Parts;
use domain::settings::Limits;
use ondemand_eks_api::credentials::{CredentialsFiles, InVault, OnDisk};
use ondemand_eks_api::{Api, router};
use runtime::environment::{optional, required};
use runtime::ports::Vault;
use runtime::{Error, World};
use std::sync::Arc;
use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    lambda_http::run(router(start()?)).await
}

/// API Gateway waits for an answer for half a minute, and the answer takes its time too.
const PATIENCE: Duration = Duration::from_secs(26);

fn start() -> Result<Api, lambda_http::Error> {
    let Parts { sdk, world, access } = assembly::start()?;
    Ok(Api {
        world: World {
            builds: Some(Arc::new(adapter_codebuild::CodeBuild::new(&sdk, required("BUILD_PROJECT")?))),
            ..world
        },
        files: files(Arc::clone(&access.vault), required("SECRET_PREFIX")?)?,
        access,
        limits: limits()?,
        patience: PATIENCE,
        survey: Arc::new(adapter_survey::AccountSurvey::new(&sdk)),
    })
}

fn files(vault: Arc<dyn Vault>, prefix: String) -> Result<Arc<dyn CredentialsFiles>, Error> {
    match optional("CREDENTIALS_FILES").as_deref() {
        Some("file") => Ok(Arc::new(OnDisk { home: optional("HOME").map(Into::into) })),
        Some("secret") | None => Ok(Arc::new(InVault { vault, prefix })),
        Some(other) => {
            Err(Error::Invalid(format!("environment variable CREDENTIALS_FILES is '{other}': use 'secret' or 'file'")))
        }
    }
}

fn limits() -> Result<Limits, Error> {
    let Some(text) = optional("MIN_KEEPALIVE_SECONDS") else { return Ok(Limits::default()) };
    let seconds = text.parse().map_err(|_| {
        Error::Invalid(format!("environment variable MIN_KEEPALIVE_SECONDS is '{text}': use a whole number"))
    })?;
    Ok(Limits { min_keepalive: seconds })
}
