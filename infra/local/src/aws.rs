//! The few AWS calls that deploying takes, over plain HTTP: linking five SDK crates for them would double our build.

use crate::Error;
use crate::http::{client, encode};
use reqwest::{RequestBuilder, Response};
use serde_json::Value;

/// The region that everything local is in.
pub(crate) const REGION: &str = "us-east-1";

/// The emulator's API. It reads the account and the service from a signature's scope, and checks no signature.
pub(crate) struct Aws {
    url: String,
    client: reqwest::Client,
}

impl Aws {
    pub(crate) fn at(url: &str) -> Self {
        Self { url: url.to_owned(), client: client() }
    }

    /// Makes a bucket.
    pub(crate) async fn create_bucket(&self, bucket: &str) -> Result<(), Error> {
        let request = self.client.put(format!("{}/{bucket}", self.url));
        self.send("s3", request, format!("make the bucket {bucket}")).await.map(drop)
    }

    /// Stores an object.
    pub(crate) async fn put_object(&self, bucket: &str, key: &str, bytes: Vec<u8>) -> Result<(), Error> {
        let request = self.client.put(format!("{}/{bucket}/{key}", self.url)).body(bytes);
        self.send("s3", request, format!("store {key} in the bucket {bucket}")).await.map(drop)
    }

    /// Reads an object; none if there is none.
    pub(crate) async fn get_object(&self, bucket: &str, key: &str) -> Result<Option<Vec<u8>>, Error> {
        let attempt = format!("read {key} of the bucket {bucket}");
        let request = self.client.get(format!("{}/{bucket}/{key}", self.url));
        match self.send("s3", request, attempt.clone()).await {
            Ok(response) => {
                let bytes = response.bytes().await.map_err(|source| Error::Http { attempt, source })?;
                Ok(Some(bytes.to_vec()))
            }
            Err(Error::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes an object; removing what is not there is no error.
    pub(crate) async fn delete_object(&self, bucket: &str, key: &str) -> Result<(), Error> {
        let request = self.client.delete(format!("{}/{bucket}/{key}", self.url));
        self.send("s3", request, format!("remove {key} from the bucket {bucket}")).await.map(drop)
    }

    /// A call in the style of CloudFormation: a form in, XML out.
    pub(crate) async fn query(&self, action: &str, fields: &[(String, String)]) -> Result<String, Error> {
        let mut form = format!("Action={action}&Version=2010-05-15");
        for (name, value) in fields {
            form.push_str(&format!("&{}={}", encode(name), encode(value)));
        }
        let attempt = format!("call CloudFormation's {action}");
        let request = self.client.post(format!("{}/", self.url)).body(form);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let response = self.send("cloudformation", request, attempt.clone()).await?;
        response.text().await.map_err(|source| Error::Http { attempt, source })
    }

    /// A call in the style of DynamoDB: JSON in, JSON out.
    pub(crate) async fn json(&self, service: &str, target: &str, body: &Value) -> Result<Value, Error> {
        let attempt = format!("call {target}");
        let request = self.client.post(format!("{}/", self.url)).header("x-amz-target", target);
        let request = request.header("content-type", "application/x-amz-json-1.0").body(body.to_string());
        let response = self.send(service, request, attempt.clone()).await?;
        response.json().await.map_err(|source| Error::Http { attempt, source })
    }

    async fn send(&self, service: &str, request: RequestBuilder, attempt: String) -> Result<Response, Error> {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=000000000000/20260101/{REGION}/{service}/aws4_request, \
             SignedHeaders=host, Signature=0"
        );
        let sent = request.header("authorization", authorization).send().await;
        let response = match sent {
            Ok(response) => response,
            Err(source) => return Err(Error::Http { attempt, source }),
        };
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = response.text().await.unwrap_or_default();
        Err(Error::Refused { attempt, status: status.as_u16(), body })
    }
}

/// The texts of all elements of a name in an XML document, in order.
pub(crate) fn elements<'a>(xml: &'a str, name: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    xml.split(open.as_str()).skip(1).filter_map(|rest| Some(rest.split_once(close.as_str())?.0.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::elements;

    #[test]
    fn elements_are_found_in_order() {
        let xml = "<a><Key>one</Key><b> <Key>two</Key></b><Keys>no</Keys></a>";
        assert_eq!(elements(xml, "Key"), ["one", "two"]);
        assert_eq!(elements(xml, "Nothing"), Vec::<&str>::new());
    }
}
