//! The EventBridge rule that lets `keepalive` tick while there is something to look after.

use adapter_sdk::{Sdk, failed};
use async_trait::async_trait;
use aws_sdk_eventbridge::Client;
use runtime::ports::{KeepaliveRule, Result};

/// The rule.
pub struct EventBridgeRule {
    client: Client,
    name: String,
}

impl EventBridgeRule {
    /// The rule by its name, on the default bus.
    #[must_use]
    pub fn new(sdk: &Sdk, name: impl Into<String>) -> Self {
        Self { client: Client::new(sdk.config()), name: name.into() }
    }
}

#[async_trait]
impl KeepaliveRule for EventBridgeRule {
    async fn enable(&self) -> Result<()> {
        let sent = self.client.enable_rule().name(&self.name).send().await;
        sent.map(drop).map_err(failed(format!("enable rule {}", self.name)))
    }

    async fn disable(&self) -> Result<()> {
        let sent = self.client.disable_rule().name(&self.name).send().await;
        sent.map(drop).map_err(failed(format!("disable rule {}", self.name)))
    }
}
