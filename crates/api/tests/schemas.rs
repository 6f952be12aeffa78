//! The schemas say what the answers are: names, required fields, nothing free-form that need not be.

use serde_json::{Value, json};
use trainyard_api::failures::{Fails, ReadFailures};
use trainyard_api::job::{JobCreate, JobDetail, JobRecord};
use trainyard_api::template::{TemplateBody, TemplateDetail, TemplateRecord};
use trainyard_api::{Code, Envelope, FailureData, Page};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

fn schema<T: PartialSchema>() -> Value {
    serde_json::to_value(T::schema()).unwrap()
}
#[test]
fn show() {
    println!("{:#}", schema::<TemplateDetail>());
    println!("{:#}", schema::<TemplateRecord>());
    println!("{:#}", schema::<TemplateBody>());
    println!("{:#}", schema::<JobRecord>());
    println!("{:#}", schema::<trainyard_api::spec::SpecFields>());
    println!("{:#}", schema::<Envelope<Page<TemplateRecord>>>());
    println!("{}", <Envelope<Page<TemplateRecord>>>::name());
    println!("{:#}", serde_json::to_value(ReadFailures::responses()).unwrap());
}
