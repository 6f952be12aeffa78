//! Finding ids by name: users may give a name where an id is expected, if exactly one template, job or centre has it.

#[cfg(test)]
mod tests;

use trainyard_api::{
    Client,
    centre::Centre,
    job::JobListQuery,
    page::MAX_PAGE_SIZE,
    template::find::{Archived, TemplateListQuery},
};

use crate::exit::Failure;

/// A template or job that has the given name.
struct Namesake {
    id: String,
    /// Distinguishes the object from others of the same name.
    details: String,
}

/// The id of the template with this id or name. Archived templates are found by id only.
pub(crate) async fn template(client: &Client, text: &str) -> Result<String, Failure> {
    template_among(client, text, None).await
}

/// The id of the archived template with this id or name.
pub(crate) async fn archived_template(client: &Client, text: &str) -> Result<String, Failure> {
    template_among(client, text, Some(Archived::True)).await
}

async fn template_among(client: &Client, text: &str, archived: Option<Archived>) -> Result<String, Failure> {
    if is_id(text, "tpl_") {
        return Ok(text.to_owned());
    }
    let mut namesakes = Vec::new();
    for page in 1.. {
        let query = TemplateListQuery {
            page_no: Some(page),
            page_size: Some(MAX_PAGE_SIZE),
            name: Some(text.to_owned()),
            archived,
            ..TemplateListQuery::default()
        };
        let answer = client.template_list(&query).await?.data;
        let more = more_pages(page, answer.total_rows);
        let same = answer.records.into_iter().filter(|record| record.body.name.as_deref() == Some(text));
        namesakes.extend(same.map(|record| Namesake { details: format!("project {}", record.project), id: record.id }));
        if !more {
            break;
        }
    }
    only(namesakes, "template", text).map_err(Failure::Other)
}

/// The id of the job with this id or name.
pub(crate) async fn job(client: &Client, text: &str) -> Result<String, Failure> {
    if is_id(text, "job_") {
        return Ok(text.to_owned());
    }
    let mut namesakes = Vec::new();
    for page in 1.. {
        let query = JobListQuery {
            page_no: Some(page),
            page_size: Some(MAX_PAGE_SIZE),
            name: Some(text.to_owned()),
            ..JobListQuery::default()
        };
        let answer = client.job_list(&query).await?.data;
        let more = more_pages(page, answer.total_rows);
        let same = answer.records.into_iter().filter(|record| record.name == text);
        namesakes.extend(same.map(|record| Namesake {
            details: format!("{}, created {}", record.status.as_str(), record.created_time),
            id: record.id,
        }));
        if !more {
            break;
        }
    }
    only(namesakes, "job", text).map_err(Failure::Other)
}

fn more_pages(page: u32, total_rows: u64) -> bool {
    u64::from(page) * u64::from(MAX_PAGE_SIZE) < total_rows
}

fn is_id(text: &str, prefix: &str) -> bool {
    let digits = text.strip_prefix(prefix).unwrap_or_default();
    digits.len() == 20 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn only(namesakes: Vec<Namesake>, kind: &str, text: &str) -> Result<String, String> {
    const SHOWN: usize = 5;
    match namesakes.as_slice() {
        [only] => Ok(only.id.clone()),
        [] => Err(format!("no {kind} has the id or name {text:?}; run `trainyard {kind} list`")),
        several => {
            let shown = several.iter().take(SHOWN).map(|one| format!("\n  {} ({})", one.id, one.details));
            let list: String = shown.collect();
            let rest = if several.len() > SHOWN { "\n  …" } else { "" };
            Err(format!("{} {kind}s have the name {text:?}; use an id instead:{list}{rest}", several.len()))
        }
    }
}

/// The index of the centre with this id or name; without one, of the centre with the lowest id.
pub(crate) fn centre(centres: &[Centre], wanted: Option<&str>) -> Option<usize> {
    centres.iter().position(|one| match wanted {
        Some(wanted) => one.id.to_string() == wanted || one.name == wanted,
        None => centres.iter().all(|other| one.id <= other.id),
    })
}

/// The failure for a centre that does not exist.
pub(crate) fn unknown_centre(wanted: Option<&str>) -> Failure {
    let wanted = wanted.unwrap_or_default();
    Failure::Other(format!("no centre has the id or name {wanted:?}; run `trainyard centre list`"))
}
