//! The seven settings of a cluster: names, defaults, rules.

use crate::instance_type::InstanceType;
use crate::options::{Options, OptionsDelta};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The names of the seven settings, as users write them.
pub const NAMES: [&str; 7] =
    ["keepalive", "cpu_node_type", "gpu_node_type", "min_cpu_node", "max_cpu_node", "min_gpu_node", "max_gpu_node"];

/// The name under which options stand beside the settings.
const OPTIONS: &str = "options";

/// More nodes than this in one group is taken for a slip of the finger.
const MOST_NODES: u32 = 1_000;
/// A keepalive of more than thirty days is taken for a slip of the finger.
const LONGEST_KEEPALIVE: u64 = 30 * 24 * 3600;

/// The seven settings of a cluster, known to be consistent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// How long, in seconds, the cluster may remain idle before it is deleted.
    pub keepalive: u64,
    /// The EC2 instance type of the CPU node group.
    pub cpu_node_type: InstanceType,
    /// The EC2 instance type of the GPU node group.
    pub gpu_node_type: InstanceType,
    /// The fewest nodes of the CPU node group.
    pub min_cpu_node: u32,
    /// The most nodes of the CPU node group.
    pub max_cpu_node: u32,
    /// The fewest nodes of the GPU node group.
    pub min_gpu_node: u32,
    /// The most nodes of the GPU node group.
    pub max_gpu_node: u32,
    /// What goes beyond the seven.
    #[serde(default, skip_serializing_if = "Options::is_default")]
    pub options: Options,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            keepalive: 1200,
            cpu_node_type: InstanceType::known("t3.xlarge"),
            gpu_node_type: InstanceType::known("p2.xlarge"),
            min_cpu_node: 1,
            max_cpu_node: 1,
            min_gpu_node: 0,
            max_gpu_node: 1,
            options: Options::default(),
        }
    }
}

/// What a deployment allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The shortest keepalive, in seconds; 600 unless the deployment says otherwise.
    pub min_keepalive: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { min_keepalive: 600 }
    }
}

/// Some of the settings, each parsed on its own; whether they fit together is known only once they are merged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsDelta {
    keepalive: Option<u64>,
    cpu_node_type: Option<InstanceType>,
    gpu_node_type: Option<InstanceType>,
    min_cpu_node: Option<u32>,
    max_cpu_node: Option<u32>,
    min_gpu_node: Option<u32>,
    max_gpu_node: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    options: Option<OptionsDelta>,
}

/// Why settings are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A key that is none of the seven, nor `options`.
    #[error("unknown setting '{name}': the settings are {}", NAMES.join(", "))]
    UnknownName {
        /// The key as it was sent.
        name: String,
    },
    /// A key that is no option.
    #[error("unknown option '{name}': the options are {}", crate::options::NAMES.join(", "))]
    UnknownOption {
        /// The key as it was sent.
        name: String,
    },
    /// A list of types that does not begin with the type asked for.
    #[error("'{list}' must begin with the type that '{setting}' asks for, {chosen}, or that setting be left out")]
    ListDiffers {
        /// The option.
        list: &'static str,
        /// The setting.
        setting: &'static str,
        /// The setting's type.
        chosen: InstanceType,
    },
    /// A value that is not of the setting's type.
    #[error("setting '{name}' must be {expected}, but is {value}")]
    WrongValue {
        /// The setting.
        name: &'static str,
        /// What it must be, with an example.
        expected: &'static str,
        /// The value as it was sent.
        value: String,
    },
    /// A number outside its range.
    #[error("setting '{name}' must be between {min} and {max}, but is {value}")]
    OutOfRange {
        /// The setting.
        name: &'static str,
        /// The least allowed.
        min: u64,
        /// The most allowed.
        max: u64,
        /// The value as it was sent.
        value: u64,
    },
    /// A minimum above its maximum.
    #[error(
        "min_{group}_node ({min}) must not be above max_{group}_node ({max}): raise the maximum or lower the minimum"
    )]
    MinAboveMax {
        /// `cpu` or `gpu`.
        group: &'static str,
        /// The minimum after merging.
        min: u32,
        /// The maximum after merging.
        max: u32,
    },
    /// A type without an EKS image.
    #[error(
        "setting '{name}': {instance_type} is not supported by current EKS images; use {successor}, or g5.xlarge or g6.xlarge"
    )]
    RetiredType {
        /// The setting.
        name: &'static str,
        /// The type that was asked for.
        instance_type: InstanceType,
        /// The nearest type that works.
        successor: InstanceType,
    },
    /// A GPU group made of machines without a GPU.
    #[error(
        "setting 'gpu_node_type': {instance_type} has no GPU; use for instance g4dn.xlarge, g5.xlarge or g6.xlarge"
    )]
    NoGpu {
        /// The type that was asked for.
        instance_type: InstanceType,
    },
    /// A CPU group of machines that are full before the first operator comes.
    #[error(
        "setting 'cpu_node_type': {instance_type} is too small: the pods of the system alone are more than it takes; use for instance t3.medium or t3.xlarge"
    )]
    TooSmall {
        /// The type that was asked for.
        instance_type: InstanceType,
    },
}

