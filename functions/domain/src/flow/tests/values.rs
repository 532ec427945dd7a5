//! Parameter values and their types, Python versions, entry points.

use super::*;
use base64::Engine as _;
use proptest::prelude::*;

fn value(bytes: &[u8], serialization: &str) -> ParameterValue {
    let base64 = base64::engine::general_purpose::STANDARD.encode(bytes);
    ParameterValue { base64, serialization: serialization.to_owned() }
}

#[test]
fn the_type_of_a_value_is_told_as_python_would_tell_it() {
    let cases = [
        // A text that Python's json.loads accepts is json.
        ("string", "hello", "", "string"),
        ("string", "", "", "string"),
        ("string", "  ", "", "string"),
        ("string", "123", "", "json"),
        ("string", " true ", "", "json"),
        ("string", "NaN", "", "json"),
        ("string", "-Infinity", "", "json"),
        ("string", "-NaN", "", "string"),
        ("string", "nan", "", "string"),
        ("string", "1NaN", "", "string"),
        ("string", r#"{NaN: 1}"#, "", "string"),
        ("string", r#""\NaN""#, "", "string"),
        ("string", r#"{"loss": [NaN, Infinity, -Infinity]}"#, "", "json"),
        ("string", r#"["NaN", "an \" and NaN"]"#, "", "json"),
        ("string", r#"{"a": NaN"#, "", "string"),
        ("string", "größer", "", "string"),
        // Whatever json.dumps wrote is told by its form.
        ("json", "true", "", "boolean"),
        ("json", "1", "", "numeric"),
        ("json", "-1.5e3", "", "numeric"),
        ("json", "NaN", "", "numeric"),
        ("json", "-Infinity", "", "numeric"),
        ("json", r#"{"a": 1}"#, "", "dictionary"),
        ("json", r#"{"a": NaN}"#, "", "dictionary"),
        ("json", "[1, 2]", "", "list"),
        ("json", "[1, NaN]", "list", "list"),
        ("json", "[1, Infinity]", "tuple", "tuple"),
        ("json", "[1, 2]", "tuple", "tuple"),
        ("json", "[1, 2]", "dictionary", "list"),
        // Pickles are not looked into: they are what they are said to be, where that is possible.
        ("pickle", "\u{80}", "dictionary", "dictionary"),
        ("pickle", "\u{80}", "list", "list"),
        ("pickle", "\u{80}", "tuple", "tuple"),
        ("pickle", "\u{80}", "picklable", "picklable"),
        ("pickle", "\u{80}", "untyped", "picklable"),
        ("pickle", "\u{80}", "numeric", "picklable"),
        ("table", r#"{"schema": {}, "data": []}"#, "", "table"),
        ("bytes", "123", "", "bytes"),
        ("image", "JFIF", "", "image"),
    ];
    for (serialization, text, declared, inferred) in cases {
        let declared = if declared.is_empty() { "untyped" } else { declared };
        let seen = value(text.as_bytes(), serialization).infer_type(declared);
        assert_eq!(seen, inferred, "{text:?} serialised as {serialization}, declared {declared}");
    }
    assert_eq!(value(&[0xff, 0xfe], "string").infer_type("untyped"), "string");
    let broken = ParameterValue { base64: "!".to_owned(), serialization: "json".to_owned() };
    assert_eq!(broken.infer_type("numeric"), "untyped");
}

#[test]
fn json_documents_become_values_as_the_sdk_makes_them() {
    for (document, serialization, bytes) in [
        (json!("moon"), "string", "moon"),
        (json!(1), "json", "1"),
        (json!(true), "json", "true"),
        (json!([1, "a"]), "json", r#"[1,"a"]"#),
        (json!({"a": 1}), "json", r#"{"a":1}"#),
    ] {
        let value = ParameterValue::of_json(&document);
        assert_eq!((value.serialization.as_str(), value.bytes()), (serialization, Ok(bytes.as_bytes().to_vec())));
    }
}

#[test]
fn pythons_are_told_by_their_minor_version() {
    for supported in ["3.8", "3.9", "3.10", "3.11", "3.12", " 3.11 "] {
        let version = PythonVersion::try_from(supported.to_owned()).expect(supported);
        assert_eq!(version.to_string(), supported.trim());
    }
    for other in ["3.7", "3.13", "3", "3.", "2.7", "", "3.11.4", "3.+9", "3.08", "3.9x", "python3.9", "3.264"] {
        let error = PythonVersion::try_from(other.to_owned()).expect_err(other).to_string();
        assert_eq!(error, format!("Python '{other}' is not supported: use 3.8, 3.9, 3.10, 3.11 or 3.12"));
    }
    assert_eq!(PythonVersion::default().to_string(), "3.11");
}

#[test]
fn a_package_begins_where_the_sdk_says() {
    let entry = PackageEntryPoint::default();
    assert_eq!((&*entry.file, &*entry.class_name, &*entry.method), ("model.py", "Function", "predict"));
}

proptest! {
    #[test]
    fn inferring_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..40), serialization in "string|json|pickle") {
        let inferred = value(&bytes, &serialization).infer_type("untyped");
        prop_assert!(["string", "json", "boolean", "numeric", "dictionary", "list", "picklable"].contains(&&*inferred));
    }

    #[test]
    fn texts_survive(text in ".{0,40}") {
        prop_assert_eq!(ParameterValue::of_json(&json!(text.clone())).bytes(), Ok(text.into_bytes()));
    }
}
