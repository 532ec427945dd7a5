//! The price of an instance type, in the words of AWS's price list.

use aws_sdk_pricing::types::{Filter, FilterType};
use domain::instance_type::InstanceType;
use domain::price::Usd;
use serde_json::Value;

/// Linux, on demand, on shared hardware, without further software.
const PLAIN: [(&str, &str); 4] =
    [("operatingSystem", "Linux"), ("preInstalledSw", "NA"), ("tenancy", "Shared"), ("capacitystatus", "Used")];

/// What selects one type in one region.
pub(crate) fn filters(region: &str, instance_type: &InstanceType) -> Vec<Filter> {
    let own = [("regionCode", region), ("instanceType", instance_type.as_str())];
    let filter = |(field, value): (&str, &str)| {
        Filter::builder().r#type(FilterType::TermMatch).field(field).value(value).build().ok()
    };
    PLAIN.into_iter().chain(own).filter_map(filter).collect()
}

/// The on-demand price per hour in a list of products, each a JSON text; none if nothing is sold.
pub(crate) fn price(products: &[String]) -> Result<Option<Usd>, String> {
    let mut lowest = None;
    for product in products {
        let product: Value = serde_json::from_str(product).map_err(|error| format!("a product is no JSON: {error}"))?;
        let terms = product["terms"]["OnDemand"].as_object().into_iter().flat_map(|terms| terms.values());
        let dimensions = terms.filter_map(|term| term["priceDimensions"].as_object()).flat_map(|all| all.values());
        for dimension in dimensions.filter(|dimension| dimension["unit"] == "Hrs") {
            let text = dimension["pricePerUnit"]["USD"].as_str().unwrap_or_default();
            let price = Usd::parse(text).ok_or_else(|| format!("'{text}' is no price in US dollars"))?;
            // A reservation's own hours are listed as free.
            if price > Usd::default() {
                lowest = Some(lowest.map_or(price, |lowest: Usd| lowest.min(price)));
            }
        }
    }
    Ok(lowest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn product(price: &str) -> String {
        let dimension = json!({"unit": "Hrs", "pricePerUnit": {"USD": price}});
        json!({
            "product": {"attributes": {"instanceType": "t3.xlarge"}},
            "terms": {"OnDemand": {"A.B": {"priceDimensions": {"A.B.C": dimension}}}, "Reserved": {}},
        })
        .to_string()
    }

    #[test]
    fn the_price_is_that_of_an_hour_on_demand() {
        assert_eq!(price(&[product("0.1664000000")]), Ok(Some(Usd::from_micro(166_400))));
        assert_eq!(price(&[product("0.0000000000"), product("0.2")]), Ok(Some(Usd::from_micro(200_000))));
        assert_eq!(price(&[]), Ok(None));
        assert!(price(&["<html>".to_owned()]).is_err());
        assert!(price(&[product("a lot")]).is_err());
    }

    #[test]
    fn one_type_in_one_region_is_asked_for() {
        let asked = filters("eu-west-1", &InstanceType::parse("t3.xlarge").expect("a type"));
        let asked: Vec<_> = asked.iter().map(|filter| (filter.field(), filter.value())).collect();
        assert_eq!(asked.len(), 6);
        assert!(asked.contains(&("regionCode", "eu-west-1")) && asked.contains(&("instanceType", "t3.xlarge")));
    }
}
