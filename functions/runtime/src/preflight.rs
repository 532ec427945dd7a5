//! Preflight: asks AWS, all at once and for a short while, what `domain::preflight` makes findings of.

use crate::error::PortErrorKind;
use crate::ports::{Counted, DeniedAction, Survey};
use crate::{Error, PortError, World, concurrent, records};
use domain::ClusterId;
use domain::cluster::Cluster;
use domain::event::Event;
use domain::instance_type::InstanceType;
use domain::integration::{AccessKey, Integration};
use domain::inventory::CLUSTER_TAG;
use domain::options::CapacityType;
use domain::permissions::{self, Place};
use domain::preflight::quota::{self, Quota};
use domain::preflight::{
    Denial, Fact, Facts, Finding, Holder, Kind, Name, NodeFacts, NotChecked, Principal, Severity, Usage, findings,
    names, partition, principal,
};
use domain::price::Live;
use domain::settings::Settings;
use std::future::Future;
use std::time::Duration;

/// How long any of the questions may take. They are asked at the same time, so that this is what a registration waits
/// at most.
const PATIENCE: Duration = Duration::from_secs(3);

/// Whose account is looked over, for which cluster.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// Keys for calls in the account.
    pub key: &'a AccessKey,
    /// The region of the cluster.
    pub region: &'a str,
    /// The account's number.
    pub account: &'a str,
    /// Who the keys belong to, as STS says it.
    pub caller_arn: &'a str,
    /// The cluster's settings.
    pub settings: &'a Settings,
    /// How long any of the questions may take.
    pub patience: Duration,
}

impl<'a> Subject<'a> {
    /// The cluster of an integration, with these settings.
    #[must_use]
    pub fn of(integration: &'a Integration, cluster: &'a Cluster, key: &'a AccessKey, settings: &'a Settings) -> Self {
        let Integration { region, account, caller_arn, .. } = integration;
        Self { cluster, key, region, account, caller_arn, settings, patience: PATIENCE }
    }
}

/// What to tell about a cluster before it is created. Never fails: what cannot be found out is a finding.
pub async fn preflight(survey: &dyn Survey, subject: Subject<'_>) -> Vec<Finding> {
    findings(&gather(survey, subject).await, subject.settings, subject.region)
}

async fn gather(survey: &dyn Survey, subject: Subject<'_>) -> Facts {
    let principal = principal(subject.caller_arn);
    let options = &subject.settings.options;
    let cpu = subject.settings.cpu_node_type.carried_out();
    let gpu = subject.settings.gpu_node_type.carried_out();
    let names = names(subject.cluster);
    let (denials, holders, vpcs, addresses, cpu, gpu, version) = tokio::join!(
        denials(survey, subject, &principal, &names),
        holders(survey, subject, &names),
        usage(survey, subject, quota::VPCS, Counted::Vpcs),
        usage(survey, subject, quota::ADDRESSES, Counted::Addresses),
        nodes(survey, subject, cpu, &options.cpu_node_types),
        nodes(survey, subject, gpu, &options.gpu_node_types),
        answer(subject.patience, survey.newest_version(subject.key, subject.region)),
    );
    Facts { denials, names: names.into_iter().zip(holders).collect(), principal, vpcs, addresses, cpu, gpu, version }
}

async fn denials(
    survey: &dyn Survey,
    subject: Subject<'_>,
    principal: &Principal,
    names: &[Name],
) -> Fact<Vec<Denial>> {
    let Subject { key, region, account, caller_arn, patience, .. } = subject;
    let arn = match principal {
        Principal::Root => return Ok(vec![]),
        Principal::Entity(arn) => arn,
        Principal::Other(why) => return Err(NotChecked::Because(why.clone())),
    };
    let of_cluster = names.iter().find(|name| name.kind == Kind::Cluster);
    let cluster_name = of_cluster.map_or("", |name| name.name.as_str());
    let needed = permissions::to_create(&Place { partition: partition(caller_arn), account, region, cluster_name });
    let groups = needed.iter().map(|needed| async move {
        let denied = survey.denied(key, region, arn, &needed.actions, needed.asked.as_deref()).await?;
        let denial = |denied: DeniedAction| Denial {
            action: denied.action,
            pattern: needed.pattern.clone(),
            barrier: denied.barrier,
            certain: needed.exact && !denied.depends_on_call,
        };
        Ok(denied.into_iter().map(denial).collect::<Vec<_>>())
    });
    Ok(answer(patience, concurrent::all(groups)).await?.into_iter().flatten().collect())
}

