//! What operators ask for, and what nodes can give.

use super::*;
use crate::settings::{Limits, SettingsDelta};
use serde_json::Value;

fn settings(raw: Value) -> Settings {
    let delta = SettingsDelta::parse(raw.as_object().expect("an object"), Limits::default()).expect("settings");
    Settings::default().merged(&delta).expect("they fit together")
}

fn asking(cpus: Option<u32>, memory_mib: Option<u32>, gpu: bool) -> Resources {
    Resources::parse(cpus, memory_mib, gpu.then_some("nvidia.com/gpu"), None).expect("acceptable")
}

#[test]
fn an_operator_that_asks_for_nothing_leaves_room_for_its_successor() {
    let asked = asking(None, None, false).requests(&Settings::default());
    assert_eq!((asked.cpus, asked.memory_mib, asked.gpus), (1, 4096, 0));
    let asked = asking(None, None, true).requests(&Settings::default());
    assert_eq!((asked.cpus, asked.memory_mib, asked.gpus), (1, 4096, 1));
    let asked = asking(None, None, false).requests(&settings(json!({"cpu_node_type": "m5.2xlarge"})));
    assert_eq!((asked.cpus, asked.memory_mib), (2, 4096));
    let asked = asking(Some(3), None, false).requests(&Settings::default());
    assert_eq!(asked.cpus, 3, "what is asked for is what is requested");
}

#[test]
fn defaults_are_lowered_to_what_a_small_node_has() {
    let small = settings(json!({"cpu_node_type": "t3.medium"}));
    let asked = asking(None, None, false).requests(&small);
    assert_eq!((asked.cpus, asked.memory_mib), (1, 3481));
    assert_eq!(check_fit("train", &asking(None, None, false), &small), Ok(()));
    let asked = asking(Some(2), Some(5000), false).requests(&small);
    assert_eq!((asked.cpus, asked.memory_mib), (2, 5000), "what is asked for is never lowered");
}

#[test]
fn what_no_node_can_ever_give_is_refused_with_the_numbers() {
    let refusal =
        |resources, settings: &Settings| check_fit("train", &resources, settings).expect_err("refused").to_string();
    let documented = Settings::default();
    assert_eq!(
        refusal(asking(Some(4), None, false), &documented),
        "operator 'train' asks for 4 CPUs, but a t3.xlarge node offers at most 3: ask for less, or update cpu_node_type"
    );
    assert_eq!(
        refusal(asking(None, Some(20_000), false), &documented),
        "operator 'train' asks for 20000 MiB of memory, but a t3.xlarge node offers at most 13926: ask for less, or \
         update cpu_node_type"
    );
    assert_eq!(
        refusal(asking(None, Some(20_000), true), &documented),
        "operator 'train' asks for 20000 MiB of memory, but a g4dn.xlarge node offers at most 13926: ask for less, or \
         update gpu_node_type",
        "p2.xlarge is carried out as g4dn.xlarge"
    );
    assert_eq!(check_fit("train", &asking(Some(3), Some(13_926), false), &documented), Ok(()));
    let larger = settings(json!({"cpu_node_type": "m5.2xlarge"}));
    assert_eq!(check_fit("train", &asking(Some(4), Some(20_000), false), &larger), Ok(()));
}

#[test]
fn a_type_of_unknown_capacity_is_left_to_the_scheduler() {
    let unknown = settings(json!({"cpu_node_type": "x9z.large"}));
    assert_eq!(check_fit("train", &asking(Some(500), Some(5_000_000), false), &unknown), Ok(()));
    assert_eq!(asking(None, None, false).requests(&unknown).cpus, 2);
}

#[test]
fn zeros_and_other_makers_gpus_are_refused() {
    let told = |cpus, memory, gpu| Resources::parse(cpus, memory, gpu, None).expect_err("refused").to_string();
    assert_eq!(told(Some(0), None, None), "'num_cpus' must be at least 1");
    assert_eq!(told(None, Some(0), None), "'memory' must be at least 1");
    assert_eq!(
        told(None, None, Some("amd.com/gpu")),
        "gpu_resource_name 'amd.com/gpu' is not offered: use nvidia.com/gpu"
    );
}
