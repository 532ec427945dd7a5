//! The plugin protocol: translates between Terraform's messages and the cloud.

use std::{fmt::Display, sync::Arc};

use tokio::sync::Notify;
use tonic::{Request, Response, Status};

use crate::{
    cloud::{Cloud, Error},
    schema::{Block, Nesting, Schema},
    value::Value,
};

/// Generated from `proto/`.
#[allow(dead_code, missing_docs, clippy::all)]
pub mod wire {
    /// The calls of a provider.
    pub mod provider {
        tonic::include_proto!("tfplugin5");
    }
    /// The end of a plugin.
    pub mod plugin {
        tonic::include_proto!("plugin");
    }
}

use wire::provider::{
    AttributePath, Diagnostic, DynamicValue, apply_resource_change, attribute_path, configure, diagnostic,
    get_provider_schema, import_resource_state, plan_resource_change, prepare_provider_config,
    provider_server::Provider, read_data_source, read_resource, schema as wire_schema, stop, upgrade_resource_state,
    validate_config,
};

type Answer<T> = Result<Response<T>, Status>;

/// Serves one cloud to Terraform.
pub struct Service {
    /// The cloud.
    pub cloud: Arc<Cloud>,
}

#[tonic::async_trait]
impl Provider for Service {
    async fn get_schema(&self, _: Request<get_provider_schema::Request>) -> Answer<get_provider_schema::Response> {
        let schemas = &self.cloud.schemas;
        let all = |named: &std::collections::BTreeMap<String, Schema>| {
            named.iter().map(|(name, schema)| (name.clone(), schema_message(schema))).collect()
        };
        answer(get_provider_schema::Response {
            provider: Some(schema_message(&schemas.provider)),
            resource_schemas: all(&schemas.resources),
            data_source_schemas: all(&schemas.data_sources),
            diagnostics: vec![],
        })
    }

    async fn prepare_provider_config(
        &self,
        request: Request<prepare_provider_config::Request>,
    ) -> Answer<prepare_provider_config::Response> {
        let prepared_config = request.into_inner().config;
        answer(prepare_provider_config::Response { prepared_config, diagnostics: vec![] })
    }

    async fn validate_resource_type_config(
        &self,
        request: Request<validate_config::Request>,
    ) -> Answer<validate_config::Response> {
        let request = request.into_inner();
        let result = self.cloud.validate(&request.type_name, &read(request.config)?);
        answer(validate_config::Response { diagnostics: diagnostics(result.err()) })
    }

    async fn validate_data_source_config(
        &self,
        _: Request<validate_config::Request>,
    ) -> Answer<validate_config::Response> {
        answer(validate_config::Response::default())
    }

    async fn upgrade_resource_state(
        &self,
        request: Request<upgrade_resource_state::Request>,
    ) -> Answer<upgrade_resource_state::Response> {
        let request = request.into_inner();
        let json = request.raw_state.map(|raw| raw.json).unwrap_or_default();
        let json: serde_json::Value = serde_json::from_slice(&json).map_err(invalid)?;
        let schema = self.cloud.resource(&request.type_name).map_err(invalid)?;
        let upgraded_state = write(&schema.block.conform(json.into()))?;
        answer(upgrade_resource_state::Response { upgraded_state, diagnostics: vec![] })
    }

    async fn configure(&self, request: Request<configure::Request>) -> Answer<configure::Response> {
        let result = self.cloud.configure(read(request.into_inner().config)?);
        answer(configure::Response { diagnostics: diagnostics(result.err()) })
    }

    async fn read_resource(&self, request: Request<read_resource::Request>) -> Answer<read_resource::Response> {
        let request = request.into_inner();
        let private = request.private;
        answer(match self.cloud.read(&request.type_name, read(request.current_state.clone())?).await {
            Ok(state) => read_resource::Response { new_state: write(&state)?, private, diagnostics: vec![] },
            Err(error) => read_resource::Response {
                new_state: request.current_state,
                private,
                diagnostics: diagnostics(Some(error)),
            },
        })
    }

    async fn plan_resource_change(
        &self,
        request: Request<plan_resource_change::Request>,
    ) -> Answer<plan_resource_change::Response> {
        let request = request.into_inner();
        let (prior, proposed) = (read(request.prior_state)?, read(request.proposed_new_state)?);
        let plan = self.cloud.plan(&request.type_name, &prior, proposed).map_err(invalid)?;
        answer(plan_resource_change::Response {
            planned_state: write(&plan.planned)?,
            requires_replace: plan.replace.into_iter().map(path).collect(),
            planned_private: request.prior_private,
            diagnostics: vec![],
        })
    }