/// Who has the names that a creation would take, each asked about on its own.
async fn holders(survey: &dyn Survey, subject: Subject<'_>, names: &[Name]) -> Vec<Fact<Holder>> {
    let Subject { cluster, key, region, patience, .. } = subject;
    let own = cluster.id.to_string();
    let holder = |name| {
        let own = &own;
        async move {
            match answer(patience, survey.tags_of(key, region, name)).await {
                Ok(None) => Ok(Holder::Nobody),
                Ok(Some(tags)) if tags.get(CLUSTER_TAG) == Some(own) => Ok(Holder::Us),
                Ok(Some(_)) => Ok(Holder::Other),
                Err(why) => Err(why),
            }
        }
    };
    concurrent::each(names.iter().map(holder)).await
}

async fn usage(survey: &dyn Survey, subject: Subject<'_>, quota: Quota, counted: Counted) -> Fact<Usage> {
    let Subject { key, region, patience, .. } = subject;
    let limit = answer(patience, survey.quota(key, region, quota));
    let used = answer(patience, survey.count(key, region, counted));
    let (limit, used) = tokio::join!(limit, used);
    Ok(Usage { limit: limit?, used: used? })
}

/// What matters of a group's types: the first counts for all, since they are of one size.
async fn nodes(
    survey: &dyn Survey,
    subject: Subject<'_>,
    instance_type: InstanceType,
    listed: &[InstanceType],
) -> NodeFacts {
    let others = listed.iter().skip(1);
    let Subject { key, region, patience, settings, .. } = subject;
    let spot = settings.options.capacity_type == CapacityType::Spot;
    let cpu_limit = async {
        let none = || NotChecked::Because("this family's quota is not listed here".to_owned());
        let quota = quota::of_nodes(&instance_type, spot).ok_or_else(none)?;
        answer(patience, survey.quota(key, region, quota)).await
    };
    let types: Vec<&InstanceType> = std::iter::once(&instance_type).chain(others).collect();
    let sold = concurrent::all(types.iter().map(|chosen| survey.price(key, region, chosen)));
    let unsold = async {
        let sold = answer(patience, sold).await?;
        let unsold = types.iter().zip(sold).filter(|(_, price)| price.is_none());
        Ok(unsold.map(|(chosen, _)| (*chosen).clone()).collect())
    };
    let (unsold, cpu_limit) = tokio::join!(unsold, cpu_limit);
    NodeFacts { unsold, cpu_limit, instance_type }
}

impl World {
    /// Writes into a cluster's history what is certain to go wrong with its creation.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn tell_certain(&self, cluster: ClusterId, findings: &[Finding]) -> Result<(), Error> {
        let certain = findings.iter().filter(|finding| finding.severity == Severity::Certain);
        let told = |finding: &Finding| format!("{}. {}", finding.what, finding.remedy).trim_end().to_owned();
        let events: Vec<Event> = certain.map(|finding| Event::new(self.now(), "preflight", told(finding))).collect();
        if events.is_empty() {
            return Ok(());
        }
        // Of no version: beside the events of whatever is decided at the same moment.
        Ok(self.store.commit(records::events(&cluster.to_string(), 0, &events)?).await?)
    }
}

/// The prices of the settings' node types in a region, as far as AWS tells them in time.
pub async fn live_prices(survey: &dyn Survey, subject: Subject<'_>) -> Live {
    let Subject { key, region, settings, patience, .. } = subject;
    let (cpu, gpu) = (settings.cpu_node_type.carried_out(), settings.gpu_node_type.carried_out());
    let (of_cpu, of_gpu) = tokio::join!(
        answer(patience, survey.price(key, region, &cpu)),
        answer(patience, survey.price(key, region, &gpu)),
    );
    let known = [(cpu, of_cpu), (gpu, of_gpu)].into_iter();
    known.filter_map(|(instance_type, price)| Some((instance_type, price.ok()??))).collect()
}

async fn answer<T>(patience: Duration, question: impl Future<Output = Result<T, PortError>>) -> Fact<T> {
    match tokio::time::timeout(patience, question).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) if error.kind == PortErrorKind::Denied => Err(NotChecked::Denied),
        Ok(Err(error)) => Err(NotChecked::Because(error.to_string())),
        Err(_) => Err(NotChecked::TooSlow),
    }
}

#[cfg(test)]
#[path = "preflight_tests.rs"]
mod tests;