impl SettingsDelta {
    /// Reads some of the settings from a JSON object. Numbers may come as numbers or as strings, as the SDK sends
    /// them; a null stands for "not given".
    ///
    /// # Errors
    /// [`SettingsError`], naming the first setting that cannot be accepted.
    pub fn parse(raw: &Map<String, Value>, limits: Limits) -> Result<Self, SettingsError> {
        if let Some(name) = raw.keys().find(|name| !NAMES.contains(&name.as_str()) && *name != OPTIONS) {
            return Err(SettingsError::UnknownName { name: name.clone() });
        }
        let nodes = |name, least: u32| -> Result<Option<u32>, SettingsError> {
            let value = number(raw, name, least.into(), MOST_NODES.into())?;
            Ok(value.and_then(|n| u32::try_from(n).ok()))
        };
        let delta = Self {
            keepalive: number(raw, "keepalive", limits.min_keepalive, LONGEST_KEEPALIVE)?,
            cpu_node_type: instance_type(raw, "cpu_node_type")?,
            gpu_node_type: instance_type(raw, "gpu_node_type")?,
            min_cpu_node: nodes("min_cpu_node", 0)?,
            max_cpu_node: nodes("max_cpu_node", 1)?,
            min_gpu_node: nodes("min_gpu_node", 0)?,
            max_gpu_node: nodes("max_gpu_node", 1)?,
            options: options(raw)?.filter(|options| !options.is_empty()),
        };
        if let Some(chosen) = &delta.gpu_node_type
            && chosen.capacity().is_some_and(|c| c.gpus == 0)
        {
            return Err(SettingsError::NoGpu { instance_type: chosen.clone() });
        }
        match &delta.cpu_node_type {
            Some(chosen) if chosen.is_full_from_the_start() => {
                Err(SettingsError::TooSmall { instance_type: chosen.clone() })
            }
            _ => Ok(delta),
        }
    }

    /// The same with what goes beyond the settings.
    #[must_use]
    pub fn with_options(self, options: OptionsDelta) -> Self {
        Self { options: Some(options).filter(|options| !options.is_empty()), ..self }
    }

    /// Whether options are given, and none of the seven settings.
    #[must_use]
    pub fn is_of_options_only(&self) -> bool {
        self.options.is_some() && Self { options: None, ..self.clone() }.is_empty()
    }

    /// Whether nothing is given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Settings {
    /// These settings with some of them replaced.
    ///
    /// # Errors
    /// [`SettingsError::MinAboveMax`] and [`SettingsError::ListDiffers`] when the result does not fit together.
    pub fn merged(&self, delta: &SettingsDelta) -> Result<Settings, SettingsError> {
        let given = delta.options.clone().unwrap_or_default();
        let (cpu_listed, gpu_listed) = given.gives_lists();
        let mut options = self.options.merged(&given);
        let cpu_node_type =
            CPU.merged(&delta.cpu_node_type, cpu_listed, &mut options.cpu_node_types, &self.cpu_node_type)?;
        let gpu_node_type =
            GPU.merged(&delta.gpu_node_type, gpu_listed, &mut options.gpu_node_types, &self.gpu_node_type)?;
        let merged = Settings {
            keepalive: delta.keepalive.unwrap_or(self.keepalive),
            cpu_node_type,
            gpu_node_type,
            min_cpu_node: delta.min_cpu_node.unwrap_or(self.min_cpu_node),
            max_cpu_node: delta.max_cpu_node.unwrap_or(self.max_cpu_node),
            min_gpu_node: delta.min_gpu_node.unwrap_or(self.min_gpu_node),
            max_gpu_node: delta.max_gpu_node.unwrap_or(self.max_gpu_node),
            options,
        };
        for (group, min, max) in
            [("cpu", merged.min_cpu_node, merged.max_cpu_node), ("gpu", merged.min_gpu_node, merged.max_gpu_node)]
        {
            if min > max {
                return Err(SettingsError::MinAboveMax { group, min, max });
            }
        }
        Ok(merged)
    }

