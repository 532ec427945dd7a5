//! The regions of AWS, as data: to tell a mistyped one from one that does not answer.
//!
//! Nothing is refused because it is not in the list: AWS opens regions more often than anybody updates one. It is only
//! what to think of a region in which nobody answers.
//!
//! Source: AWS, "Regions and Availability Zones" and the endpoints of the partitions, read 2026-11.

/// When the list was last compared with its source.
pub const AS_OF: &str = "2026-11";

/// Regions that every account of their partition has.
const OPEN: [&str; 22] = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eusc-de-east-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
];

/// Regions that an account has to enable before it can use them.
const OPT_IN: [&str; 17] = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-south-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-west-1",
    "eu-central-2",
    "eu-south-1",
    "eu-south-2",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
];

/// A region differs from a mistyped one in so many letters at most: put in, left out or replaced.
const MOST_TYPOS: usize = 2;

/// Whether this is a region that is known here.
#[must_use]
pub fn is_known(region: &str) -> bool {
    OPEN.contains(&region) || OPT_IN.contains(&region)
}

/// What to say of a region in which no service could be reached; none if it is a known one, which will answer again.
#[must_use]
pub fn unreachable(region: &str) -> Option<String> {
    if is_known(region) {
        return None;
    }
    let meant = nearest(region).map(|known| format!(" Did you mean {known}?")).unwrap_or_default();
    Some(format!(
        "field 'region': nobody answers for AWS in '{region}', and it is none of the regions known in {AS_OF}.{meant} If it is newer, try again later"
    ))
}

/// What else may be the reason that a region does not accept credentials; none if every account has that region.
#[must_use]
pub fn unaccepted(region: &str) -> Option<String> {
    let enable = "`aws account enable-region --region-name";
    OPT_IN.contains(&region).then(|| {
        format!(
            "If they are right, {region} is not enabled for the account: an administrator enables it by {enable} {region}`"
        )
    })
}

/// The known regions that are spelt most like this one, in words; none if none is near.
fn nearest(region: &str) -> Option<String> {
    let all = OPEN.into_iter().chain(OPT_IN).map(|known| (strsim::levenshtein(region, known), known));
    let near: Vec<_> = all.filter(|(typos, _)| *typos <= MOST_TYPOS).collect();
    let least = near.iter().map(|(typos, _)| *typos).min()?;
    let nearest = near.into_iter().filter(|(typos, _)| *typos == least).map(|(_, known)| known);
    Some(nearest.collect::<Vec<_>>().join(" or "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::integration::check_region;

    #[test]
    fn every_region_of_the_list_looks_like_one_and_is_there_once() {
        let all: Vec<_> = OPEN.into_iter().chain(OPT_IN).collect();
        assert!(all.iter().all(|region| check_region(region).is_ok()), "{all:?}");
        assert!(OPEN.is_sorted() && OPT_IN.is_sorted());
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), all.len());
    }

    #[test]
    fn a_mistyped_region_is_told_with_what_may_be_meant() {
        for (typed, meant) in [
            ("eu-cental-1", "Did you mean eu-central-1?"),
            ("us-east-11", "Did you mean us-east-1?"),
            ("us-east-3", "Did you mean us-east-1 or us-east-2?"),
            ("us-est-1", "Did you mean us-east-1 or us-west-1?"),
        ] {
            let told = unreachable(typed).expect("told");
            assert!(told.starts_with("field 'region': ") && told.contains(meant) && told.contains(typed), "{told}");
        }
        let told = unreachable("moon-base-1").expect("told");
        assert!(!told.contains("Did you mean") && told.contains("try again later"), "{told}");
    }

    #[test]
    fn a_known_region_that_does_not_answer_is_not_the_users_fault() {
        assert_eq!(unreachable("us-east-1"), None);
        assert_eq!(unreachable("mx-central-1"), None);
    }

    #[test]
    fn only_a_region_that_must_be_enabled_may_refuse_good_credentials() {
        assert_eq!(unaccepted("eu-west-1"), None);
        let told = unaccepted("il-central-1").expect("told");
        assert!(told.contains("il-central-1 is not enabled") && told.contains("enable-region"), "{told}");
    }
}
