//! The stacks that cases run on, each started when the first case asks for it.

use crate::client::Client;
use crate::sdk;
use local::{Progress, Stack, StackConfig};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// Which stack a case runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Cases side by side, each with integrations of its own name and failures for its own clusters only.
    Shared,
    /// One case at a time: whoever wants an integration of the documents' name, or failures that are all the stack's.
    Own,
    /// Likewise.
    OwnToo,
}

/// A running stack, and what cases need of it.
pub struct World {
    /// The stack.
    pub stack: Stack,
    /// A client with a valid key.
    pub client: Client,
    turn: Arc<Mutex<()>>,
}

/// A case's leave to use a stack.
pub struct Turn {
    /// The stack, with what belongs to it.
    pub world: Arc<World>,
    _alone: Option<tokio::sync::OwnedMutexGuard<()>>,
}

/// All stacks that were started, or why one was not.
#[derive(Default)]
pub struct Stacks {
    worlds: Mutex<BTreeMap<Place, Result<Arc<World>, String>>>,
}

impl Stacks {
    /// The stack of a place, for one case.
    pub async fn turn(&self, place: Place) -> Result<Turn, String> {
        let world = self.world(place).await?;
        let alone = match place {
            Place::Shared => None,
            Place::Own | Place::OwnToo => Some(Arc::clone(&world.turn).lock_owned().await),
        };
        Ok(Turn { world, _alone: alone })
    }

    async fn world(&self, place: Place) -> Result<Arc<World>, String> {
        // One starts at a time: they install the same things.
        let mut worlds = self.worlds.lock().await;
        if let Some(world) = worlds.get(&place) {
            return world.clone();
        }
        let world = World::start().await.map(Arc::new);
        worlds.insert(place, world.clone());
        world
    }

    /// Those that were started; one at least.
    pub async fn all(&self) -> Result<Vec<Arc<World>>, String> {
        if self.worlds.lock().await.is_empty() {
            self.world(Place::Shared).await?;
        }
        Ok(self.worlds.lock().await.values().filter_map(|world| world.clone().ok()).collect())
    }

    /// Ends all; what they have written is kept if it may be asked for.
    pub async fn shutdown(&self, keep: bool) {
        for world in std::mem::take(&mut *self.worlds.lock().await).into_values().flatten() {
            let directory = world.stack.directory.clone();
            if let Some(world) = Arc::into_inner(world) {
                world.stack.shutdown().await;
            }
            if keep {
                eprintln!("logs are in {}", directory.path("").display());
            } else {
                std::fs::remove_dir_all(directory.path("")).ok();
            }
        }
    }
}

impl World {
    async fn start() -> Result<Self, String> {
        let default = StackConfig::default();
        let home = Some(sdk::home(&default.directory));
        // Retries wait for half a minute and more, of which nothing is to be seen here.
        let progress = Progress::terminal();
        let keepalive_period = Duration::from_secs(2);
        let config = StackConfig { progress, home, wait_scale: 0.1, keepalive_period, ..default };
        let stack = Stack::start(config).await.map_err(|error| format!("the stack does not start: {error}"))?;
        // There from the start, so that whoever changes it finds something to lock.
        std::fs::write(stack.faults(), "[]").map_err(|error| format!("write the faults: {error}"))?;
        let client = Client::new(&stack.api_url, &stack.api_key);
        Ok(Self { stack, client, turn: Arc::default() })
    }

    /// Orders failures of the stand-in provider for one cluster, in place of those ordered for it before. Those of
    /// other clusters stay, and providers that use theirs up at the same time are waited for.
    pub fn order(&self, cluster: &str, faults: &[Value]) {
        let path = self.stack.faults();
        let lock = std::fs::File::create(path.with_extension("lock")).expect("the faults' lock");
        lock.lock().expect("the faults are locked");
        let text = std::fs::read_to_string(&path).expect("the faults");
        let mut all: Vec<Value> = serde_json::from_str(&text).expect("a list of faults");
        all.retain(|fault| fault["cluster"] != cluster);
        all.extend(faults.iter().cloned().map(|mut fault| {
            fault["cluster"] = json!(cluster);
            fault
        }));
        // Beside and renamed, so that nobody reads half of it.
        let beside = path.with_extension("ordered");
        std::fs::write(&beside, json!(all).to_string()).expect("the faults are written");
        std::fs::rename(beside, path).expect("the faults are in place");
    }
}
