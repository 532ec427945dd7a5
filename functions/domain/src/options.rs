//! What a cluster can be given beyond the seven settings.

use crate::instance_type::InstanceType;
use crate::settings::SettingsError;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The names of the options, as users write them.
pub const NAMES: [&str; 4] = ["cpu_node_types", "gpu_node_types", "capacity_type", "nat"];

/// More types than this AWS does not take for one group.
const MOST_TYPES: usize = 20;

/// How nodes are bought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CapacityType {
    /// At the list price, for as long as they are wanted.
    #[default]
    OnDemand,
    /// Cheaper, until AWS wants them back.
    Spot,
}

/// How nodes reach the internet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nat {
    /// Through one NAT gateway.
    #[default]
    Single,
    /// Each by a public address of its own.
    None,
}

/// What goes beyond the settings; the default is what the settings alone mean.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// The types of the CPU group, the first being the setting's; empty for that one alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cpu_node_types: Vec<InstanceType>,
    /// The types of the GPU group, the first being the setting's; empty for that one alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gpu_node_types: Vec<InstanceType>,
    /// How nodes are bought.
    pub capacity_type: CapacityType,
    /// How nodes reach the internet.
    pub nat: Nat,
}

/// Some of the options, each parsed on its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OptionsDelta {
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_node_types: Option<Vec<InstanceType>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gpu_node_types: Option<Vec<InstanceType>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    capacity_type: Option<CapacityType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nat: Option<Nat>,
}

impl OptionsDelta {
    /// Reads options from a JSON object; a null stands for "not given".
    ///
    /// # Errors
    /// [`SettingsError`], naming the first option that cannot be accepted.
    pub fn parse(raw: &Map<String, Value>) -> Result<Self, SettingsError> {
        if let Some(name) = raw.keys().find(|name| !NAMES.contains(&name.as_str())) {
            return Err(SettingsError::UnknownOption { name: name.clone() });
        }
        let options = Self {
            cpu_node_types: types(raw, "cpu_node_types")?,
            gpu_node_types: types(raw, "gpu_node_types")?,
            capacity_type: word(raw, "capacity_type", "\"ON_DEMAND\" or \"SPOT\"")?,
            nat: word(raw, "nat", "\"single\" or \"none\"")?,
        };
        let has_no_gpu = |chosen: &&InstanceType| chosen.capacity().is_some_and(|capacity| capacity.gpus == 0);
        if let Some(chosen) = options.gpu_node_types.iter().flatten().find(has_no_gpu) {
            return Err(SettingsError::NoGpu { instance_type: chosen.clone() });
        }
        match options.cpu_node_types.iter().flatten().find(|chosen| chosen.is_full_from_the_start()) {
            Some(chosen) => Err(SettingsError::TooSmall { instance_type: chosen.clone() }),
            None => Ok(options),
        }
    }

    /// Whether nothing is given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether each of the lists is given.
    pub(crate) fn gives_lists(&self) -> (bool, bool) {
        (self.cpu_node_types.is_some(), self.gpu_node_types.is_some())
    }
}

impl Options {
    /// These options with some of them replaced.
    #[must_use]
    pub(crate) fn merged(&self, delta: &OptionsDelta) -> Self {
        let list =
            |given: &Option<Vec<InstanceType>>, own: &[InstanceType]| given.clone().unwrap_or_else(|| own.to_vec());
        Self {
            cpu_node_types: list(&delta.cpu_node_types, &self.cpu_node_types),
            gpu_node_types: list(&delta.gpu_node_types, &self.gpu_node_types),
            capacity_type: delta.capacity_type.unwrap_or(self.capacity_type),
            nat: delta.nat.unwrap_or(self.nat),
        }
    }

    /// Whether there is nothing beyond the settings.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

fn types(raw: &Map<String, Value>, name: &'static str) -> Result<Option<Vec<InstanceType>>, SettingsError> {
    const EXPECTED: &str = "a list of 1 to 20 different EC2 instance types, such as [\"m6i.xlarge\", \"m5.xlarge\"]";
    let wrong = |value: &Value| SettingsError::WrongValue { name, expected: EXPECTED, value: value.to_string() };
    let (value, list) = match raw.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(value @ Value::Array(list)) if (1..=MOST_TYPES).contains(&list.len()) => (value, list),
        Some(value) => return Err(wrong(value)),
    };
    let mut types: Vec<InstanceType> = vec![];
    for entry in list {
        let chosen = entry.as_str().and_then(|text| InstanceType::parse(text).ok()).ok_or_else(|| wrong(value))?;
        if let Some(successor) = chosen.successor() {
            return Err(SettingsError::RetiredType { name, instance_type: chosen, successor });
        }
        if types.contains(&chosen) {
            return Err(wrong(value));
        }
        types.push(chosen);
    }
    Ok(Some(types))
}

