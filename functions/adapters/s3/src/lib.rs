//! The store of contents on S3: one bucket, keys are paths.

use adapter_sdk::{Sdk, failed};
use async_trait::async_trait;
use aws_sdk_s3::config::Builder;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use aws_sdk_s3::{Client, error::BuildError};
use runtime::PortError;
use runtime::error::PortErrorKind;
use runtime::ports::{Objects, Result};
use std::time::Duration;

/// The store of contents.
pub struct S3Objects {
    client: Client,
    bucket: String,
}

impl S3Objects {
    /// The store in a bucket. `path_style` puts the bucket into the path instead of the host's name, for servers that
    /// have no name for each bucket.
    #[must_use]
    pub fn new(sdk: &Sdk, bucket: impl Into<String>, path_style: bool) -> Self {
        let config = Builder::from(sdk.config()).force_path_style(path_style).build();
        Self { client: Client::from_conf(config), bucket: bucket.into() }
    }

    fn about(&self, verb: &str, key: &str) -> String {
        format!("{verb} object {key} of bucket {}", self.bucket)
    }
}

#[async_trait]
impl Objects for S3Objects {
    async fn put(&self, key: &str, bytes: Vec<u8>, content_type: &str) -> Result<()> {
        let put = self.client.put_object().bucket(&self.bucket).key(key).content_type(content_type);
        put.body(ByteStream::from(bytes)).send().await.map(drop).map_err(failed(self.about("put", key)))
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.get_version(key).await?.map(|(bytes, _)| bytes))
    }

    async fn get_version(&self, key: &str) -> Result<Option<(Vec<u8>, String)>> {
        let attempted = || self.about("get", key);
        let object = match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Err(error) if error.as_service_error().is_some_and(|e| e.is_no_such_key()) => return Ok(None),
            found => found.map_err(failed(attempted()))?,
        };
        let version = object.e_tag().unwrap_or_default().to_owned();
        let body = object
            .body
            .collect()
            .await
            .map_err(|error| PortError::new(PortErrorKind::Transient, attempted(), adapter_sdk::chain(&error)))?;
        Ok(Some((body.to_vec(), version)))
    }

    async fn delete_version(&self, key: &str, version: &str) -> Result<bool> {
        let delete = self.client.delete_object().bucket(&self.bucket).key(key).if_match(version);
        match delete.send().await {
            Ok(_) => Ok(true),
            // 412 if it has another version, 404 if it is gone, 409 if it is being changed at this moment.
            Err(error) if error.raw_response().is_some_and(|r| [404, 409, 412].contains(&r.status().as_u16())) => {
                Ok(false)
            }
            Err(error) => Err(failed(self.about("delete", key))(error)),
        }
    }

    async fn copy(&self, from: &str, to: &str) -> Result<()> {
        // Keys are made of ids and fixed words, none of which would have to be escaped here.
        let copy = self.client.copy_object().copy_source(format!("{}/{from}", self.bucket));
        copy.bucket(&self.bucket).key(to).send().await.map(drop).map_err(failed(self.about("copy", from)))
    }

    async fn size(&self, key: &str) -> Result<Option<u64>> {
        match self.client.head_object().bucket(&self.bucket).key(key).send().await {
            Ok(object) => Ok(Some(object.content_length().and_then(|size| size.try_into().ok()).unwrap_or_default())),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_not_found()) => Ok(None),
            Err(error) => Err(failed(self.about("look at", key))(error)),
        }
    }

    async fn presign_get(&self, key: &str, valid_for: Duration) -> Result<String> {
        let attempted = self.about("presign reading", key);
        let request = self.client.get_object().bucket(&self.bucket).key(key);
        let signed = request.presigned(validity(valid_for, &attempted)?).await.map_err(failed(attempted))?;
        Ok(signed.uri().to_owned())
    }

    async fn presign_put(&self, key: &str, valid_for: Duration) -> Result<String> {
        let attempted = self.about("presign writing", key);
        let request = self.client.put_object().bucket(&self.bucket).key(key);
        let signed = request.presigned(validity(valid_for, &attempted)?).await.map_err(failed(attempted))?;
        Ok(signed.uri().to_owned())
    }

    async fn delete_all(&self, prefix: &str) -> Result<()> {
        let attempted = || format!("delete objects {prefix}* of bucket {}", self.bucket);
        let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix);
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(failed(attempted()))?;
            let keys = page.contents().iter().filter_map(|object| object.key());
            let batch = batch(keys).map_err(|error| other(attempted(), error.to_string()))?;
            if batch.objects().is_empty() {
                continue;
            }
            let request = self.client.delete_objects().bucket(&self.bucket).delete(batch);
            let deleted = request.send().await.map_err(failed(attempted()))?;
            if let Some(error) = deleted.errors().first() {
                return Err(not_deleted(attempted(), error));
            }
        }
        Ok(())
    }

    fn address(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }

    fn bucket(&self) -> &str {
        &self.bucket
    }
}

