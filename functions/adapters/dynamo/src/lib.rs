//! The store of state on DynamoDB: one table, one item per document.
//!
//! A write whose answer was lost is sent again by the SDK. A transaction carries a token that makes this harmless; a
//! single write may find its own effect and report a conflict. That is fine too: the caller then reloads, and finds
//! its command already carried out.

mod item;

use adapter_sdk::{Sdk, failed};
use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason, Delete, Put, TransactWriteItem};
use item::Condition;
use runtime::PortError;
use runtime::error::PortErrorKind;
use runtime::ports::{Item, Key, Result, Store, Write};

/// The store of state.
pub struct DynamoStore {
    client: Client,
    table: String,
}

impl DynamoStore {
    /// The store on a table with partition key `pk`, sort key `sk` and TTL attribute `ttl`.
    #[must_use]
    pub fn new(sdk: &Sdk, table: impl Into<String>) -> Self {
        Self { client: Client::new(sdk.config()), table: table.into() }
    }

    fn about(&self, verb: &str, key: &Key) -> String {
        format!("{verb} item {}/{} of table {}", key.partition, key.sort, self.table)
    }

    async fn write(&self, write: Write) -> Result<()> {
        match write {
            Write::Put { key, body, expect, expires_at } => {
                let attempted = self.about("put", &key);
                let condition = Condition::of(expect);
                let put = self
                    .client
                    .put_item()
                    .table_name(&self.table)
                    .set_item(Some(item::attributes(key, body, expect, expires_at)))
                    .set_condition_expression(condition.expression)
                    .set_expression_attribute_values(condition.values);
                put.send().await.map(drop).map_err(failed(attempted))
            }
            Write::Delete { key, expect } => {
                let attempted = self.about("delete", &key);
                let condition = Condition::of(expect);
                let delete = self
                    .client
                    .delete_item()
                    .table_name(&self.table)
                    .set_key(Some(item::key_attributes(key)))
                    .set_condition_expression(condition.expression)
                    .set_expression_attribute_values(condition.values);
                delete.send().await.map(drop).map_err(failed(attempted))
            }
        }
    }

    async fn transact(&self, writes: Vec<Write>) -> Result<()> {
        let attempted = format!("write {} items of table {}", writes.len(), self.table);
        let items: std::result::Result<Vec<_>, _> = writes.into_iter().map(|write| self.part(write)).collect();
        let items =
            items.map_err(|error| PortError::new(PortErrorKind::Other, attempted.clone(), error.to_string()))?;
        let sent = self.client.transact_write_items().set_transact_items(Some(items)).send().await;
        sent.map(drop).map_err(|error| {
            let kind = canceled(&error);
            let mut error = failed(attempted)(error);
            error.kind = kind.unwrap_or(error.kind);
            error
        })
    }

    fn part(&self, write: Write) -> std::result::Result<TransactWriteItem, BuildError> {
        let part = TransactWriteItem::builder();
        let part = match write {
            Write::Put { key, body, expect, expires_at } => {
                let condition = Condition::of(expect);
                let put = Put::builder()
                    .table_name(&self.table)
                    .set_item(Some(item::attributes(key, body, expect, expires_at)))
                    .set_condition_expression(condition.expression)
                    .set_expression_attribute_values(condition.values);
                part.put(put.build()?)
            }
            Write::Delete { key, expect } => {
                let condition = Condition::of(expect);
                let delete = Delete::builder()
                    .table_name(&self.table)
                    .set_key(Some(item::key_attributes(key)))
                    .set_condition_expression(condition.expression)
                    .set_expression_attribute_values(condition.values);
                part.delete(delete.build()?)
            }
        };
        Ok(part.build())
    }
}

#[async_trait]
impl Store for DynamoStore {
    async fn get(&self, key: &Key) -> Result<Option<Item>> {
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(item::key_attributes(key.clone())))
            .consistent_read(true);
        let found = request.send().await.map_err(failed(self.about("get", key)))?;
        found.item.map(item::read).transpose()
    }

    async fn list(&self, partition: &str, prefix: &str) -> Result<Vec<Item>> {
        let attempted = || format!("list items {partition}/{prefix}* of table {}", self.table);
        let mut query = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .expression_attribute_values(":pk", AttributeValue::S(partition.to_owned()));
        // DynamoDB refuses to compare a key with an empty text.
        query = if prefix.is_empty() {
            query.key_condition_expression("pk = :pk")
        } else {
            query
                .key_condition_expression("pk = :pk AND begins_with(sk, :sk)")
                .expression_attribute_values(":sk", AttributeValue::S(prefix.to_owned()))
        };
        let mut items = vec![];
        let mut next = None;
        loop {
            let page = query.clone().set_exclusive_start_key(next).send().await.map_err(failed(attempted()))?;
            for found in page.items.unwrap_or_default() {
                items.push(item::read(found)?);
            }
            next = page.last_evaluated_key.filter(|key| !key.is_empty());
            if next.is_none() {
                return Ok(items);
            }
        }
    }

    async fn commit(&self, mut writes: Vec<Write>) -> Result<()> {
        // A transaction costs twice as much as a single write.
        match writes.len() {
            0 => Ok(()),
            1 => self.write(writes.remove(0)).await,
            _ => self.transact(writes).await,
        }
    }
}

/// Why a transaction was canceled; none if it failed for another reason.
fn canceled<R>(error: &SdkError<TransactWriteItemsError, R>) -> Option<PortErrorKind> {
    match error.as_service_error()? {
        TransactWriteItemsError::TransactionCanceledException(canceled) => {
            Some(kind_of(canceled.cancellation_reasons()))
        }
        _ => None,
    }
}

/// A lost race counts more than throttling: the caller must reload in any case.
fn kind_of(reasons: &[CancellationReason]) -> PortErrorKind {
    let any = |codes: &[&str]| reasons.iter().filter_map(CancellationReason::code).any(|code| codes.contains(&code));
    if any(&["ConditionalCheckFailed", "TransactionConflict"]) {
        PortErrorKind::Conflict
    } else if any(&["ThrottlingError", "ProvisionedThroughputExceeded"]) {
        PortErrorKind::Transient
    } else {
        PortErrorKind::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canceled_transaction_is_a_conflict_if_any_item_lost_a_race() {
        let reasons = |codes: &[&str]| -> Vec<_> {
            codes.iter().map(|code| CancellationReason::builder().code(*code).build()).collect()
        };
        assert_eq!(kind_of(&reasons(&["None", "ConditionalCheckFailed"])), PortErrorKind::Conflict);
        assert_eq!(kind_of(&reasons(&["ThrottlingError", "TransactionConflict"])), PortErrorKind::Conflict);
        assert_eq!(kind_of(&reasons(&["None", "ThrottlingError"])), PortErrorKind::Transient);
        assert_eq!(kind_of(&reasons(&["ValidationError"])), PortErrorKind::Other);
        assert_eq!(kind_of(&[]), PortErrorKind::Other);
    }
}