    async fn apply_resource_change(
        &self,
        request: Request<apply_resource_change::Request>,
    ) -> Answer<apply_resource_change::Response> {
        let request = request.into_inner();
        let (prior, planned) = (read(request.prior_state)?, read(request.planned_state)?);
        let applied = self.cloud.apply(&request.type_name, prior, planned).await;
        answer(apply_resource_change::Response {
            new_state: write(&applied.state)?,
            private: request.planned_private,
            diagnostics: diagnostics(applied.error),
        })
    }

    async fn import_resource_state(
        &self,
        request: Request<import_resource_state::Request>,
    ) -> Answer<import_resource_state::Response> {
        let request = request.into_inner();
        answer(match self.cloud.import(&request.type_name, &request.id).await {
            // What is not there is imported as nothing, which Terraform itself puts into words.
            Ok(found) => import_resource_state::Response {
                imported_resources: vec![import_resource_state::ImportedResource {
                    type_name: request.type_name,
                    state: write(&found.unwrap_or_default())?,
                    private: vec![],
                }],
                diagnostics: vec![],
            },
            Err(error) => {
                import_resource_state::Response { imported_resources: vec![], diagnostics: diagnostics(Some(error)) }
            }
        })
    }

    async fn read_data_source(
        &self,
        request: Request<read_data_source::Request>,
    ) -> Answer<read_data_source::Response> {
        let request = request.into_inner();
        answer(match self.cloud.data(&request.type_name, read(request.config)?) {
            Ok(state) => read_data_source::Response { state: write(&state)?, diagnostics: vec![] },
            Err(error) => read_data_source::Response { state: None, diagnostics: diagnostics(Some(error)) },
        })
    }

    /// Terraform was interrupted. What is under way is short, and better finished than left half done.
    async fn stop(&self, _: Request<stop::Request>) -> Answer<stop::Response> {
        answer(stop::Response::default())
    }
}

/// Ends the plugin when Terraform asks for it.
pub struct Controller {
    /// Told when it is time to end.
    pub ended: Arc<Notify>,
}

#[tonic::async_trait]
impl wire::plugin::grpc_controller_server::GrpcController for Controller {
    async fn shutdown(&self, _: Request<wire::plugin::Empty>) -> Answer<wire::plugin::Empty> {
        self.ended.notify_one();
        answer(wire::plugin::Empty {})
    }
}

fn answer<T>(message: T) -> Answer<T> {
    Ok(Response::new(message))
}

fn invalid(error: impl Display) -> Status {
    Status::invalid_argument(error.to_string())
}

fn read(value: Option<DynamicValue>) -> Result<Value, Status> {
    Value::from_msgpack(&value.unwrap_or_default().msgpack).map_err(invalid)
}

fn write(value: &Value) -> Result<Option<DynamicValue>, Status> {
    Ok(Some(DynamicValue { msgpack: value.to_msgpack().map_err(invalid)? }))
}

fn diagnostics(error: Option<Error>) -> Vec<Diagnostic> {
    let diagnostic = |error: Error| Diagnostic {
        severity: diagnostic::Severity::Error.into(),
        summary: error.to_string(),
        ..Diagnostic::default()
    };
    error.into_iter().map(diagnostic).collect()
}

fn path(attribute: String) -> AttributePath {
    let selector = attribute_path::step::Selector::AttributeName(attribute);
    AttributePath { steps: vec![attribute_path::Step { selector: Some(selector) }] }
}

fn schema_message(schema: &Schema) -> wire::provider::Schema {
    wire::provider::Schema { version: schema.version, block: Some(block_message(&schema.block)) }
}

fn block_message(block: &Block) -> wire_schema::Block {
    let attributes = block.attributes.iter().map(|(name, attribute)| wire_schema::Attribute {
        name: name.clone(),
        r#type: attribute.ty.to_string().into_bytes(),
        required: attribute.required,
        optional: attribute.optional,
        computed: attribute.computed,
        sensitive: attribute.sensitive,
    });
    let blocks = block.blocks.iter().map(|(name, nested)| wire_schema::NestedBlock {
        type_name: name.clone(),
        block: Some(block_message(&nested.block)),
        nesting: match nested.nesting {
            Nesting::Single => wire_schema::nested_block::NestingMode::Single,
            Nesting::Group => wire_schema::nested_block::NestingMode::Group,
            Nesting::List => wire_schema::nested_block::NestingMode::List,
            Nesting::Set => wire_schema::nested_block::NestingMode::Set,
            Nesting::Map => wire_schema::nested_block::NestingMode::Map,
        }
        .into(),
        min_items: nested.min_items,
        max_items: nested.max_items,
    });
    wire_schema::Block { version: 0, attributes: attributes.collect(), block_types: blocks.collect() }
}
