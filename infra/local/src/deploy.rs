//! Deploys the real template into the emulator, as one would deploy it to AWS.

use crate::aws::{Aws, elements};
use crate::install::binaries::Binaries;
use crate::{Error, paths};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{self, Cursor, Write};
use std::path::Path;
use std::time::{Duration, Instant};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

const BUCKET: &str = "ondemand-eks-code";
const PREFIX: &str = "local";
/// The stack's name.
pub(crate) const STACK: &str = "ondemand-eks";
/// Far more than it takes, on a slow and busy machine too.
const PATIENCE: Duration = Duration::from_secs(300);

/// What differs from a deployment to AWS.
pub(crate) struct Settings<'a> {
    /// Where pods reach the API.
    pub(crate) public_url: &'a str,
    pub(crate) min_keepalive_seconds: u64,
}

/// Uploads all artifacts, creates the stack and returns its outputs.
pub(crate) async fn deploy(
    aws: &Aws,
    binaries: &Binaries,
    settings: Settings<'_>,
) -> Result<BTreeMap<String, String>, Error> {
    let checkout = paths::checkout();
    aws.create_bucket(BUCKET).await?;
    for (function, program) in &binaries.functions {
        let program = read(program)?;
        // Not compressed: it travels over the loopback interface only.
        let archive = zipped(&[("bootstrap".to_owned(), program)]).map_err(zipping)?;
        aws.put_object(BUCKET, &format!("{PREFIX}/{function}.zip"), archive).await?;
    }
    for machine in ["cluster", "flow-run"] {
        let name = format!("{machine}.asl.json");
        let definition = read(&checkout.join("statemachines").join(&name))?;
        aws.put_object(BUCKET, &format!("{PREFIX}/{name}"), definition).await?;
    }
    let source = zipped(&build_source(&checkout)?).map_err(zipping)?;
    aws.put_object(BUCKET, &format!("{PREFIX}/build-source.zip"), source).await?;

    let template = String::from_utf8_lossy(&read(&checkout.join("infra/template.yaml"))?).into_owned();
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    let parameters = [
        ("CodeBucket", BUCKET),
        ("CodePrefix", PREFIX),
        ("Architecture", architecture),
        ("PublicUrl", settings.public_url),
        ("MinKeepaliveSeconds", &settings.min_keepalive_seconds.to_string()),
        ("CredentialsFiles", "file"),
        ("S3ForcePathStyle", "true"),
        ("BackendFlags", "-backend-config=use_path_style=true"),
    ];
    let mut fields = vec![("StackName".to_owned(), STACK.to_owned()), ("TemplateBody".to_owned(), template)];
    for (index, capability) in ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"].iter().enumerate() {
        fields.push((format!("Capabilities.member.{}", index + 1), (*capability).to_owned()));
    }
    for (index, (key, value)) in parameters.iter().enumerate() {
        let member = format!("Parameters.member.{}", index + 1);
        fields.push((format!("{member}.ParameterKey"), (*key).to_owned()));
        fields.push((format!("{member}.ParameterValue"), (*value).to_owned()));
    }
    aws.query("CreateStack", &fields).await?;
    outputs(aws).await
}

/// Waits for the stack and reads its outputs.
async fn outputs(aws: &Aws) -> Result<BTreeMap<String, String>, Error> {
    let stack = [("StackName".to_owned(), STACK.to_owned())];
    let started = Instant::now();
    let described = loop {
        let described = aws.query("DescribeStacks", &stack).await?;
        let status = elements(&described, "StackStatus").first().copied().unwrap_or("unknown").to_owned();
        if status == "CREATE_COMPLETE" {
            break described;
        }
        if !status.ends_with("IN_PROGRESS") {
            let events = aws.query("DescribeStackEvents", &stack).await?;
            let reasons = elements(&events, "ResourceStatusReason").join("\n");
            return Err(Error::Deploy { status, reasons });
        }
        if started.elapsed() > PATIENCE {
            let what = "the deployment of infra/template.yaml".to_owned();
            return Err(Error::TooLong { what, seconds: PATIENCE.as_secs(), hint: format!(": it is {status}") });
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let keys = elements(&described, "OutputKey");
    let values = elements(&described, "OutputValue");
    Ok(keys.into_iter().map(str::to_owned).zip(values.into_iter().map(str::to_owned)).collect())
}

/// Makes a key known to the API: as everywhere, only its hash is stored.
pub(crate) async fn allow_key(aws: &Aws, table: &str, api_key: &str) -> Result<(), Error> {
    let hash: String = Sha256::digest(api_key.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let body = json!({"made_for": "local mode"}).to_string();
    let item = json!({"pk": {"S": "api-key"}, "sk": {"S": hash}, "v": {"N": "1"}, "body": {"S": body}});
    let request = json!({"TableName": table, "Item": item});
    aws.json("dynamodb", "DynamoDB_20120810.PutItem", &request).await.map(drop)
}

/// What CodeBuild gets: the module, the buildspec and its scripts.
fn build_source(checkout: &Path) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let mut files = vec![("infra/buildspec.yml".to_owned(), read(&checkout.join("infra/buildspec.yml"))?)];
    for folder in ["terraform", "infra/build"] {
        let path = checkout.join(folder);
        let failed = |source| Error::Files { attempt: format!("read {}", path.display()), source };
        for entry in std::fs::read_dir(&path).map_err(failed)? {
            let entry = entry.map_err(failed)?.path();
            let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
            // What terraform leaves behind when somebody tries the module begins with a dot.
            if entry.is_file() && !name.starts_with('.') {
                files.push((format!("{folder}/{name}"), read(&entry)?));
            }
        }
    }
    files.sort();
    Ok(files)
}

fn zipped(files: &[(String, Vec<u8>)]) -> Result<Vec<u8>, io::Error> {
    let mut archive = ZipWriter::new(Cursor::new(vec![]));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).unix_permissions(0o755);
    for (name, bytes) in files {
        archive.start_file(name.as_str(), options)?;
        archive.write_all(bytes)?;
    }
    Ok(archive.finish()?.into_inner())
}

fn zipping(source: io::Error) -> Error {
    Error::Files { attempt: "make an archive".to_owned(), source }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::Files { attempt: format!("read {}", path.display()), source })
}
