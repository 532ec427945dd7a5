//! Credentials that expire, or are refused for a moment, while a run is under way.

use super::*;
use domain::failure::FailureClass;
use domain::run::{LONGEST_LOCKED_OUT, OperatorStatus, RunStatus};
use runtime::access::Sealed;
use runtime::keys;

impl Fixture {
    /// Neither AWS nor Kubernetes accepts this key any more.
    fn expires(&self, access_key_id: &str) {
        *self.kubernetes.refused.lock().expect("not poisoned") = Some(access_key_id.to_owned());
        self.eks.fail(Some(PortErrorKind::Denied));
    }

    fn lets_in(&self) {
        *self.kubernetes.refused.lock().expect("not poisoned") = None;
        self.eks.fail(None);
    }
}

fn success() -> Value {
    json!({"status": "succeeded", "outputs": [], "system_metadata": {}})
}

#[tokio::test]
async fn a_run_goes_on_while_nobody_is_let_in_and_catches_up_afterwards() {
    let fixture = Fixture::granted(Limits::default()).await;
    assert_eq!(fixture.begins(1, "pod-1").await.0, 200);
    let before = fixture.memory.machines.log().succeeded.len();
    fixture.expires("AKIA1");
    fixture.later(20);
    fixture.advances().await;
    let run = fixture.run().await;
    let locked_out = run.locked_out.expect("why");
    assert_eq!((run.status, locked_out.since), (RunStatus::Running, fixture.function.world.now()));
    assert_eq!(locked_out.failure.class, FailureClass::Credentials);
    assert_eq!(fixture.memory.machines.log().succeeded.len(), before, "the machine looks again when its time comes");

    // The pod has nothing to do with these credentials.
    assert_eq!(fixture.reports(1, success()).await, (200, json!({})));
    assert_eq!(fixture.state(FIRST).await.status, OperatorStatus::Succeeded);
    assert_eq!(fixture.state(SECOND).await.status, OperatorStatus::Scheduled);
    fixture.later(3600);
    fixture.advances().await;
    assert_eq!(fixture.run().await.locked_out.expect("why").since, locked_out.since);
    assert_eq!(fixture.kubernetes.inner.log().started, [(RUN, FIRST, 1)]);

    fixture.lets_in();
    fixture.advances().await;
    assert_eq!(fixture.kubernetes.inner.log().started, [(RUN, FIRST, 1), (RUN, SECOND, 1)]);
    assert_eq!(fixture.run().await.locked_out, None);
    assert!(fixture.kubernetes.inner.log().deleted.is_empty(), "nothing was torn down");
    let kinds: Vec<_> = fixture.function.world.events(&RUN.to_string()).await.expect("events");
    let kinds: Vec<_> = kinds.iter().map(|event| event.kind.as_str()).filter(|kind| kind.contains('_')).collect();
    assert!(kinds.ends_with(&["locked_out", "operator_succeeded", "let_in"]), "{kinds:?}");
}

#[tokio::test]
async fn a_refusal_is_told_as_soon_as_a_pod_reports() {
    let fixture = Fixture::granted(Limits::default()).await;
    assert_eq!(fixture.begins(1, "pod-1").await.0, 200);
    fixture.expires("AKIA1");
    assert_eq!(fixture.reports(1, success()).await, (200, json!({})));
    assert_eq!(fixture.state(FIRST).await.status, OperatorStatus::Succeeded);
    assert!(fixture.run().await.locked_out.is_some(), "its successor cannot be started");
}

#[tokio::test]
async fn renewed_credentials_take_effect_at_the_next_look() {
    let fixture = Fixture::granted(Limits::default()).await;
    *fixture.kubernetes.refused.lock().expect("not poisoned") = Some("AKIA1".to_owned());
    fixture.advances().await;
    assert!(fixture.run().await.locked_out.is_some());

    let (access_key_id, secret_access_key) = ("AKIA2".to_owned(), Secret::new("hush"));
    let key = AccessKey { access_key_id, secret_access_key, session_token: None };
    let renewed = CredentialsInput::AccessKey { key, region: "us-east-1".to_owned() };
    let (sealed, _) = Sealed::seal(&renewed, None).expect("sealed");
    let secret = Secret::new(serde_json::to_string(&sealed).expect("serialises"));
    let name = keys::credentials(IntegrationId(Uuid::from_u128(0xa)));
    fixture.memory.vault.put(&name, &secret).await.expect("stored");
    fixture.advances().await;
    assert_eq!(fixture.run().await.locked_out, None, "the old ones are not remembered");
}

#[tokio::test]
async fn a_run_that_nobody_is_let_in_to_is_given_up_after_a_day_and_leaves_no_lease() {
    let fixture = Fixture::granted(Limits::default()).await;
    assert_eq!(fixture.begins(1, "pod-1").await.0, 200);
    fixture.expires("AKIA1");
    fixture.advances().await;
    fixture.later(LONGEST_LOCKED_OUT.as_secs().unsigned_abs() + 1);
    fixture.advances().await;
    let run = fixture.run().await;
    assert_eq!(run.status, RunStatus::Failed);
    assert!(run.error.is_some_and(|error| error.message.contains("for 24 hours")));
    let last = fixture.memory.machines.log().succeeded.last().cloned();
    assert_eq!(last, Some(("advance".to_owned(), json!({"status": "finished"}))));
    fixture.finishes().await;
    assert_eq!(fixture.cluster().await.phase.runs().count(), 0);
    assert_eq!(fixture.function.world.open_runs().await.expect("a list"), [RUN], "its Jobs are still to be deleted");
}

#[tokio::test]
async fn a_run_can_be_canceled_though_nobody_is_let_in() {
    let fixture = Fixture::granted(Limits::default()).await;
    fixture.expires("AKIA1");
    fixture.advances().await;
    assert!(fixture.cancels().await);
    fixture.finishes().await;
    assert_eq!(fixture.cluster().await.phase.runs().count(), 0, "it needs no lease any more");
    assert_eq!(fixture.function.world.open_runs().await.expect("a list"), [RUN]);
    fixture.lets_in();
    fixture.finishes().await;
    assert_eq!(fixture.kubernetes.inner.log().deleted, [RUN]);
    assert_eq!(fixture.function.world.open_runs().await.expect("a list"), []);
}
