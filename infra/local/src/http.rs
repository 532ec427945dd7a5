//! Our HTTP client: for addresses of this machine only.

/// A client that uses no proxy, follows no redirect and keeps no connection: the emulator closes those that nobody uses
/// for some seconds, which may be the moment in which one is used again.
pub(crate) fn client() -> reqwest::Client {
    let builder = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    let builder = builder.pool_max_idle_per_host(0);
    // The builder fails only on TLS settings, and this client has none.
    builder.build().unwrap_or_default()
}

/// Percent-encoding for a form's or query's value.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    #[test]
    fn everything_special_is_encoded() {
        assert_eq!(super::encode("a b&c=ä"), "a%20b%26c%3D%C3%A4");
    }
}