    /// Whether going from `other` to these settings changes anything that exists in AWS. The keepalive does not: it
    /// is ours alone.
    #[must_use]
    pub fn need_build_from(&self, other: &Settings) -> bool {
        Settings { keepalive: other.keepalive, ..self.clone() } != *other
    }

    /// Whether going from `other` to these settings may take nodes away, and with them the pods that run there: another
    /// node type replaces all of a group, and a lower maximum ends those above it. A minimum takes none.
    #[must_use]
    pub fn take_nodes_from(&self, other: &Settings) -> bool {
        let types = |settings: &Settings| (settings.cpu_node_type.carried_out(), settings.gpu_node_type.carried_out());
        types(self) != types(other)
            || self.options != other.options
            || self.max_cpu_node < other.max_cpu_node
            || self.max_gpu_node < other.max_gpu_node
    }

    /// The same where AWS may have any of `others`.
    #[must_use]
    pub fn take_nodes_from_any<'a>(&self, others: impl IntoIterator<Item = &'a Settings>) -> bool {
        others.into_iter().any(|other| self.take_nodes_from(other))
    }

    /// Notes on settings that are carried out otherwise than written: a documented default that AWS has retired.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        [("cpu_node_type", &self.cpu_node_type), ("gpu_node_type", &self.gpu_node_type)]
            .into_iter()
            .filter_map(|(name, chosen)| {
                let next = chosen.successor()?;
                Some(format!(
                    "{name} {chosen} is not supported by current EKS images: nodes are started as {next} instead; set {name} to choose another"
                ))
            })
            .collect()
    }
}

/// A setting, and the option that lists more types for it.
struct Names {
    setting: &'static str,
    list: &'static str,
}

impl Names {
    /// The type of a group: the one asked for, else the first of its list, else its own. One that is asked for later
    /// replaces the list.
    fn merged(
        &self,
        asked: &Option<InstanceType>,
        listed: bool,
        list: &mut Vec<InstanceType>,
        own: &InstanceType,
    ) -> Result<InstanceType, SettingsError> {
        let Some(chosen) = asked else { return Ok(list.first().unwrap_or(own).clone()) };
        if list.first().is_some_and(|first| first != chosen) {
            if listed {
                let (list, setting, chosen) = (self.list, self.setting, chosen.clone());
                return Err(SettingsError::ListDiffers { list, setting, chosen });
            }
            list.clear();
        }
        Ok(chosen.clone())
    }
}

const CPU: Names = Names { setting: "cpu_node_type", list: "cpu_node_types" };
const GPU: Names = Names { setting: "gpu_node_type", list: "gpu_node_types" };

fn options(raw: &Map<String, Value>) -> Result<Option<OptionsDelta>, SettingsError> {
    const EXPECTED: &str = "an object, such as {\"capacity_type\": \"SPOT\"}";
    match raw.get(OPTIONS) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(given)) => OptionsDelta::parse(given).map(Some),
        Some(value) => Err(SettingsError::WrongValue { name: OPTIONS, expected: EXPECTED, value: value.to_string() }),
    }
}

fn number(raw: &Map<String, Value>, name: &'static str, min: u64, max: u64) -> Result<Option<u64>, SettingsError> {
    const EXPECTED: &str = "a whole number, such as 2";
    let wrong = |value: &Value| SettingsError::WrongValue { name, expected: EXPECTED, value: value.to_string() };
    let value = match raw.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(value @ Value::Number(n)) => n.as_u64().ok_or_else(|| wrong(value))?,
        Some(value @ Value::String(text)) => text.trim().parse().map_err(|_| wrong(value))?,
        Some(value) => return Err(wrong(value)),
    };
    if (min..=max).contains(&value) {
        Ok(Some(value))
    } else {
        Err(SettingsError::OutOfRange { name, min, max, value })
    }
}

fn instance_type(raw: &Map<String, Value>, name: &'static str) -> Result<Option<InstanceType>, SettingsError> {
    const EXPECTED: &str = "an EC2 instance type, such as t3.xlarge";
    let wrong = |value: &Value| SettingsError::WrongValue { name, expected: EXPECTED, value: value.to_string() };
    let chosen = match raw.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(value @ Value::String(text)) => InstanceType::parse(text).map_err(|_| wrong(value))?,
        Some(value) => return Err(wrong(value)),
    };
    match chosen.successor() {
        Some(successor) => Err(SettingsError::RetiredType { name, instance_type: chosen, successor }),
        None => Ok(Some(chosen)),
    }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
