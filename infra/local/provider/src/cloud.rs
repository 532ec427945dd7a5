//! Stands in for AWS: every operation passes through here, past the faults, the delay and the journal.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    sync::{Mutex, PoisonError, RwLock},
};

use crate::{
    account::{self, Account},
    catalogue::{Catalogue, Rules},
    data_source,
    faults::{self, Faults},
    fresh::Fresh,
    journal::Journal,
    plan::{self, Plan},
    schema::{Block, Schema, Schemas},
    settings::Settings,
    value::Value,
};

/// An operation that did not work; the text is what Terraform prints.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Injected(String),
    #[error("{0}")]
    Refused(String),
    #[error("{0} has no schema: derive it with derive_schema.py and restart")]
    UnknownType(String),
    #[error("expected the length of {0} to be in the range (1 - {1}), got {2} characters")]
    TooLong(String, usize, usize),
    #[error(
        "no valid credential sources found: the profile {profile} is not in {file}; the build writes that file from its \
         secret"
    )]
    Credentials { profile: String, file: String },
    #[error(transparent)]
    Account(#[from] account::Error),
    #[error(transparent)]
    Faults(#[from] faults::Error),
    #[error("write the journal named by AWS_PROVIDER_JOURNAL: {0}")]
    Journal(#[from] std::io::Error),
}

/// What became of an apply: a failed creation may leave a state behind, which Terraform then calls tainted.
pub struct Applied {
    /// The state to keep.
    pub state: Value,
    /// Why it failed.
    pub error: Option<Error>,
}

/// The stand-in for AWS.
pub struct Cloud {
    /// The published schema.
    pub schemas: Schemas,
    catalogue: Catalogue,
    settings: Settings,
    journal: Journal,
    faults: Faults,
    account: Option<Account>,
    config: RwLock<Value>,
    /// How often a resource with the same values was created, so that twins get different ids.
    twins: Mutex<HashMap<String, u32>>,
}

impl Cloud {
    /// A cloud without anything in it.
    pub fn new(schemas: Schemas, catalogue: Catalogue, settings: Settings) -> Self {
        Self {
            schemas,
            catalogue,
            journal: Journal::new(settings.journal.clone()),
            faults: Faults::new(settings.faults.clone()),
            account: settings.account.as_deref().map(Account::new),
            settings,
            config: RwLock::default(),
            twins: Mutex::default(),
        }
    }

    /// Takes the provider's configuration. Credentials are not used, but must be where the configuration says.
    pub fn configure(&self, config: Value) -> Result<(), Error> {
        check_credentials(&config)?;
        self.journal.done("configure", "provider", "aws", &config)?;
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    /// Checks what AWS's provider checks before any call and the schema does not say: the length of names.
    pub fn validate(&self, ty: &str, config: &Value) -> Result<(), Error> {
        for (name, longest) in self.catalogue.resources.get(ty).iter().flat_map(|rules| &rules.longest) {
            let length = config.get(name).as_str().map_or(0, |text| text.chars().count());
            if length > *longest {
                return Err(Error::TooLong(name.clone(), *longest, length));
            }
        }
        Ok(())
    }

    /// Refreshes a resource. Only clusters can vanish: the rest exists in Terraform's state alone.
    pub async fn read(&self, ty: &str, state: Value) -> Result<Value, Error> {
        let name = name_of(&state);
        self.due_fault("read", ty, &name)?;
        let gone = match (&self.account, ty) {
            (Some(account), "aws_eks_cluster") => !account.has_cluster(&name).await?,
            _ => false,
        };
        self.journal.done("read", ty, &name, &Value::Null)?;
        Ok(if gone { Value::Null } else { state })
    }

    /// Plans a change.
    pub fn plan(&self, ty: &str, prior: &Value, proposed: Value) -> Result<Plan, Error> {
        let none = Rules::default();
        let rules = self.catalogue.resources.get(ty).unwrap_or(&none);
        Ok(plan::plan(&self.resource(ty)?.block, rules, &self.default_tags(), prior, proposed))
    }

    /// Carries out a planned change.
    pub async fn apply(&self, ty: &str, prior: Value, planned: Value) -> Applied {
        let operation = match (&prior, &planned) {
            (Value::Null, _) => "create",
            (_, Value::Null) => "delete",
            _ => "update",
        };
        let name = name_of(if planned.is_null() { &prior } else { &planned });
        let fault = match self.faults.take(operation, ty, &name) {
            Ok(fault) => fault,
            Err(error) => return Applied { state: prior, error: Some(error.into()) },
        };
        let result = match &fault {
            Some(fault) if !fault.tainted => Err(Error::Injected(fault.error.clone())),
            _ => self.carry_out(operation, ty, &prior, &planned).await,
        };
        tokio::time::sleep(self.settings.delay).await;
        match result {
            Ok(state) => {
                let unwritten = self.journal.done(operation, ty, &name, &state).err().map(Error::from);
                let error = fault.map(|fault| Error::Injected(fault.error)).or(unwritten);
                Applied { state, error }
            }
            Err(error) => {
                let unwritten = self.journal.failed(operation, ty, &name, &error.to_string()).err();
                Applied { state: prior, error: Some(unwritten.map_or(error, Error::from)) }
            }
        }
    }

    /// Answers a data source.
    pub fn data(&self, ty: &str, config: Value) -> Result<Value, Error> {
        let schema = self.schemas.data_sources.get(ty).ok_or_else(|| Error::UnknownType(ty.into()))?;
        let name = name_of(&config);
        self.due_fault("data", ty, &name)?;
        let region = config.get("region").as_str().map_or_else(|| self.region(), Into::into);
        let answer = data_source::answer(&self.catalogue, ty, &region, &config).map_err(Error::Refused)?;
        let seed = format!("data.{ty}\n{config:?}");
        let mut value = config;
        plan::mark_unknown(&schema.block, &mut value);
        overlay(&mut value, answer);
        let none = serde_json::Map::new();
        let templates = self.catalogue.data_sources.get(ty).unwrap_or(&none);
        let fresh = Fresh { templates, region: &region, seed: &seed, object: &value };
        let value = schema.block.conform(fresh.complete(&schema.block));
        self.journal.done("data", ty, &name, &value)?;
        Ok(value)
    }

    /// The schema of a resource type.
    pub fn resource(&self, ty: &str) -> Result<&Schema, Error> {
        self.schemas.resources.get(ty).ok_or_else(|| Error::UnknownType(ty.into()))
    }

    async fn carry_out(&self, operation: &str, ty: &str, prior: &Value, planned: &Value) -> Result<Value, Error> {
        let block = &self.resource(ty)?.block;
        let mut state = planned.clone();
        match (&self.account, ty, operation) {
            (Some(account), "aws_eks_cluster", "delete") => account.delete_cluster(prior).await?,
            (Some(account), "aws_eks_node_group", "delete") => account.delete_node_group(prior).await?,
            (Some(account), "aws_eks_cluster", _) => {
                overlay(&mut state, account.put_cluster(planned).await?.attributes());
            }
            _ => {}
        }
        if planned.is_null() {
            return Ok(Value::Null);
        }
        let state = self.fill_in(ty, block, prior, state);
        if let (Some(account), "aws_eks_node_group") = (&self.account, ty) {
            account.put_node_group(&state).await?;
        }
        Ok(state)
    }

    fn fill_in(&self, ty: &str, block: &Block, prior: &Value, mut state: Value) -> Value {
        let none = Rules::default();
        let rules = self.catalogue.resources.get(ty).unwrap_or(&none);
        if *state.get("tags_all") == Value::Unknown {
            let tags = plan::merge_tags(&self.default_tags(), state.get("tags"));
            overlay(&mut state, [("tags_all".to_string(), tags)].into());
        }
        let next = rules.recomputed.iter().filter_map(|name| match prior.get(name) {
            Value::Number(number) => Some((name.clone(), Value::Number((number.as_i64()? + 1).into()))),
            _ => None,
        });
        overlay(&mut state, next.collect());
        let seed = format!("{ty}\n{}", serde_json::Value::from(&state));
        let mut twins = self.twins.lock().unwrap_or_else(PoisonError::into_inner);
        let twin = twins.entry(seed.clone()).and_modify(|count| *count += 1).or_default();
        let seed = format!("{seed}\n{twin}");
        Fresh { templates: &rules.values, region: &self.region(), seed: &seed, object: &state }.complete(block)
    }

    fn due_fault(&self, operation: &str, ty: &str, name: &str) -> Result<(), Error> {
        let Some(fault) = self.faults.take(operation, ty, name)? else { return Ok(()) };
        self.journal.failed(operation, ty, name, &fault.error)?;
        Err(Error::Injected(fault.error))
    }

    fn region(&self) -> String {
        let config = self.config.read().unwrap_or_else(PoisonError::into_inner);
        config.get("region").as_str().unwrap_or(&self.settings.region).into()
    }

    fn default_tags(&self) -> Value {
        let config = self.config.read().unwrap_or_else(PoisonError::into_inner);
        config.get("default_tags").items().first().map_or(Value::Null, |block| block.get("tags").clone())
    }
}

/// Puts answers in the place of unknown values; what the user has set stays.
fn overlay(value: &mut Value, answers: BTreeMap<String, Value>) {
    let Value::Map(entries) = value else { return };
    for (name, answer) in answers {
        if let Some(entry) = entries.get_mut(&name)
            && *entry == Value::Unknown
        {
            *entry = answer;
        }
    }
}

/// What a person would call the resource.
fn name_of(value: &Value) -> String {
    let names = ["name", "node_group_name", "addon_name", "role", "cluster_name", "cidr_block", "id"];
    let tag = value.get("tags").get("Name").as_str();
    let name = names.iter().find_map(|name| value.get(name).as_str()).or(tag);
    name.unwrap_or_default().into()
}

fn check_credentials(config: &Value) -> Result<(), Error> {
    let profile = config.get("profile").as_str().unwrap_or("default");
    let header = format!("[{profile}]");
    for file in config.get("shared_credentials_files").strings() {
        let text = fs::read_to_string(file).unwrap_or_default();
        if !text.lines().any(|line| line.trim() == header) {
            return Err(Error::Credentials { profile: profile.into(), file: file.into() });
        }
    }
    Ok(())
}
