//! Before a build begins: whoever held the Terraform state last must be over, and what it left is cleared away.

use domain::hold::{Hold, Verdict, judge};
use runtime::{Error, World, keys};
use wire::step::EnvironmentVariable;

/// Makes way for a build on a state, and tells it whose place it takes.
///
/// # Errors
/// [`Error::StateHeld`] while another build has the state; those of the ports.
pub async fn take_over(world: &World, state: &str) -> Result<Vec<EnvironmentVariable>, Error> {
    let objects = world.objects.as_ref();
    let key = keys::hold(state);
    let Some((note, version)) = objects.get_version(&key).await? else { return Ok(vec![]) };
    let hold = Hold::read(&String::from_utf8_lossy(&note));
    let held = |why: String| {
        Error::StateHeld(format!(
            "{why}; the next build waits for it. If it is certain that nobody works on this cluster, delete {} and {}",
            objects.address(&key),
            objects.address(&keys::lock(state))
        ))
    };
    let builds = world.builds.as_ref().ok_or_else(|| held("builds cannot be seen from here".to_owned()))?;
    let build = builds.state(&hold.build_id).await?;
    // Read after the answer: a build that is over takes no more locks.
    let lock = objects.get_version(&keys::lock(state)).await?;
    let text = lock.as_ref().map(|(bytes, _)| String::from_utf8_lossy(bytes));
    match judge(&hold, build, text.as_deref()) {
        Verdict::Wait(why) => return Err(held(why)),
        Verdict::TakeOver { remove_lock: true } => {
            let version = lock.as_ref().map_or("", |(_, version)| version);
            if !objects.delete_version(&keys::lock(state), version).await? {
                return Err(held("the lock of the Terraform state has just changed".to_owned()));
            }
            tracing::warn!(build.id = %hold.build_id, "removed the lock that build {} left behind", hold.build_id);
        }
        Verdict::TakeOver { remove_lock: false } => {}
    }
    let resumes = EnvironmentVariable::plain("RESUMES", hold.events.join(" "));
    let mut environment = vec![EnvironmentVariable::plain("HOLD", version)];
    environment.extend((!hold.events.is_empty()).then_some(resumes));
    Ok(environment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::hold::BuildState;
    use runtime::memory::Memory;
    use runtime::ports::Objects;

    const STATE: &str = "clusters/c/g1/terraform.tfstate";
    const NOTE: &str = r#"{"build_id":"p:1","who":"root@a1","events":["s3://memory/b/2","s3://memory/b/1"]}"#;

    struct Case {
        memory: Memory,
    }

    impl Case {
        async fn new(note: Option<&str>, lock_of: Option<&str>, build: BuildState) -> Self {
            let memory = Memory::new("2026-11-22T18:00:00Z".parse().expect("a moment"));
            memory.builds.set("p:1", build);
            let case = Self { memory };
            if let Some(note) = note {
                case.put(&keys::hold(STATE), note).await;
            }
            if let Some(who) = lock_of {
                case.put(&keys::lock(STATE), &format!(r#"{{"ID":"1","Who":"{who}"}}"#)).await;
            }
            case
        }

        async fn put(&self, key: &str, text: &str) {
            self.memory.objects.put(key, text.into(), "text/plain").await.expect("stored");
        }

        async fn take_over(&self) -> Result<Vec<(String, String)>, Error> {
            let told = take_over(&self.memory.world(), STATE).await?;
            Ok(told.into_iter().map(|variable| (variable.name, variable.value)).collect())
        }
    }

    #[tokio::test]
    async fn after_a_build_that_put_everything_away_nothing_is_told() {
        let case = Case::new(None, Some("ann@laptop"), BuildState::Over).await;
        assert_eq!(case.take_over().await.expect("free"), []);
        assert_eq!(case.memory.objects.all(), [keys::lock(STATE)], "a person's lock is left to Terraform");
    }

    #[tokio::test]
    async fn the_lock_of_a_killed_build_goes_and_its_reports_are_passed_on() {
        let case = Case::new(Some(NOTE), Some("root@a1"), BuildState::Over).await;
        let told = case.take_over().await.expect("taken over");
        assert_eq!(told[0].0, "HOLD");
        assert_eq!(told[1], ("RESUMES".to_owned(), "s3://memory/b/2 s3://memory/b/1".to_owned()));
        assert_eq!(case.memory.objects.all(), [keys::hold(STATE)], "the note is for the build to replace");
        assert_eq!(case.take_over().await.expect("asked again"), told, "asking twice changes nothing");
    }

    #[tokio::test]
    async fn a_lock_of_somebody_else_stays() {
        let case = Case::new(Some(NOTE), Some("ann@laptop"), BuildState::Over).await;
        case.take_over().await.expect("the note can be replaced");
        assert_eq!(case.memory.objects.all().len(), 2);
    }

    #[tokio::test]
    async fn nothing_goes_while_the_holder_may_be_alive() {
        for build in [BuildState::Running, BuildState::Unknown] {
            let case = Case::new(Some(NOTE), Some("root@a1"), build).await;
            let error = case.take_over().await.expect_err("held");
            assert_eq!(error.name(), "StateHeld");
            let text = error.to_string();
            assert!(text.contains("p:1") && text.contains("s3://memory/clusters/c/g1"), "{text}");
            assert_eq!(case.memory.objects.all().len(), 2);
        }
    }

    #[tokio::test]
    async fn only_the_version_that_was_read_is_removed() {
        let case = Case::new(None, Some("root@a1"), BuildState::Over).await;
        let objects = case.memory.objects.as_ref();
        let (_, old) = objects.get_version(&keys::lock(STATE)).await.expect("read").expect("there");
        case.put(&keys::lock(STATE), r#"{"ID":"2","Who":"root@a1"}"#).await;
        assert!(!objects.delete_version(&keys::lock(STATE), &old).await.expect("tried"));
        assert_eq!(objects.all().len(), 1);
    }
}
