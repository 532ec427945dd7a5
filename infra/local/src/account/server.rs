//! The account's HTTP interface: a few routes in place of the EKS API, for the stand-in Terraform provider and the
//! emulator, and the webhook by which an API server learns who sent a token.

use super::cluster::Cluster;
use super::fleet::{GroupSettings, Resized};
use super::instance_types::NodeType;
use super::request::ClusterRequest;
use super::scaling::Scaling;
use super::{Error, Shared, token};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use k8s_openapi::api::authentication::v1::TokenReview;
use k8s_openapi::api::core::v1::Taint;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

type Reply = Result<Json<Value>, Refusal>;

/// All routes.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/clusters", get(list_clusters))
        .route("/clusters/{name}", put(put_cluster).get(get_cluster).delete(delete_cluster))
        .route("/clusters/{name}/nodegroups/{group}", put(put_group).get(get_group).delete(delete_group))
        .route("/clusters/{name}/nodegroups/{group}/scaling", post(resize_group))
        .route("/clusters/{name}/token-review", post(review_token))
        .route("/inventory", get(inventory))
        .route("/kill", post(kill))
        .with_state(shared)
}

async fn put_cluster(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    Json(request): Json<ClusterRequest>,
) -> Reply {
    let plausible = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if !plausible || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) || name.len() > 100 {
        let message = format!("cluster name '{name}' must be 1 to 100 letters, digits, hyphens and underscores");
        return Err(Refusal(StatusCode::BAD_REQUEST, message));
    }
    // A client that gives up must not leave half a cluster behind, nor abort one that another client waits for.
    let started = tokio::spawn(async move { shared.create(&name, request).await }).await;
    let cluster = started.map_err(|error| Refusal(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))??;
    Ok(Json(cluster.describe()))
}

async fn list_clusters(State(shared): State<Arc<Shared>>) -> Json<Value> {
    // First those to come: one that becomes ready in between is listed twice rather than not at all.
    let creating: Vec<Value> = shared.creating().iter().map(|(name, it)| it.describe(name, &shared.region)).collect();
    let there = shared.clusters();
    let is_there = |name: &Value| there.iter().any(|cluster| name == &cluster.name);
    let creating = creating.into_iter().filter(|description| !is_there(&description["name"]));
    let clusters: Vec<Value> = there.iter().map(|cluster| cluster.describe()).chain(creating).collect();
    Json(json!({"clusters": clusters}))
}