fn word<T: serde::de::DeserializeOwned>(
    raw: &Map<String, Value>,
    name: &'static str,
    expected: &'static str,
) -> Result<Option<T>, SettingsError> {
    match raw.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => serde_json::from_value(value.clone()).map(Some).map_err(|_| SettingsError::WrongValue {
            name,
            expected,
            value: value.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Limits, Settings, SettingsDelta};
    use serde_json::json;

    fn parse(raw: Value) -> Result<OptionsDelta, SettingsError> {
        OptionsDelta::parse(raw.as_object().expect("an object"))
    }

    fn settings(raw: Value, options: Value) -> Result<Settings, SettingsError> {
        let delta = SettingsDelta::parse(raw.as_object().expect("an object"), Limits::default())?;
        Settings::default().merged(&delta.with_options(parse(options)?))
    }

    fn merged(before: &Settings, raw: Value) -> Result<Settings, SettingsError> {
        before.merged(&SettingsDelta::parse(raw.as_object().expect("an object"), Limits::default())?)
    }

    #[test]
    fn nothing_given_is_nothing_beyond_the_settings() {
        assert!(parse(json!({"nat": null})).expect("fine").is_empty());
        let same = settings(json!({}), json!({"nat": "single", "capacity_type": "ON_DEMAND"})).expect("fine");
        assert_eq!(same, Settings::default());
        let stored = serde_json::to_value(Settings::default()).expect("JSON");
        assert_eq!(stored.get("options"), None, "documents of the seven settings stay what they were");
        assert_eq!(serde_json::from_value::<Settings>(stored).expect("readable"), Settings::default());
    }

    #[test]
    fn what_is_given_survives_being_stored() {
        let options = json!({"cpu_node_types": ["m6i.xlarge", "m5.xlarge"], "capacity_type": "SPOT", "nat": "none"});
        let settings = settings(json!({}), options).expect("fine");
        let stored = serde_json::to_value(&settings).expect("JSON");
        assert_eq!((&stored["options"]["nat"], &stored["options"]["capacity_type"]), (&json!("none"), &json!("SPOT")));
        assert_eq!(serde_json::from_value::<Settings>(stored).expect("readable"), settings);
    }

    #[test]
    fn the_first_of_a_list_is_the_type_that_all_rules_go_by() {
        let list = json!({"cpu_node_types": ["m6i.2xlarge", "m5.2xlarge"]});
        assert_eq!(settings(json!({}), list.clone()).expect("fine").cpu_node_type.as_str(), "m6i.2xlarge");
        assert!(settings(json!({"cpu_node_type": "m6i.2xlarge"}), list.clone()).is_ok());
        let other = settings(json!({"cpu_node_type": "c5.large"}), list).expect_err("refused").to_string();
        assert!(other.contains("cpu_node_types") && other.contains("c5.large"), "{other}");
    }

    #[test]
    fn a_single_type_asked_for_later_replaces_the_list() {
        let before = settings(json!({}), json!({"cpu_node_types": ["m6i.xlarge", "m5.xlarge"], "nat": "none"}));
        let raw = json!({"cpu_node_type": "c5.xlarge"});
        let delta = SettingsDelta::parse(raw.as_object().expect("an object"), Limits::default()).expect("fine");
        let after = before.expect("fine").merged(&delta).expect("fine");
        assert_eq!((after.cpu_node_type.as_str(), after.options.cpu_node_types.len()), ("c5.xlarge", 0));
        assert_eq!(after.options.nat, Nat::None, "the other options stay");
    }

    #[test]
    fn options_are_changed_one_by_one_beside_the_settings() {
        let listed = json!({"cpu_node_types": ["m6i.xlarge", "m5.xlarge"], "capacity_type": "SPOT"});
        let before = settings(json!({}), listed).expect("fine");
        let after = merged(&before, json!({"max_cpu_node": 4, "options": {"nat": "none"}})).expect("fine");
        assert_eq!(
            (after.max_cpu_node, after.options.nat, after.options.capacity_type),
            (4, Nat::None, CapacityType::Spot)
        );
        assert_eq!(after.options.cpu_node_types, before.options.cpu_node_types);
        let after = merged(&before, json!({"options": {"cpu_node_types": ["c5.xlarge", "c6i.xlarge"]}})).expect("fine");
        assert_eq!((after.cpu_node_type.as_str(), after.options.capacity_type), ("c5.xlarge", CapacityType::Spot));
        assert_eq!(merged(&before, json!({"cpu_node_type": "m5.large"})).expect("fine").options.cpu_node_types, []);
        for empty in [json!({"options": {}}), json!({"options": null}), json!({"options": {"nat": null}})] {
            let delta = SettingsDelta::parse(empty.as_object().expect("an object"), Limits::default());
            assert!(delta.expect("fine").is_empty(), "{empty}");
        }
        let wrong = merged(&before, json!({"options": "SPOT"})).expect_err("refused").to_string();
        assert!(wrong.contains("'options' must be an object"), "{wrong}");
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        for (raw, words) in [
            (json!({"spot": true}), "unknown option 'spot'"),
            (json!({"nat": "many"}), "'nat' must be \"single\" or \"none\""),
            (json!({"capacity_type": "spot"}), "'capacity_type' must be"),
            (json!({"cpu_node_types": []}), "'cpu_node_types' must be a list"),
            (json!({"cpu_node_types": "m5.xlarge"}), "'cpu_node_types' must be a list"),
            (json!({"cpu_node_types": ["m5.xlarge", "m5.xlarge"]}), "different"),
            (json!({"gpu_node_types": ["p2.xlarge"]}), "g4dn.xlarge"),
            (json!({"gpu_node_types": ["m5.xlarge"]}), "has no GPU"),
            (json!({"cpu_node_types": ["t4g.micro"]}), "t4g.micro is too small"),
        ] {
            let error = parse(raw.clone()).expect_err("refused").to_string();
            assert!(error.contains(words), "{raw}: {error}");
        }
    }
}
