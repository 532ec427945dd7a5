//! A user's account as it answers a survey.

use super::locked;
use crate::error::{PortError, PortErrorKind};
use crate::ports::{Counted, DeniedAction, Result, Survey};
use async_trait::async_trait;
use domain::instance_type::InstanceType;
use domain::integration::AccessKey;
use domain::preflight::quota::Quota;
use domain::preflight::{Barrier, Name};
use domain::price::Usd;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

/// An account in which all is allowed, offered and within its quotas, unless it is told otherwise.
#[derive(Debug, Default)]
pub struct MemorySurvey(Mutex<Answers>);

#[derive(Debug, Default)]
struct Answers {
    refuses: bool,
    hangs: bool,
    denied: BTreeMap<String, Barrier>,
    names: BTreeMap<String, BTreeMap<String, String>>,
    quotas: BTreeMap<&'static str, u32>,
    vpcs: u32,
    unsold: BTreeSet<String>,
    prices: BTreeMap<String, Usd>,
    version: Option<&'static str>,
}

impl MemorySurvey {
    /// From now on nothing may be asked.
    pub fn refuse(&self) {
        locked(&self.0).refuses = true;
    }

    /// From now on nothing is answered.
    pub fn hang(&self) {
        locked(&self.0).hangs = true;
    }

    /// An action that is not allowed.
    pub fn deny(&self, action: &str, barrier: Barrier) {
        locked(&self.0).denied.insert(action.to_owned(), barrier);
    }

    /// A name that something has, with these tags.
    pub fn take(&self, name: &str, tags: &[(&str, &str)]) {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        locked(&self.0).names.insert(name.to_owned(), tags);
    }

    /// A quota other than the default of 1,000.
    pub fn set_quota(&self, quota: Quota, value: u32) {
        locked(&self.0).quotas.insert(quota.code, value);
    }

    /// How many networks there are.
    pub fn set_vpcs(&self, count: u32) {
        locked(&self.0).vpcs = count;
    }

    /// A type that is not sold in any region.
    pub fn withdraw(&self, instance_type: &str) {
        locked(&self.0).unsold.insert(instance_type.to_owned());
    }

    /// A type's price.
    pub fn set_price(&self, instance_type: &str, price: Usd) {
        locked(&self.0).prices.insert(instance_type.to_owned(), price);
    }

    /// A version of Kubernetes other than one that this release knows.
    pub fn set_version(&self, version: &'static str) {
        locked(&self.0).version = Some(version);
    }

    async fn ask<T>(&self, question: &str, answer: impl FnOnce(&Answers) -> T) -> Result<T> {
        if locked(&self.0).hangs {
            std::future::pending::<()>().await;
        }
        let answers = locked(&self.0);
        if answers.refuses {
            return Err(PortError::new(PortErrorKind::Denied, question, "AccessDenied: not authorized"));
        }
        Ok(answer(&answers))
    }
}

#[async_trait]
impl Survey for MemorySurvey {
    async fn denied(
        &self,
        _key: &AccessKey,
        _region: &str,
        _principal: &str,
        actions: &[String],
        _resource: Option<&str>,
    ) -> Result<Vec<DeniedAction>> {
        self.ask("simulate policies", |answers| {
            let denied = actions.iter().filter_map(|action| answers.denied.get_key_value(action));
            let denial = |(action, barrier): (&String, &Barrier)| DeniedAction {
                action: action.clone(),
                barrier: *barrier,
                depends_on_call: false,
            };
            denied.map(denial).collect()
        })
        .await
    }

    async fn tags_of(&self, _key: &AccessKey, _region: &str, name: &Name) -> Result<Option<BTreeMap<String, String>>> {
        self.ask("look a name up", |answers| answers.names.get(&name.name).cloned()).await
    }

    async fn quota(&self, _key: &AccessKey, _region: &str, quota: Quota) -> Result<u32> {
        self.ask("read a quota", |answers| answers.quotas.get(quota.code).copied().unwrap_or(1_000)).await
    }

    async fn count(&self, _key: &AccessKey, _region: &str, what: Counted) -> Result<u32> {
        self.ask("count", |answers| if what == Counted::Vpcs { answers.vpcs } else { 0 }).await
    }

    async fn newest_version(&self, _key: &AccessKey, _region: &str) -> Result<Option<String>> {
        self.ask("read versions", |answers| Some(answers.version.unwrap_or("1.34").to_owned())).await
    }

    async fn price(&self, _key: &AccessKey, _region: &str, instance_type: &InstanceType) -> Result<Option<Usd>> {
        let name = instance_type.as_str();
        self.ask("read a price", |answers| {
            let price = answers.prices.get(name).copied().unwrap_or(Usd::from_micro(100_000));
            (!answers.unsold.contains(name)).then_some(price)
        })
        .await
    }
}
