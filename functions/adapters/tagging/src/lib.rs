//! What a user's account has with our tags: the Resource Groups Tagging API, with the user's credentials.

use adapter_sdk::{Sdk, failed};
use async_trait::async_trait;
use aws_sdk_resourcegroupstagging::Client;
use aws_sdk_resourcegroupstagging::types::{ResourceTagMapping, TagFilter};
use domain::integration::AccessKey;
use domain::inventory::TaggedResource;
use runtime::ports::{Result, TaggedResources};

/// The most that one answer can have.
const PAGE: i32 = 100;

/// The Resource Groups Tagging API.
pub struct ResourceGroupsTagging {
    sdk: Sdk,
}

impl ResourceGroupsTagging {
    /// The API in users' accounts.
    #[must_use]
    pub fn new(sdk: &Sdk) -> Self {
        Self { sdk: sdk.clone() }
    }
}

#[async_trait]
impl TaggedResources for ResourceGroupsTagging {
    async fn find(&self, key: &AccessKey, region: &str, tag: &str, value: &str) -> Result<Vec<TaggedResource>> {
        let client = Client::new(&self.sdk.for_account(key, region));
        let filter = TagFilter::builder().key(tag).values(value).build();
        let (mut found, mut next) = (vec![], None);
        loop {
            let request = client.get_resources().tag_filters(filter.clone()).resources_per_page(PAGE);
            let page = request.set_pagination_token(next).send().await;
            let page = page.map_err(failed(format!("list the resources tagged {tag}={value} in {region}")))?;
            found.extend(page.resource_tag_mapping_list.unwrap_or_default().into_iter().filter_map(tagged));
            // The last page has an empty token.
            next = page.pagination_token.filter(|token| !token.is_empty());
            if next.is_none() {
                return Ok(found);
            }
        }
    }
}

fn tagged(mapping: ResourceTagMapping) -> Option<TaggedResource> {
    let tags = mapping.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)).collect();
    Some(TaggedResource { arn: mapping.resource_arn?, tags })
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_resourcegroupstagging::types::Tag;

    #[test]
    fn a_resource_comes_with_all_its_tags() {
        let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build().expect("complete");
        let mapping = ResourceTagMapping::builder().resource_arn("arn:aws:ec2:us-east-1:1:vpc/vpc-1");
        let mapping = mapping.tags(tag("Name", "x")).tags(tag("ondemand-eks:generation", "2")).build();
        let found = tagged(mapping).expect("a resource");
        assert_eq!(found.arn, "arn:aws:ec2:us-east-1:1:vpc/vpc-1");
        assert_eq!(found.tags["ondemand-eks:generation"], "2");
        assert!(tagged(ResourceTagMapping::builder().build()).is_none());
    }
}
