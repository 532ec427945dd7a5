//! EKS' bearer token: proof of who we are in AWS, without a call to AWS.
//!
//! It is an STS request "who am I?", signed but not sent. The cluster sends it, and believes STS' answer. The signed
//! header binds it to one cluster, so that nobody can pass it on to another.

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign as sign_request,
};
use aws_sigv4::sign::v4;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use domain::integration::AccessKey;
use std::error::Error;
use std::time::{Duration, SystemTime};

const PREFIX: &str = "k8s-aws-v1.";
const CLUSTER_HEADER: &str = "x-k8s-aws-id";
/// EKS itself accepts a token for 15 minutes after its time, whatever this says.
const VALID_FOR: Duration = Duration::from_secs(60);

/// Signs a token for a cluster.
pub(crate) fn sign(
    cluster: &str,
    region: &str,
    key: &AccessKey,
    now: SystemTime,
) -> Result<String, Box<dyn Error + Send + Sync>> {
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let url = format!("https://sts.{region}.{domain}/?Action=GetCallerIdentity&Version=2011-06-15");
    let identity = Credentials::new(
        &key.access_key_id,
        key.secret_access_key.expose(),
        key.session_token.as_ref().map(|token| token.expose().to_owned()),
        None,
        "integration",
    )
    .into();
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(VALID_FOR);
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("sts")
        .time(now)
        .settings(settings)
        .build()?
        .into();
    let headers = [(CLUSTER_HEADER, cluster)].into_iter();
    let request = SignableRequest::new("GET", &url, headers, SignableBody::empty())?;
    let (instructions, _) = sign_request(request, &params)?.into_parts();
    let mut signed = http::Request::get(&url).body(())?;
    instructions.apply_to_request_http1x(&mut signed);
    Ok(format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(signed.uri().to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Secret;

    fn url(session_token: Option<&str>) -> String {
        let key = AccessKey {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            session_token: session_token.map(Secret::new),
        };
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let token = sign("ondemand-1f1e0abd-g1", "us-east-2", &key, now).expect("signed");
        let encoded = token.strip_prefix("k8s-aws-v1.").expect("prefix");
        String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(encoded).expect("base64")).expect("text")
    }

    #[test]
    fn a_token_is_a_presigned_sts_request_bound_to_the_cluster() {
        let expected = "https://sts.us-east-2.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15\
            &X-Amz-Algorithm=AWS4-HMAC-SHA256\
            &X-Amz-Credential=AKIDEXAMPLE%2F20270115%2Fus-east-2%2Fsts%2Faws4_request\
            &X-Amz-Date=20270115T080000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host%3Bx-k8s-aws-id\
            &X-Amz-Signature=d3ba3a11a6f0806a336ded73f1d087de78f2b50c5ec0a6daad3659db470c0653";
        assert_eq!(url(None), expected);
    }

    #[test]
    fn a_session_token_is_part_of_the_request() {
        assert!(url(Some("IQoJ+/=")).contains("X-Amz-Security-Token=IQoJ%2B%2F%3D"));
    }
}
