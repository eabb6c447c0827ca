//! The explorer's saved queries: each runs, and nothing it asks for fails.

use fondaco_api::schema::examples;
use serde_json::Value;

use crate::kit::houses;
use crate::seed::{person, reference_data};

#[tokio::test]
async fn every_saved_query_runs_as_it_stands() {
    for house in houses().await {
        reference_data(&house).await;
        person(&house, house.tenant, "ann", (10, 2, 20)).await;
        let key = house.key().await;
        for example in examples() {
            let variables = if example.variables.is_empty() {
                Value::Null
            } else {
                serde_json::from_str(&example.variables).unwrap()
            };
            let got = house.query_with(&key, &example.query, variables).await;
            got.data();
            assert!(!example.title.is_empty());
        }
    }
}