async fn get_cluster(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Reply {
    let creating = shared.creating().get(&name).map(|it| it.describe(&name, &shared.region));
    let there = shared.cluster(&name).map(|cluster| cluster.describe());
    there.or(creating).map(Json).ok_or_else(|| no_cluster(&name))
}

async fn delete_cluster(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Reply {
    let deleted = tokio::spawn(async move { shared.delete(&name).await.ok_or(name) }).await;
    let deleted = deleted.map_err(|error| Refusal(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    deleted.map(|()| Json(json!({}))).map_err(|name| no_cluster(&name))
}

#[derive(Deserialize)]
struct GroupRequest {
    instance_types: Vec<String>,
    min: usize,
    max: usize,
    desired: Option<usize>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    taints: Vec<EksTaint>,
    /// All that was asked for, in the words of the asker: repeated to whoever asks what the group is.
    #[serde(default)]
    configuration: Value,
}

/// A taint as EKS spells it: its effects are in capitals.
#[derive(Serialize, Deserialize)]
struct EksTaint {
    key: String,
    value: Option<String>,
    effect: String,
}

impl EksTaint {
    fn to_kubernetes(&self) -> Result<Taint, Refusal> {
        let effect = match self.effect.as_str() {
            "NO_SCHEDULE" => "NoSchedule",
            "NO_EXECUTE" => "NoExecute",
            "PREFER_NO_SCHEDULE" => "PreferNoSchedule",
            other => {
                let message = format!(
                    "taint '{}': effect '{other}' is none of NO_SCHEDULE, NO_EXECUTE and PREFER_NO_SCHEDULE",
                    self.key
                );
                return Err(Refusal(StatusCode::BAD_REQUEST, message));
            }
        };
        Ok(Taint { key: self.key.clone(), value: self.value.clone(), effect: effect.to_owned(), time_added: None })
    }

    fn of(taint: &Taint) -> Self {
        let effect = match taint.effect.as_str() {
            "NoSchedule" => "NO_SCHEDULE",
            "NoExecute" => "NO_EXECUTE",
            _ => "PREFER_NO_SCHEDULE",
        };
        Self { key: taint.key.clone(), value: taint.value.clone(), effect: effect.to_owned() }
    }
}

async fn put_group(
    State(shared): State<Arc<Shared>>,
    Path((name, group)): Path<(String, String)>,
    Json(request): Json<GroupRequest>,
) -> Reply {
    let cluster = find(&shared, &name)?;
    let GroupRequest { instance_types, min, max, desired, labels, taints, configuration } = request;
    if min > max || max == 0 {
        let message = format!("node group '{group}': min {min} and max {max} must be 0 <= min <= max and 1 <= max");
        return Err(Refusal(StatusCode::BAD_REQUEST, message));
    }
    let [instance_type, ..] = &instance_types[..] else {
        return Err(Refusal(StatusCode::BAD_REQUEST, format!("node group '{group}': instance_types is empty")));
    };
    let node_type = NodeType::of(instance_type).map_err(Error::from)?;
    let taints = taints.iter().map(EksTaint::to_kubernetes).collect::<Result<_, _>>()?;
    let desired = desired.unwrap_or(min);
    let settings = GroupSettings { name: group.clone(), node_type, min, max, desired, labels, taints, configuration };
    let attempt = |source| Error::Kubernetes { attempt: "register the nodes of the group", source };
    // As with a cluster: what was begun is carried out, whoever has given up waiting for it.
    let fleet = Arc::clone(&cluster.fleet);
    let put = tokio::spawn(async move { fleet.put_group(settings).await }).await;
    put.map_err(|error| Refusal(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?.map_err(attempt)?;
    describe_group(&cluster, &group).await
}

async fn get_group(State(shared): State<Arc<Shared>>, Path((name, group)): Path<(String, String)>) -> Reply {
    let cluster = find(&shared, &name)?;
    describe_group(&cluster, &group).await
}

async fn resize_group(
    State(shared): State<Arc<Shared>>,
    Path((name, group)): Path<(String, String)>,
    Json(scaling): Json<Scaling>,
) -> Reply {
    let cluster = find(&shared, &name)?;
    let attempt = |source| Error::Kubernetes { attempt: "resize the group", source };
    let fleet = Arc::clone(&cluster.fleet);
    let resized = tokio::spawn({
        let group = group.clone();
        async move { fleet.resize(&group, &scaling).await }
    });
    let resized = resized.await.map_err(|error| Refusal(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    match resized.map_err(attempt)?.ok_or_else(|| no_group(&cluster, &group))? {
        Resized::Refused(refusal) => return Err(Refusal(StatusCode::BAD_REQUEST, refusal)),
        Resized::Done(ended) if !ended.is_empty() => shared.deletions.note(&name, Some(&group), &ended),
        Resized::Done(_) => {}
    }
    describe_group(&cluster, &group).await
}

async fn delete_group(State(shared): State<Arc<Shared>>, Path((name, group)): Path<(String, String)>) -> Reply {
    let cluster = find(&shared, &name)?;
    shared.deletions.note(&name, Some(&group), &cluster.fleet.at_work(Some(&group)).await);
    let attempt = |source| Error::Kubernetes { attempt: "remove the nodes of the group", source };
    let known = cluster.fleet.delete_group(&group).await.map_err(attempt)?;
    if known { Ok(Json(json!({}))) } else { Err(no_group(&cluster, &group)) }
}

async fn describe_group(cluster: &Cluster, group: &str) -> Reply {
    let (settings, nodes) = cluster.fleet.group(group).await.ok_or_else(|| no_group(cluster, group))?;
    let taints: Vec<EksTaint> = settings.taints.iter().map(EksTaint::of).collect();
    Ok(Json(json!({
        "name": settings.name, "cluster": cluster.name, "status": "ACTIVE", "arn": cluster.node_group_arn(group),
        "instance_types": [settings.node_type.name], "min": settings.min, "max": settings.max,
        "desired": nodes.len(), "labels": settings.labels, "taints": taints, "nodes": nodes, "configuration": settings.configuration,
    })))
}

async fn review_token(
    State(shared): State<Arc<Shared>>,
    Path(name): Path<String>,
    Json(review): Json<TokenReview>,
) -> Json<Value> {
    let token = review.spec.token.unwrap_or_default();
    let valid = if shared.expired() { Err(token::Refused::Revoked) } else { Ok(()) };
    let now = jiff::Timestamp::now();
    Json(token::review(valid.and_then(|()| token::verify(&token, &name, &shared.credentials, now))))
}

async fn kill(State(shared): State<Arc<Shared>>, Json(order): Json<super::kill::Order>) -> Reply {
    let attempt = |source| Error::Kubernetes { attempt: "kill what runs a pod", source };
    for cluster in shared.clusters() {
        if let Some(name) = cluster.fleet.kill(&order).await.map_err(attempt)? {
            return Ok(Json(json!({"killed": name})));
        }
    }
    Err(Refusal(StatusCode::NOT_FOUND, format!("no pod runs with the labels {:?}", order.labels)))
}

async fn inventory(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let creating = shared.creating();
    let mut clusters = Vec::new();
    for cluster in shared.clusters() {
        clusters.push(cluster.inventory().await);
    }
    // What is about to be is not nothing.
    let is_there = |name: &String| clusters.iter().any(|cluster| cluster["name"] == **name);
    let nothing_yet = |name| json!({"name": name, "node_groups": [], "nodes": [], "processes": []});
    let creating: Vec<Value> = creating.into_keys().filter(|name| !is_there(name)).map(nothing_yet).collect();
    clusters.extend(creating);
    Json(json!({"clusters": clusters}))
}

fn find(shared: &Shared, name: &str) -> Result<Arc<Cluster>, Refusal> {
    shared.cluster(name).ok_or_else(|| no_cluster(name))
}

fn no_cluster(name: &str) -> Refusal {
    Refusal(StatusCode::NOT_FOUND, format!("no cluster '{name}' in the local account"))
}

fn no_group(cluster: &Cluster, group: &str) -> Refusal {
    Refusal(StatusCode::NOT_FOUND, format!("no node group '{group}' in cluster '{}'", cluster.name))
}

/// An answer other than 200, as `{"error": …}`.
struct Refusal(StatusCode, String);

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let status = match error {
            Error::NodeType(_) => StatusCode::BAD_REQUEST,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self(status, super::with_causes(&error))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": self.1}))).into_response()
    }
}