fn batch<'a>(keys: impl Iterator<Item = &'a str>) -> std::result::Result<Delete, BuildError> {
    let objects =
        keys.map(|key| ObjectIdentifier::builder().key(key).build()).collect::<std::result::Result<_, _>>()?;
    Delete::builder().set_objects(Some(objects)).quiet(true).build()
}

/// One object of many: its code is all that tells whether trying again may help.
fn not_deleted(attempted: String, error: &aws_sdk_s3::types::Error) -> PortError {
    let kind = match error.code() {
        Some("InternalError") => PortErrorKind::Transient,
        code => adapter_sdk::kind_of(code, None),
    };
    let words = [error.key(), error.code(), error.message()];
    PortError::new(kind, attempted, words.into_iter().flatten().collect::<Vec<_>>().join(": "))
}

fn validity(valid_for: Duration, attempted: &str) -> Result<PresigningConfig> {
    PresigningConfig::expires_in(valid_for).map_err(|error| other(attempted, error.to_string()))
}

fn other(attempted: impl Into<String>, detail: String) -> PortError {
    PortError::new(PortErrorKind::Other, attempted, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects() -> S3Objects {
        let variables = [
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "AKIA1"),
            ("AWS_SECRET_ACCESS_KEY", "hush"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"),
        ];
        let sdk = Sdk::new(variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
        S3Objects::new(&sdk.expect("complete"), "data", true)
    }

    #[tokio::test]
    async fn a_presigned_address_asks_nothing_of_its_user_but_the_address() {
        let url = objects().presign_put("runs/1/content", Duration::from_secs(600)).await.expect("signed");
        assert!(url.starts_with("http://127.0.0.1:4566/data/runs/1/content?"), "{url}");
        assert!(url.contains("X-Amz-Expires=600") && url.contains("X-Amz-SignedHeaders=host&"), "{url}");
        assert!(!url.contains("checksum") && !url.contains("hush"), "{url}");
    }

    #[test]
    fn an_object_that_was_not_deleted_is_named_with_the_kind_of_failure() {
        let kind = |code: &str| {
            let error = aws_sdk_s3::types::Error::builder().key("runs/1/log").code(code).message("later").build();
            let error = not_deleted("delete".to_owned(), &error);
            assert_eq!(error.detail, format!("runs/1/log: {code}: later"));
            error.kind
        };
        assert_eq!(kind("SlowDown"), PortErrorKind::Transient);
        assert_eq!(kind("InternalError"), PortErrorKind::Transient);
        assert_eq!(kind("AccessDenied"), PortErrorKind::Denied);
        assert_eq!(kind("MalformedXML"), PortErrorKind::Other);
    }

    #[tokio::test]
    async fn a_validity_of_more_than_a_week_is_refused() {
        let error = objects().presign_get("k", Duration::from_secs(8 * 24 * 3600)).await.expect_err("too long");
        assert_eq!(error.kind, PortErrorKind::Other);
    }
}
