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
    faults::{self, Faults, Kill},
    fresh::Fresh,
    handshake,
    inventory::{Inventory, Known},
    journal::Journal,
    plan::{self, Plan},
    schema::{Block, Schema, Schemas},
    settings::Settings,
    strike::Strike,
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
    #[error(
        "operation error STS: GetCallerIdentity, https response error StatusCode: 403, api error ExpiredToken: The \
         security token included in the request is expired"
    )]
    Expired,
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
    inventory: Inventory,
    faults: Faults,
    account: Option<Account>,
    strike: Strike,
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
            inventory: Inventory::new(settings.journal.clone()),
            faults: Faults::new(settings.faults.clone()),
            account: settings.account.as_deref().map(Account::new),
            strike: Strike::new(settings.strike),
            settings,
            config: RwLock::default(),
            twins: Mutex::default(),
        }
    }

    /// Takes the provider's configuration. Credentials are not used, but must be where the configuration says.
    pub fn configure(&self, config: Value) -> Result<(), Error> {
        check_credentials(&config)?;
        self.check_expiry()?;
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

    /// Refreshes a resource: what was deleted is gone, although Terraform may not have learned that.
    pub async fn read(&self, ty: &str, state: Value) -> Result<Value, Error> {
        let name = name_of(&state);
        self.due_fault("read", ty, &name)?;
        let id = state.get("id").as_str().unwrap_or_default().to_owned();
        let found = match self.inventory.find(ty, &id)? {
            Known::Gone => None,
            known => self.as_described(ty, &id, Some(known.resized(ty, state))).await?,
        };
        self.journal.done("read", ty, &name, &Value::Null)?;
        Ok(found.unwrap_or_default())
    }

    /// What Terraform is to know of a thing that it did not make, or has forgotten; nothing if there is none.
    pub async fn import(&self, ty: &str, id: &str) -> Result<Option<Value>, Error> {
        let block = &self.resource(ty)?.block;
        let none = Rules::default();
        let rules = self.catalogue.resources.get(ty).unwrap_or(&none);
        let mut known = self.inventory.find(ty, id)?;
        // Some are imported by other words than their id.
        let words: Vec<Value> = id.split(rules.imported_by.separator).map(Value::from).collect();
        if words.len() == rules.imported_by.attributes.len() {
            let asked = rules.imported_by.attributes.iter().cloned().zip(words).collect();
            let twin = self.inventory.twin(ty, &rules.imported_by.attributes, &Value::Map(asked))?;
            known = twin.map_or(Ok(Known::Nothing), |id| self.inventory.find(ty, &id))?;
        }
        self.journal.done("import", ty, id, &Value::Null)?;
        let found = match known {
            Known::Present(values) => Some(block.conform(values)),
            Known::Gone | Known::Nothing => None,
        };
        self.as_described(ty, id, found).await
    }

    /// A thing as the account tells of it, where there is one and the thing is of its kind: what is there is not what
    /// the journal tells, but what was asked for, perhaps by somebody who did not live to write that down.
    async fn as_described(&self, ty: &str, id: &str, written: Option<Value>) -> Result<Option<Value>, Error> {
        let Some(account) = &self.account else { return Ok(written) };
        let described = match ty {
            "aws_eks_cluster" => account.cluster(id).await?.map(account::Cluster::described),
            "aws_eks_node_group" => account.node_group(id).await?,
            _ => return Ok(written),
        };
        let Some((configuration, attributes)) = described else {
            // Whoever deleted it did not live to write that down either.
            if let Some(values) = written {
                self.inventory.note("delete", ty, &values)?;
                self.journal.done("delete", ty, &name_of(&values), &values)?;
            }
            return Ok(None);
        };
        let block = &self.resource(ty)?.block;
        let mut found = written.unwrap_or_else(|| self.as_configured(ty, block, configuration));
        if let Value::Map(entries) = &mut found {
            entries.extend(attributes);
        }
        Ok(Some(block.conform(found)))
    }

    fn as_configured(&self, ty: &str, block: &Block, configuration: serde_json::Value) -> Value {
        let mut value = block.conform(configuration.into());
        plan::mark_unknown(block, &mut value);
        self.fill_in(ty, block, &Value::Null, value)
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
        let fault = match self.faults.take(operation, ty, &name, &self.cluster()) {
            Ok(fault) => fault,
            Err(error) => return Applied { state: prior, error: Some(error.into()) },
        };
        let kill = fault.as_ref().and_then(|fault| fault.kill);
        if kill == Some(Kill::Before) {
            handshake::end_with_parent();
        }
        let result = match &fault {
            Some(fault) if !fault.tainted && kill.is_none() => Err(Error::Injected(fault.error.clone())),
            _ => self.carry_out(operation, ty, &prior, &planned).await,
        };
        // What is created is there at once, and ready after a while; what is deleted is there for a while yet.
        if operation != "create" {
            tokio::time::sleep(self.settings.delay).await;
        }
        match result {
            Ok(state) => {
                // Of what was deleted, that which was there is of interest.
                let values = if state.is_null() { &prior } else { &state };
                let noted = self.inventory.note(operation, ty, values);
                let unwritten = noted.and_then(|()| self.journal.done(operation, ty, &name, values));
                let unwritten = unwritten.err().map(Error::from);
                if operation == "create" {
                    tokio::time::sleep(self.settings.delay).await;
                }
                self.strike.count();
                if kill.is_some() {
                    handshake::end_with_parent();
                }
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

    fn check_expiry(&self) -> Result<(), Error> {
        if self.settings.expired.as_deref().is_some_and(std::path::Path::exists) { Err(Error::Expired) } else { Ok(()) }
    }

    async fn carry_out(&self, operation: &str, ty: &str, prior: &Value, planned: &Value) -> Result<Value, Error> {
        self.check_expiry()?;
        let block = &self.resource(ty)?.block;
        let mut state = planned.clone();
        if operation == "create" {
            self.refuse_twin(ty, planned).await?;
        }
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
            account.put_node_group(prior, &state).await?;
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
        let region = self.region();
        let complete = |twin: u32| {
            let seed = format!("{seed}\n{twin}");
            Fresh { templates: &rules.values, region: &region, seed: &seed, object: &state }.complete(block)
        };
        let mut completed = complete(*twin);
        // An id is given once, also if the one that has it was made by an earlier process. Where it is made of the
        // resource's own words, there is no other.
        while prior.is_null() && completed.get("id").as_str().is_some_and(|id| self.is_known(ty, id)) {
            *twin += 1;
            let next = complete(*twin);
            if next.get("id") == completed.get("id") {
                break;
            }
            completed = next;
        }
        completed
    }

    /// Two things of the same name, or in the same place, are refused in AWS's words.
    async fn refuse_twin(&self, ty: &str, planned: &Value) -> Result<(), Error> {
        let Some(clash) = self.catalogue.resources.get(ty).and_then(|rules| rules.clash.as_ref()) else {
            return Ok(());
        };
        let name = name_of(planned);
        let of_account = match &self.account {
            Some(account) if ty == "aws_eks_cluster" => account.cluster(&name).await?.map(|_| name),
            _ => None,
        };
        let Some(id) = of_account.or(self.inventory.twin(ty, &clash.by, planned)?) else { return Ok(()) };
        let none = serde_json::Map::new();
        let fresh = Fresh { templates: &none, region: &self.region(), seed: &id, object: planned };
        Err(Error::Refused(fresh.text(&clash.error)))
    }

    fn is_known(&self, ty: &str, id: &str) -> bool {
        !matches!(self.inventory.find(ty, id), Ok(Known::Nothing))
    }

    fn due_fault(&self, operation: &str, ty: &str, name: &str) -> Result<(), Error> {
        let Some(fault) = self.faults.take(operation, ty, name, &self.cluster())? else { return Ok(()) };
        self.journal.failed(operation, ty, name, &fault.error)?;
        Err(Error::Injected(fault.error))
    }

    fn region(&self) -> String {
        let config = self.config.read().unwrap_or_else(PoisonError::into_inner);
        config.get("region").as_str().unwrap_or(&self.settings.region).into()
    }

    /// The id of the cluster whose resources these are.
    fn cluster(&self) -> String {
        self.default_tags().get("ondemand-eks:cluster").as_str().unwrap_or_default().to_owned()
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
