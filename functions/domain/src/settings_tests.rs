use super::*;
use proptest::prelude::*;
use serde_json::json;

fn parse(raw: Value) -> Result<SettingsDelta, SettingsError> {
    SettingsDelta::parse(raw.as_object().expect("an object"), Limits::default())
}

fn message(raw: Value) -> String {
    parse(raw).expect_err("refused").to_string()
}

#[test]
fn defaults_are_the_documented_ones() {
    assert_eq!(
        serde_json::to_value(Settings::default()).expect("serialises"),
        json!({"keepalive": 1200, "cpu_node_type": "t3.xlarge", "gpu_node_type": "p2.xlarge",
               "min_cpu_node": 1, "max_cpu_node": 1, "min_gpu_node": 0, "max_gpu_node": 1})
    );
}

#[test]
fn numbers_come_as_numbers_or_as_strings() {
    let delta = parse(json!({"keepalive": "1800", "max_cpu_node": 10, "min_gpu_node": " 2 ", "max_gpu_node": null}));
    let delta = delta.expect("accepted");
    assert_eq!((delta.keepalive, delta.max_cpu_node, delta.min_gpu_node), (Some(1800), Some(10), Some(2)));
    assert_eq!(delta.max_gpu_node, None);
}

#[test]
fn refusals_name_the_setting_the_value_and_the_remedy() {
    assert!(message(json!({"max_nodes": 1})).contains("unknown setting 'max_nodes': the settings are keepalive,"));
    assert!(message(json!({"keepalive": 599})).contains("'keepalive' must be between 600 and"));
    for value in
        [json!("ten"), json!(""), json!("1800.5"), json!(1800.5), json!(-1), json!(true), json!("True"), json!([1])]
    {
        let text = message(json!({"keepalive": value.clone()}));
        assert!(text.contains("'keepalive' must be a whole number") && text.contains(&value.to_string()), "{text}");
    }
    assert!(message(json!({"keepalive": "1000000000000000000000000000000"})).contains("whole number"));
    assert!(message(json!({"max_cpu_node": 0})).contains("'max_cpu_node' must be between 1 and 1000"));
    assert!(message(json!({"cpu_node_type": "big"})).contains("an EC2 instance type"));
    assert!(message(json!({"gpu_node_type": "p2.xlarge"})).contains("use g4dn.xlarge"));
    assert!(message(json!({"gpu_node_type": "t3.xlarge"})).contains("has no GPU"));
    assert!(message(json!({"cpu_node_type": "t3.micro"})).contains("'cpu_node_type': t3.micro is too small"));
}

#[test]
fn a_minimum_above_the_maximum_is_refused_against_defaults_too() {
    let delta = parse(json!({"min_cpu_node": 2})).expect("parses");
    let error = Settings::default().merged(&delta).expect_err("refused");
    assert_eq!(error, SettingsError::MinAboveMax { group: "cpu", min: 2, max: 1 });
}

#[test]
fn only_the_keepalive_changes_nothing_in_aws() {
    let before = Settings::default();
    assert!(!Settings { keepalive: 1800, ..before.clone() }.need_build_from(&before));
    assert!(Settings { max_cpu_node: 2, ..before.clone() }.need_build_from(&before));
}

#[test]
fn the_retired_default_is_noted() {
    let notes = Settings::default().notes();
    assert_eq!(notes.len(), 1);
    assert!(notes[0].contains("gpu_node_type p2.xlarge") && notes[0].contains("g4dn.xlarge"));
}

proptest! {
    #[test]
    fn merged_settings_are_always_consistent(min_cpu in 0u32..5, max_cpu in 1u32..5, min_gpu in 0u32..5, max_gpu in 1u32..5) {
        let delta = parse(json!({"min_cpu_node": min_cpu, "max_cpu_node": max_cpu, "min_gpu_node": min_gpu, "max_gpu_node": max_gpu}))
            .expect("parses");
        match Settings::default().merged(&delta) {
            Ok(merged) => prop_assert!(merged.min_cpu_node <= merged.max_cpu_node && merged.min_gpu_node <= merged.max_gpu_node),
            Err(_) => prop_assert!(min_cpu > max_cpu || min_gpu > max_gpu),
        }
    }

    #[test]
    fn parsing_never_panics(name in "[a-z_]{0,14}", text in ".{0,20}") {
        let mut raw = Map::new();
        raw.insert(name, Value::String(text));
        let _ = SettingsDelta::parse(&raw, Limits::default());
    }
}
