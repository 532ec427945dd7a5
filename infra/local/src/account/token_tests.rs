use super::*;
use std::time::SystemTime;

const CLUSTER: &str = "ondemand-1f1e0abd-g1";

fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn credentials() -> HashMap<String, String> {
    HashMap::from([("AKIALOCAL".into(), "local secret".into())])
}

/// A token as an independent implementation, the AWS SDK's own signer, makes it.
fn signed(cluster: &str, secret: &str, expires: u64, at: Timestamp) -> String {
    super::super::testing::eks_token("AKIALOCAL", secret, cluster, expires, SystemTime::from(at))
}

/// `token` with one part of its URL replaced.
fn tampered(token: &str, from: &str, to: &str) -> String {
    let url = String::from_utf8(URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX).unwrap()).unwrap()).unwrap();
    assert!(url.contains(from), "{from} is not in {url}");
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(url.replacen(from, to, 1)))
}

fn check(token: &str) -> Result<String, Refused> {
    verify(token, CLUSTER, &credentials(), now())
}

#[test]
fn a_token_signed_for_this_cluster_names_its_key() {
    assert_eq!(check(&signed(CLUSTER, "local secret", 60, now())), Ok("AKIALOCAL".into()));
}

#[test]
fn another_cluster_another_secret_and_a_changed_signature_are_refused() {
    let refused = Err(Refused::Signature(CLUSTER.into()));
    assert_eq!(check(&signed("ondemand-1f1e0abd-g2", "local secret", 60, now())), refused);
    assert_eq!(check(&signed(CLUSTER, "another secret", 60, now())), refused);
    let token = signed(CLUSTER, "local secret", 60, now());
    assert_eq!(check(&tampered(&token, "X-Amz-Signature=", "X-Amz-Signature=0")), refused);
    assert_eq!(check(&tampered(&token, "X-Amz-Expires=60", "X-Amz-Expires=61")), refused);
}

#[test]
fn an_unknown_key_is_refused_by_name() {
    let token = signed(CLUSTER, "local secret", 60, now());
    assert_eq!(verify(&token, CLUSTER, &HashMap::new(), now()), Err(Refused::UnknownKey("AKIALOCAL".into())));
}

#[test]
fn time_is_checked() {
    let minute = SignedDuration::from_mins(1);
    let hour = SignedDuration::from_hours(1);
    assert_eq!(check(&signed(CLUSTER, "local secret", 60, now() - minute)), Ok("AKIALOCAL".into()));
    assert_eq!(check(&signed(CLUSTER, "local secret", 60, now() - hour)), Err(Refused::Expired(now() - hour + minute)));
    assert_eq!(check(&signed(CLUSTER, "local secret", 60, now() + hour)), Err(Refused::Future(now() + hour)));
    assert_eq!(check(&signed(CLUSTER, "local secret", 901, now())), Err(Refused::Expiry(901)));
}

#[test]
fn only_a_presigned_identity_request_to_sts_that_signs_the_cluster_will_do() {
    let token = signed(CLUSTER, "local secret", 60, now());
    assert_eq!(check("k8s-aws-v2.abc"), Err(Refused::Prefix));
    assert_eq!(check("k8s-aws-v1.%%%"), Err(Refused::Encoding));
    assert_eq!(
        check(&tampered(&token, "https://", "http://")),
        Err(Refused::Host("sts.us-east-1.amazonaws.com".into()))
    );
    assert_eq!(
        check(&tampered(&token, "amazonaws.com/", "example.com/")),
        Err(Refused::Host("sts.us-east-1.example.com".into()))
    );
    assert_eq!(check(&tampered(&token, "GetCallerIdentity", "GetSessionToken")), Err(Refused::Action));
    assert_eq!(
        check(&tampered(&token, "%3Bx-k8s-aws-id", "")),
        Err(Refused::SignedHeaders(CLUSTER_HEADER, "host".into()))
    );
    assert_eq!(check(&tampered(&token, "X-Amz-Date=", "X-Amz-Day=")), Err(Refused::Missing("X-Amz-Date")));
    assert_eq!(
        check(&tampered(&token, "X-Amz-Date=", "X-Amz-Date=x&X-Amz-Date=")),
        Err(Refused::Missing("X-Amz-Date"))
    );
}

#[test]
fn a_review_tells_why_a_token_was_refused_and_who_signed_it() {
    let refused = review(Err(Refused::Prefix));
    assert_eq!(refused["status"]["authenticated"], false);
    assert!(refused["status"]["error"].as_str().unwrap().contains("k8s-aws-v1."));
    let accepted = review(Ok("AKIALOCAL".into()));
    assert_eq!(accepted["status"]["user"]["groups"][0], "system:masters");
}
