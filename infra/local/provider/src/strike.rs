//! A signal at a moment that whoever starts the build chooses: so a build dies in mid-work, at the same point each time.

use std::sync::atomic::{AtomicU32, Ordering};

use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};

/// `AWS_PROVIDER_STRIKE`, read once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Order {
    after: u32,
    signal: Signal,
    victim: Option<Pid>,
}

impl Order {
    /// Reads `<operations>:<KILL, TERM or INT>:<process id, or terraform>`; none if it is anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ':');
        let after = parts.next()?.parse().ok()?;
        let signal = format!("SIG{}", parts.next()?).parse().ok()?;
        let victim = match parts.next()? {
            "terraform" => None,
            id => Some(Pid::from_raw(id.parse().ok().filter(|id| *id > 1)?)),
        };
        Some(Self { after, signal, victim })
    }
}

/// Counts what is done until it is time.
#[derive(Debug)]
pub struct Strike {
    order: Option<Order>,
    done: AtomicU32,
}

impl Strike {
    /// Nothing is counted without an order.
    pub fn new(order: Option<Order>) -> Self {
        Self { order, done: AtomicU32::new(0) }
    }

    /// One more resource was created, changed or destroyed; Terraform does not know it yet.
    pub fn count(&self) {
        let Some(order) = self.order else { return };
        if self.done.fetch_add(1, Ordering::Relaxed) + 1 == order.after {
            let parent = i32::try_from(std::os::unix::process::parent_id()).unwrap_or_default();
            let victim = order.victim.unwrap_or(Pid::from_raw(parent));
            if let Some(told) = std::env::var_os("AWS_PROVIDER_STRUCK") {
                let _ = std::fs::write(told, "");
            }
            // Whoever is gone already cannot be struck.
            if victim.as_raw() > 1 {
                let _ = signal::kill(victim, order.signal);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_read() {
        let order = |after, signal, victim| Some(Order { after, signal, victim });
        assert_eq!(Order::parse("3:TERM:terraform"), order(3, Signal::SIGTERM, None));
        assert_eq!(Order::parse("1:KILL:4711"), order(1, Signal::SIGKILL, Some(Pid::from_raw(4711))));
        for text in ["", "3", "3:TERM", "x:TERM:terraform", "3:BOO:terraform", "3:KILL:0", "3:KILL:-1"] {
            assert_eq!(Order::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_strike_hits_at_its_count_only() {
        let mut victim = std::process::Command::new("sleep").arg("3600").spawn().unwrap();
        let order = Order::parse(&format!("2:KILL:{}", victim.id())).unwrap();
        let strike = Strike::new(Some(order));
        strike.count();
        assert!(victim.try_wait().unwrap().is_none());
        strike.count();
        assert!(!victim.wait().unwrap().success());
    }
}
