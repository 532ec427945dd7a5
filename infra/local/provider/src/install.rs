//! Lays out what makes Terraform take this binary for hashicorp/aws: a filesystem mirror and a CLI configuration.

use std::{env, fs, io, path::Path};

/// The release whose schema `schema/derive_schema.py` derives.
const VERSION: &str = "6.25.0";

/// Writes `folder/mirror/…` and `folder/terraform.rc`; `TF_CLI_CONFIG_FILE` is to name the latter.
pub fn install(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mirror = folder.canonicalize()?.join("mirror");
    let platform = format!("{}_{}", go_name(env::consts::OS), go_name(env::consts::ARCH));
    let place = mirror.join("registry.terraform.io/hashicorp/aws").join(VERSION).join(platform);
    fs::create_dir_all(&place)?;
    let binary = place.join(format!("terraform-provider-aws_v{VERSION}"));
    match fs::remove_file(&binary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let this = env::current_exe()?;
    // A link saves copying a large debug binary; it is not possible between file systems.
    if fs::hard_link(&this, &binary).is_err() {
        fs::copy(&this, &binary)?;
    }
    let path = serde_json::Value::from(mirror.to_string_lossy());
    let config = format!(
        "disable_checkpoint = true\n\nprovider_installation {{\n  filesystem_mirror {{\n    path = {path}\n  }}\n}}\n"
    );
    fs::write(folder.join("terraform.rc"), config)
}

/// How Go, and with it Terraform, names this platform.
fn go_name(rust_name: &str) -> &str {
    match rust_name {
        "macos" => "darwin",
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
