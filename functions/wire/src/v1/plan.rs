//! Before a creation or a change: what would go wrong, and what it would cost.

use super::documents;
use domain::Failure;
use domain::cluster::Cluster;
use domain::plan::Changes;
use domain::preflight::Finding;
use domain::price::{self, Cost, Live, Nodes};
use domain::settings::Settings;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// What was found out about an account before anything is created in it.
#[derive(Debug, Serialize, ToSchema)]
pub struct PreflightView {
    /// The account.
    pub integration_id: Uuid,
    /// The region its cluster is created in.
    pub region: String,
    /// When it was looked over.
    pub checked_at: Timestamp,
    /// What was found, the surest first; empty if there is nothing to tell.
    #[schema(value_type = Vec<documents::PreflightFinding>)]
    pub findings: Vec<Finding>,
}

/// What a cluster would be, and cost.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlanView {
    /// `create`, `update`, or `none` if nothing in AWS would change.
    #[schema(value_type = String)]
    pub action: &'static str,
    /// The settings as they would be.
    #[schema(value_type = documents::Settings)]
    pub settings: Settings,
    /// Settings that would be carried out otherwise than written.
    pub notes: Vec<String>,
    /// What it would cost.
    pub price: PriceView,
    /// The build that counts what would be created and changed, if one was asked for: see
    /// `/v1/clusters/{id}/plans/{plan}`.
    pub plan_id: Option<Uuid>,
}

/// What to plan beyond the price.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PlanQuery {
    /// Whether to have Terraform plan it too: a build of about a minute that changes nothing.
    #[serde(default)]
    pub build: bool,
}

/// What Terraform would create and change.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlanResult {
    /// Its id.
    pub plan_id: Uuid,
    /// `running`, `succeeded` or `failed`.
    #[schema(value_type = String)]
    pub status: &'static str,
    /// How many resources of each type it would touch, once it has succeeded.
    #[schema(value_type = Option<Object>)]
    pub counts: Option<BTreeMap<String, Changes>>,
    /// Why Terraform could not plan.
    #[schema(value_type = Option<documents::Failure>)]
    pub error: Option<Failure>,
}

/// The price of a cluster. Traffic is not in it, nor are taxes and discounts.
#[derive(Debug, Serialize, ToSchema)]
pub struct PriceView {
    /// `USD`.
    #[schema(value_type = String)]
    pub currency: &'static str,
    /// While nothing runs.
    pub idle: CostView,
    /// While as many nodes run as the settings allow.
    pub at_max: CostView,
    /// While nothing runs, with the settings as they are now; none unless the cluster exists.
    pub idle_now: Option<CostView>,
    /// Where the prices come from.
    #[schema(value_type = String)]
    pub source: &'static str,
    /// The date of that source.
    #[schema(value_type = String)]
    pub as_of: &'static str,
    /// Node types whose price AWS was asked for just now, in the cluster's region.
    pub asked_now: Vec<String>,
    /// What to know about these prices.
    pub notes: Vec<String>,
}

/// A price per hour, and what it is made of.
#[derive(Debug, Serialize, ToSchema)]
pub struct CostView {
    /// What is known, in dollars per hour.
    pub per_hour: f64,
    /// Its parts.
    pub items: Vec<ItemView>,
    /// What is not known and comes on top.
    pub unknown: Vec<String>,
}

/// One part of a price.
#[derive(Debug, Serialize, ToSchema)]
pub struct ItemView {
    /// What it is.
    pub what: String,
    /// How many.
    pub count: u32,
    /// What all of them cost per hour.
    pub per_hour: f64,
}

impl From<Cost> for CostView {
    fn from(cost: Cost) -> Self {
        let per_hour = cost.per_hour().dollars();
        let item =
            |item: price::Item| ItemView { what: item.what, count: item.count, per_hour: item.per_hour.dollars() };
        Self { per_hour, items: cost.items.into_iter().map(item).collect(), unknown: cost.unknown }
    }
}

impl PlanView {
    /// What a cluster would be and cost with these settings.
    #[must_use]
    pub fn of(cluster: &Cluster, settings: Settings, live: &Live) -> Self {
        use domain::cluster::Status;
        let exists = matches!(cluster.status(), Status::Active | Status::Updating);
        let action = match exists {
            false => "create",
            true if settings.need_build_from(&cluster.settings) => "update",
            true => "none",
        };
        let idle = |settings: &Settings| price::hourly_with(settings, Nodes::idle(settings), live).into();
        let asked_now: Vec<String> = live.keys().map(ToString::to_string).collect();
        let mut notes: Vec<String> = price::region_note(&cluster.region).into_iter().collect();
        if !notes.is_empty() && !asked_now.is_empty() {
            notes.push(format!("prices of {} are those of {}", asked_now.join(" and "), cluster.region));
        }
        notes.push(format!("not counted: {}", price::NOT_COUNTED));
        Self {
            action,
            notes: settings.notes(),
            price: PriceView {
                currency: "USD",
                idle: idle(&settings),
                at_max: price::hourly_with(&settings, Nodes::most(&settings), live).into(),
                idle_now: exists.then(|| idle(&cluster.settings)),
                source: price::SOURCE,
                as_of: price::AS_OF,
                asked_now,
                notes,
            },
            settings,
            plan_id: None,
        }
    }
}
