//! `/v1/clusters`: the life of clusters, by hand. A `{id}` is an id or a name.

use crate::error::Result;
use crate::extract::{Body, Named, Params};
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::cluster::Command;
use domain::settings::SettingsDelta;
use runtime::concurrent;
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::v1::cluster::{ClusterList, ClusterView, DeleteQuery, EventList};
use wire::v1::documents;
use wire::v1::lifecycle::ReceiptList;

type Accepted = Result<(StatusCode, Json<ClusterView>)>;

pub(super) fn router() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_clusters))
        .routes(routes!(show_cluster, update_cluster, delete_cluster))
        .routes(routes!(create_cluster))
        .routes(routes!(list_cluster_events))
        .routes(routes!(list_receipts))
}

/// Lists all clusters.
#[utoipa::path(get, path = "/v1/clusters", tag = "clusters", responses((status = 200, body = ClusterList)))]
async fn list_clusters(State(api): State<Api>) -> Result<Json<ClusterList>> {
    let clusters = api.world.clusters().await?;
    Ok(Json(ClusterList { clusters: concurrent::all(clusters.iter().map(|cluster| api.show(cluster))).await? }))
}

/// Shows a cluster: its status, why it is alive and when it will end, and how far its build is.
#[utoipa::path(
    get, path = "/v1/clusters/{id}", tag = "clusters",
    params(("id" = String, Path, description = "Its id or name")), responses((status = 200, body = ClusterView))
)]
async fn show_cluster(State(api): State<Api>, Named(id): Named<String>) -> Result<Json<ClusterView>> {
    Ok(Json(api.show(&api.cluster(&id).await?).await?))
}

/// Creates a cluster now, instead of when the first run needs it; settings may be changed with it.
#[utoipa::path(
    post, path = "/v1/clusters/{id}/create", tag = "clusters",
    params(("id" = String, Path, description = "Its id or name")),
    request_body = Option<documents::Settings>, responses((status = 202, body = ClusterView))
)]
async fn create_cluster(
    State(api): State<Api>,
    Named(id): Named<String>,
    Body(settings): Body<Map<String, Value>>,
) -> Accepted {
    let delta = SettingsDelta::parse(&settings, api.limits)?;
    command(&api, &id, &Command::Create { delta }).await
}

/// Changes settings and options of an Active cluster; those that are not sent stay. Options, without settings, can also
/// be changed while it is Terminated.
#[utoipa::path(
    patch, path = "/v1/clusters/{id}", tag = "clusters",
    params(("id" = String, Path, description = "Its id or name")),
    request_body = documents::Settings, responses((status = 202, body = ClusterView))
)]
async fn update_cluster(
    State(api): State<Api>,
    Named(id): Named<String>,
    Body(settings): Body<Map<String, Value>>,
) -> Accepted {
    let delta = SettingsDelta::parse(&settings, api.limits)?;
    command(&api, &id, &Command::Update { delta }).await
}

/// Deletes a cluster, unless a run needs it; with `force=true` even then. Its registration stays.
#[utoipa::path(
    delete, path = "/v1/clusters/{id}", tag = "clusters",
    params(("id" = String, Path, description = "Its id or name"), DeleteQuery),
    responses((status = 202, body = ClusterView))
)]
async fn delete_cluster(
    State(api): State<Api>,
    Named(id): Named<String>,
    Params(query): Params<DeleteQuery>,
) -> Accepted {
    command(&api, &id, if query.force { &Command::ForceDelete } else { &Command::Delete }).await
}

/// Lists what happened to a cluster.
#[utoipa::path(
    get, path = "/v1/clusters/{id}/events", tag = "clusters",
    params(("id" = String, Path, description = "Its id or name")), responses((status = 200, body = EventList))
)]
async fn list_cluster_events(State(api): State<Api>, Named(id): Named<String>) -> Result<Json<EventList>> {
    let cluster = api.cluster(&id).await?;
    Ok(Json(EventList { events: api.world.events(&cluster.id.to_string()).await? }))
}

/// Lists what became of a cluster's generations: what each teardown has deleted, and what is left.
#[utoipa::path(
    get, path = "/v1/clusters/{id}/receipts", tag = "clusters",
    params(("id" = String, Path, description = "Its id or name")), responses((status = 200, body = ReceiptList))
)]
async fn list_receipts(State(api): State<Api>, Named(id): Named<String>) -> Result<Json<ReceiptList>> {
    let id = api.cluster(&id).await?.id;
    let (receipts, inventory) = tokio::try_join!(api.world.receipts(id), api.world.inventory(id))?;
    Ok(Json(ReceiptList { receipts, inventory }))
}

async fn command(api: &Api, id_or_name: &str, command: &Command) -> Accepted {
    let id = api.cluster(id_or_name).await?.id;
    api.world.cluster_command(id, command).await?;
    let cluster = api.world.cluster(id).await?.value;
    Ok((StatusCode::ACCEPTED, Json(api.show(&cluster).await?)))
}
