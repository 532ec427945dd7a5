//! The value of a parameter, as it travels.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A parameter's value, serialised: the control plane never looks into pickles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterValue {
    /// The bytes, in base64.
    pub base64: String,
    /// How they are serialised: `json`, `string`, `pickle`, `table`, `bytes`, `image`.
    pub serialization: String,
}

impl ParameterValue {
    /// The value of a JSON document, serialised as the SDK does: text as text, everything else as JSON.
    #[must_use]
    pub fn of_json(value: &Value) -> Self {
        use base64::Engine as _;
        let (serialization, bytes) = match value {
            Value::String(text) => ("string", text.clone()),
            other => ("json", other.to_string()),
        };
        let base64 = base64::engine::general_purpose::STANDARD.encode(bytes);
        Self { base64, serialization: serialization.to_owned() }
    }

    /// The bytes.
    ///
    /// # Errors
    /// When the text is not base64.
    pub fn bytes(&self) -> Result<Vec<u8>, base64::DecodeError> {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.decode(self.base64.trim())
    }

    /// The artifact type of these bytes, as far as it can be told without Python (sdk-side inference: a text that is
    /// JSON is `json`, any other a `string`).
    #[must_use]
    pub fn infer_type(&self, declared: &str) -> String {
        let Ok(bytes) = self.bytes() else { return "untyped".to_owned() };
        let json = || python_json(&bytes);
        let inferred = match self.serialization.as_str() {
            "string" if json().is_some() => "json",
            "string" => "string",
            "json" => match json() {
                Some(Value::Bool(_)) => "boolean",
                Some(Value::Object(_)) => "dictionary",
                Some(Value::Array(_)) if declared == "tuple" => "tuple",
                Some(Value::Array(_)) => "list",
                _ => "numeric",
            },
            "pickle" if ["picklable", "dictionary", "list", "tuple"].contains(&declared) => declared,
            "pickle" => "picklable",
            other => other,
        };
        inferred.to_owned()
    }
}

/// Reads JSON as Python does, to which `NaN`, `Infinity` and `-Infinity` are numbers. They are read as zeros, even within
/// texts: only the form of the document is of interest.
fn python_json(bytes: &[u8]) -> Option<Value> {
    let strict = serde_json::from_slice(bytes).ok();
    strict.or_else(|| {
        let text = std::str::from_utf8(bytes).ok()?;
        let zeros =
            ["-Infinity", "Infinity", "NaN"].iter().fold(text.to_owned(), |text, word| text.replace(word, " 0 "));
        serde_json::from_str(&zeros).ok()
    })
}
