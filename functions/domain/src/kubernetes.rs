//! Versions of Kubernetes.

use std::ops::RangeInclusive;

/// The minor versions that this release has add-ons for: the cluster autoscaler is released with each of them.
pub const MINORS: RangeInclusive<u32> = 20..=36;

/// The number by which versions are compared, 34 of `1.34`: as text, `1.9` would be the newer one. None of what is not a
/// version.
#[must_use]
pub fn minor(version: &str) -> Option<u32> {
    version.strip_prefix("1.")?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_minor_number() {
        assert_eq!(
            ["1.9", "1.34", "1.34.1", "2.0", "1.x", ""].map(minor),
            [Some(9), Some(34), Some(34), None, None, None]
        );
    }
}
