//! Where attempts write, and where others read what they wrote.

use super::*;
use runtime::ports::Expect;
use runtime::{keys, records};

async fn manifest(fixture: &Fixture, operator: OperatorId, attempt: u32) -> Value {
    let (status, manifest) = fixture.pod_of_asks(operator, attempt, "GET", "manifest", json!(null)).await;
    assert_eq!(status, 200, "{manifest}");
    manifest
}

/// Whether an address leads to an object.
fn leads_to(url: &Value, key: &str) -> bool {
    let url = url.as_str().unwrap_or_default();
    url.split('?').next().is_some_and(|path| path.ends_with(key))
}

#[tokio::test]
async fn a_late_attempt_writes_where_nobody_reads() {
    let fixture = Fixture::granted(Limits::default()).await;
    let value = ArtifactId(Uuid::from_u128(11));
    let early = manifest(&fixture, FIRST, 1).await;
    let lost =
        json!({"status": "failed", "failure_type": 1, "cause": "transport", "error": {"tip": "", "context": ""}});
    assert_eq!(fixture.reports(1, lost).await.0, 200);
    let late = manifest(&fixture, FIRST, 2).await;
    for (manifest, attempt) in [(&early, 1), (&late, 2)] {
        let output = &manifest["outputs"][0];
        assert!(leads_to(&output["content_url"], &keys::content(RUN, value, attempt)), "{output}");
        assert!(leads_to(&output["metadata_url"], &keys::metadata(RUN, value, attempt)), "{output}");
        assert!(leads_to(&manifest["logs_url"], &keys::logs(RUN, FIRST, attempt)), "{manifest}");
    }
    assert_eq!(fixture.begins(2, "pod-2").await.0, 200);
    let done = json!({"status": "succeeded", "outputs": [], "system_metadata": {}});
    assert_eq!(fixture.reports(2, done).await.0, 200);
    let input = &manifest(&fixture, SECOND, 1).await["inputs"][0];
    assert!(leads_to(&input["content_url"], &keys::content(RUN, value, 2)), "{input}");
    assert!(leads_to(&input["metadata_url"], &keys::metadata(RUN, value, 2)), "{input}");
}

#[tokio::test]
async fn an_attempt_that_began_before_they_had_objects_of_their_own_ends_with_the_shared_ones() {
    let fixture = Fixture::granted(Limits::default()).await;
    let mut old = serde_json::to_value(fixture.run().await).expect("serialises");
    for state in old["operators"].as_object_mut().expect("operators").values_mut() {
        state.as_object_mut().expect("a state").remove("stored_as");
    }
    let old: Run = serde_json::from_value(old).expect("deserialises");
    let key = runtime::ports::Key::new("run", RUN.to_string());
    let write = records::put(key, &old, Expect::Anything).expect("a write");
    fixture.function.world.store.commit(vec![write]).await.expect("stored");

    let value = ArtifactId(Uuid::from_u128(11));
    let output = &manifest(&fixture, FIRST, 1).await["outputs"][0];
    let shared = format!("runs/{RUN}/artifacts/{value}/content");
    assert!(leads_to(&output["content_url"], &shared), "{output}");
    assert_eq!(fixture.begins(1, "pod-1").await.0, 200);
    let done = json!({"status": "succeeded", "outputs": [], "system_metadata": {}});
    assert_eq!(fixture.reports(1, done).await.0, 200);
    let input = &manifest(&fixture, SECOND, 1).await["inputs"][0];
    assert!(leads_to(&input["content_url"], &shared), "{input}");
    let own = &manifest(&fixture, SECOND, 1).await["outputs"][0];
    assert!(leads_to(&own["content_url"], &keys::content(RUN, ArtifactId(Uuid::from_u128(12)), 1)), "{own}");
}
