//! What handlers are given, and the readings that several of them need.

use crate::credentials::CredentialsFiles;
use domain::cluster::Cluster;
use domain::integration::{CredentialsInput, Integration};
use domain::preflight::Finding;
use domain::price::Live;
use domain::run::Run;
use domain::settings::{Limits, Settings};
use domain::{ClusterId, FlowId, IntegrationId};
use runtime::access::Access;
use runtime::integrations::Registration;
use runtime::ports::Survey;
use runtime::preflight::{self, Subject};
use runtime::{Error, World};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;
use wire::v1::cluster::ClusterView;
use wire::v1::integration::Registering;
use wire::v1::lifecycle::Surroundings;

/// The state of the API: ports only, so that it can run over memory as well as over AWS.
#[derive(Clone)]
pub struct Api {
    /// The ports that commands need.
    pub world: World,
    /// The way to the users' accounts.
    pub access: Access,
    /// Where credentials files are.
    pub files: Arc<dyn CredentialsFiles>,
    /// What this deployment allows.
    pub limits: Limits,
    /// How long one request waits for the result of a preview.
    pub patience: Duration,
    /// Who looks users' accounts over before anything is created in them.
    pub survey: Arc<dyn Survey>,
}

impl Api {
    /// Registers an account, whichever interface it was described through.
    pub(crate) async fn register(&self, registering: Registering) -> Result<(Integration, Cluster), Error> {
        let file = self.credentials_file(&registering.credentials).await?;
        let registration = Registration {
            id: IntegrationId(Uuid::new_v4()),
            cluster: ClusterId(Uuid::new_v4()),
            name: registering.name,
            credentials: registering.credentials,
            file,
            settings: registering.settings,
        };
        self.world.register(&self.access, registration).await
    }

    /// The text of the file that credentials are in, if they are in one.
    pub(crate) async fn credentials_file(&self, credentials: &CredentialsInput) -> Result<Option<String>, Error> {
        match credentials {
            CredentialsInput::File { path, .. } => Ok(Some(self.files.read(path).await?)),
            CredentialsInput::AccessKey { .. } | CredentialsInput::Role { .. } => Ok(None),
        }
    }

    /// What would make a creation fail. It asks AWS, for some seconds at most, and fails only if
    /// there are no credentials to ask with.
    pub(crate) async fn look_ahead(&self, of: &Integration, cluster: &Cluster) -> Result<Vec<Finding>, Error> {
        let key = self.access.key(of.id, &of.region).await?;
        let subject = Subject::of(of, cluster, &key, &cluster.settings);
        Ok(preflight::preflight(self.survey.as_ref(), subject).await)
    }

    /// What AWS asks for the nodes of these settings now, as far as it may be asked.
    pub(crate) async fn live_prices(
        &self,
        of: &Integration,
        cluster: &Cluster,
        settings: &Settings,
    ) -> Result<Live, Error> {
        let key = self.access.key(of.id, &of.region).await?;
        Ok(preflight::live_prices(self.survey.as_ref(), Subject::of(of, cluster, &key, settings)).await)
    }

    /// A cluster by its id or its name.
    pub(crate) async fn cluster(&self, id_or_name: &str) -> Result<Cluster, Error> {
        if let Ok(id) = id_or_name.parse() {
            return Ok(self.world.cluster(id).await?.value);
        }
        let named = self.world.clusters().await?.into_iter().find(|cluster| cluster.name == id_or_name);
        named.ok_or_else(|| Error::NotFound { what: "cluster", id: id_or_name.to_owned() })
    }

    /// The flow that another one is to run after, by its id or its name.
    pub(crate) async fn flow_to_follow(&self, id_or_name: &str) -> Result<FlowId, Error> {
        if let Ok(id) = id_or_name.parse() {
            return Ok(id);
        }
        let named = self.world.find_flow(id_or_name).await?.map(|stored| stored.value.id);
        named.ok_or_else(|| {
            let text =
                format!("field 'schedule.after': there is no flow '{id_or_name}'; give the id or the name of one");
            Error::Unprocessable(text)
        })
    }

    /// The cluster a run needs, if it needs one that is still registered.
    pub(crate) async fn cluster_of(&self, run: &Run) -> Result<Option<Cluster>, Error> {
        let Some(id) = run.cluster else { return Ok(None) };
        match self.world.cluster(id).await {
            Ok(stored) => Ok(Some(stored.value)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A cluster as it is shown.
    pub(crate) async fn show(&self, cluster: &Cluster) -> Result<ClusterView, Error> {
        let in_line = self.world.in_line(cluster);
        let inventory = self.world.inventory(cluster.id);
        let (progress, in_line, inventory) = tokio::try_join!(self.world.progress(cluster), in_line, inventory)?;
        Ok(ClusterView::of(cluster, progress, &Surroundings { in_line, inventory }, self.world.now()))
    }
}
