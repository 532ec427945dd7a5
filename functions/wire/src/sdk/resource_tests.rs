use super::*;
use domain::cluster::Command;
use domain::integration::CredentialsKind;

/// What version 0.3.6 sends for the documented snippet.
const RECORDED: &str = r#"{"access_key_id": "", "secret_access_key": "", "region": "",
    "config_file_path": "~/.aws/credentials", "config_file_profile": "default",
    "k8s_serialized": "{\"keepalive\": \"1800\", \"max_cpu_node\": \"10\"}"}"#;

#[test]
fn a_recorded_connection_is_understood() {
    let registering = connect("aws", "AWS", RECORDED, Limits::default()).expect("understood");
    assert_eq!((registering.name.as_str(), registering.credentials.kind()), ("aws", CredentialsKind::CredentialsFile));
    let settings = domain::settings::Settings::default().merged(&registering.settings).expect("fits");
    assert_eq!((settings.keepalive, settings.max_cpu_node, settings.min_cpu_node), (1800, 10, 1));
}

#[test]
fn settings_may_be_absent_or_empty() {
    for k8s in ["null", "\"\"", "\"{}\""] {
        let config = format!(r#"{{"config_file_path": "f", "config_file_profile": "p", "k8s_serialized": {k8s}}}"#);
        let registering = connect("aws", "AWS", &config, Limits::default()).expect("understood");
        assert!(registering.settings.is_empty(), "{k8s}");
    }
}

#[test]
fn what_cannot_be_read_is_not_repeated() {
    for config in ["\"hush\"", "{\"secret_access_key\": hush}", "{\"k8s_serialized\": \"hush\"}", "[\"hush\"]"] {
        let error = connect("aws", "AWS", config, Limits::default()).expect_err("refused").to_string();
        assert!(error.contains("cannot be read") && !error.contains("hush"), "{error}");
    }
}

#[test]
fn actions_become_commands() {
    let read = |action, delta| edit(action, delta, Limits::default());
    assert!(matches!(read("create", "{}"), Ok(Command::Create { delta }) if delta.is_empty()));
    assert!(matches!(read("update", r#"{"max_gpu_node": "2"}"#), Ok(Command::Update { delta }) if !delta.is_empty()));
    assert!(matches!(read("delete", ""), Ok(Command::Delete)));
    assert!(matches!(read("force-delete", "{}"), Ok(Command::ForceDelete)));
    assert!(read("delete-now", "{}").is_err());
}
