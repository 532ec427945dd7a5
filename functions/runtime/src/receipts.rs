//! Receipts of teardowns, and the look into users' accounts for what should not be there any more.

use crate::access::Access;
use crate::error::{PortError, PortErrorKind};
use crate::ports::{Expect, Key, TaggedResources, Write};
use crate::records::Stored;
use crate::{Error, World, concurrent, keys, records};
use domain::ClusterId;
use domain::cluster::{Cluster, Command};
use domain::event::Event;
use domain::inventory::{Found, INTEGRATION_TAG, Inventory, TaggedResource, compare, suspects};
use domain::receipt::{Deleted, Receipt};
use serde_json::Value;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

/// How old an inventory becomes before the sweeper looks again: an hour, less what its rhythm may vary.
const LOOK_AGAIN: Duration = Duration::from_mins(55);
/// A teardown that took more builds than this, over days, has a receipt of the last ones.
const MOST_BUILDS: u64 = 50;

/// Looks what users' accounts have.
#[derive(Clone)]
pub struct Auditor {
    /// The way into the accounts.
    pub access: Access,
    /// The tagging API.
    pub tagged: Arc<dyn TaggedResources>,
}

impl World {
    /// The receipts of a cluster's teardowns, oldest first.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn receipts(&self, cluster: ClusterId) -> Result<Vec<Receipt>, Error> {
        let all = records::list(self.store.as_ref(), &keys::receipts(cluster)).await?;
        Ok(all.into_iter().map(|stored| stored.value).collect())
    }

    /// What a cluster's account was last seen to have; none if nobody has looked yet.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn inventory(&self, cluster: ClusterId) -> Result<Option<Inventory>, Error> {
        let stored = records::find(self.store.as_ref(), &keys::inventory(cluster)).await?;
        Ok(stored.map(|stored| stored.value))
    }

    /// Looks what a cluster's account has, unless that was done within the hour, and has leftovers destroyed whose
    /// Terraform state is there.
    ///
    /// # Errors
    /// Failures that may pass. What the credentials do not allow is no error: the inventory says so.
    pub async fn audit(&self, id: ClusterId) -> Result<(), Error> {
        let Some(auditor) = &self.auditor else { return Ok(()) };
        let last = self.inventory(id).await?;
        let is_recent = |last: &Inventory| (last.checked_at..last.checked_at + LOOK_AGAIN).contains(&self.now());
        if last.as_ref().is_some_and(is_recent) {
            return Ok(());
        }
        let cluster = self.cluster(id).await?.value;
        // While a build changes what there is, an inventory says little.
        if cluster.generation == 0 || cluster.builds().next().is_some() {
            return Ok(());
        }
        let inventory = self.look(auditor, &cluster).await?;
        self.store_inventory(id, last.as_ref(), &inventory).await?;
        if let Some(item) = self.store.list(&keys::receipts(id), "").await?.pop() {
            let mut receipt: Receipt = Stored::read(&item)?.value;
            if !matches!(receipt.inventory.found, Found::Clean { .. }) {
                receipt.inventory = inventory.clone();
                self.store_receipt(item.key, &receipt).await?;
            }
        }
        if let Some(generation) = inventory.found.collectable() {
            Box::pin(self.cluster_command(id, &Command::CollectLeftover { generation })).await?;
        }
        Ok(())
    }

    /// A generation whose resources are still to be destroyed, as far as somebody has looked: their Terraform state is
    /// there, and so it takes nothing but the integration's credentials.
    ///
    /// # Errors
    /// Those of the stores.
    pub(crate) async fn to_be_collected(&self, id: ClusterId) -> Result<Option<u32>, Error> {
        let last = self.inventory(id).await?;
        let Some(generation) = last.and_then(|last| last.found.collectable()) else { return Ok(None) };
        Ok(self.has_state(id, generation).await?.then_some(generation))
    }

    /// Has the sweeper look again at once where something is amiss: with new credentials, more can be seen and done.
    ///
    /// # Errors
    /// Those of the store.
    pub(crate) async fn look_again_with_new_credentials(&self, id: ClusterId) -> Result<(), Error> {
        let last = self.inventory(id).await?;
        if last.is_some_and(|last| !matches!(last.found, Found::Clean { .. })) {
            let delete = Write::Delete { key: keys::inventory(id), expect: Expect::Anything };
            self.store.commit(vec![delete]).await?;
        }
        Ok(())
    }

    /// Writes down what the builds of a teardown have deleted, and what is left.
    pub(crate) async fn write_receipt(
        &self,
        auditor: &Auditor,
        cluster: &Cluster,
        generation: u32,
        epochs: RangeInclusive<u64>,
    ) -> Result<(), Error> {
        let (first, last) = epochs.into_inner();
        let epochs = first.max(last.saturating_sub(MOST_BUILDS))..=last;
        let streams = concurrent::all(epochs.map(|epoch| self.build_stream(cluster.id, epoch))).await?;
        let previous = self.inventory(cluster.id).await?;
        let inventory = self.look(auditor, cluster).await?;
        self.store_inventory(cluster.id, previous.as_ref(), &inventory).await?;
        let receipt = Receipt {
            cluster: cluster.id,
            generation,
            eks_name: cluster.id.eks_name(generation),
            written_at: self.now(),
            deleted: Deleted::read(streams.iter().map(String::as_str)),
            inventory,
        };
        self.store_receipt(keys::receipt(cluster.id, generation, last), &receipt).await
    }

    async fn store_receipt(&self, key: Key, receipt: &Receipt) -> Result<(), Error> {
        Ok(self.store.commit(vec![records::put(key, receipt, Expect::Anything)?]).await?)
    }

    /// Stores an inventory, and tells in the cluster's history what has changed since the last one.
    async fn store_inventory(&self, id: ClusterId, last: Option<&Inventory>, now: &Inventory) -> Result<(), Error> {
        let arns = |inventory: &Inventory| -> BTreeSet<String> {
            inventory.found.leftovers().iter().map(|leftover| leftover.arn.clone()).collect()
        };
        let (before, after) = (last.map(arns).unwrap_or_default(), arns(now));
        let mut writes = vec![records::put(keys::inventory(id), now, Expect::Anything)?];
        let known = !matches!(now.found, Found::Unknown { .. });
        if known && before != after {
            let event = if after.is_empty() {
                Event::new(now.checked_at, "leftovers_gone", "nothing is left of earlier generations any more")
            } else {
                let list = after.iter().cloned().collect::<Vec<_>>().join(", ");
                let message = format!("{} resource(s) still exist that should not: {list}", after.len());
                Event::new(now.checked_at, "leftovers_found", message)
            };
            tracing::warn!(cluster.id = %id, event = event.kind, "{}", event.message);
            writes.push(records::put(
                keys::event(&id.to_string(), event.at, 0, usize::from(after.is_empty())),
                &event,
                Expect::Anything,
            )?);
        }
        Ok(self.store.commit(writes).await?)
    }

    /// What a cluster's account has with our tags. First the account and then the document: what a build makes in
    /// between is known to the document.
    async fn look(&self, auditor: &Auditor, cluster: &Cluster) -> Result<Inventory, Error> {
        let found = match self.tagged(auditor, cluster).await {
            Ok(tagged) => {
                let cluster = self.cluster(cluster.id).await?.value;
                let mut with_state = BTreeSet::new();
                for generation in suspects(&cluster, &tagged) {
                    if self.has_state(cluster.id, generation).await? {
                        with_state.insert(generation);
                    }
                }
                compare(&cluster, &tagged, &with_state)
            }
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => unknown(&error),
        };
        Ok(Inventory { checked_at: self.now(), found })
    }

    async fn tagged(&self, auditor: &Auditor, cluster: &Cluster) -> Result<Vec<TaggedResource>, Error> {
        let key = auditor.access.key(cluster.integration, &cluster.region).await?;
        let integration = cluster.integration.to_string();
        Ok(auditor.tagged.find(&key, &cluster.region, INTEGRATION_TAG, &integration).await?)
    }

    /// Whether Terraform's state of a generation has resources.
    async fn has_state(&self, id: ClusterId, generation: u32) -> Result<bool, Error> {
        let state = self.objects.get(&keys::terraform_state(id, generation)).await?.unwrap_or_default();
        // A state that cannot be read is not one to destroy by.
        let state: Value = serde_json::from_slice(&state).unwrap_or_default();
        Ok(state["resources"].as_array().is_some_and(|all| all.iter().any(|resource| resource["mode"] == "managed")))
    }
}

/// Why nobody could look, and what to do about it.
fn unknown(error: &Error) -> Found {
    let remedy = match error {
        Error::Port(PortError { kind: PortErrorKind::Denied, .. }) => {
            "Allow tag:GetResources in the IAM policy of the integration's credentials, or give it other ones (PUT /v1/integrations/{id}/credentials) if they have expired."
        }
        Error::NotFound { .. } => "Its credentials are gone: give it others (PUT /v1/integrations/{id}/credentials).",
        _ => "It is looked up again within the hour.",
    };
    Found::Unknown { why: error.to_string(), remedy: remedy.to_owned() }
}

#[cfg(test)]
#[path = "receipts_tests.rs"]
mod tests;
