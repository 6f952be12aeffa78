//! Pages of jobs, filtered and newest first.

use trainyard_domain::{
    id::TemplateId,
    job::{Job, Status},
    text::NAME_MAX_CHARS,
};

use super::record::{job_columns, job_joins, job_of};
use crate::{
    Page, PageRequest, Scope, Store, StoreError,
    list::folded,
    sql::{Condition, SqlFiltered, Statement, sql_condition, sql_filtered, statement_filtered},
};

/// The jobs of a list; a filter that is `None` lets every job through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobFilter {
    /// The jobs that the caller may see.
    pub scope: Scope,
    /// A part of the name; capital letters of ASCII count as small ones.
    pub name: Option<String>,
    /// The state of the job.
    pub status: Option<Status>,
    /// The compute centre.
    pub centre: Option<i64>,
    /// The template from which the jobs were created.
    pub template: Option<TemplateId>,
}

impl JobFilter {
    /// All jobs of a scope.
    pub fn of(scope: Scope) -> Self {
        Self { scope, name: None, status: None, centre: None, template: None }
    }
}

impl Store {
    /// A page of the jobs that a filter lets through, newest first.
    pub async fn list_jobs(&self, f: &JobFilter, p: PageRequest) -> Result<Page<Job>, StoreError> {
        let [count, select] = list_statements(f, p);
        self.readers().count_and_rows(count, select, job_of).await.map(Page::from)
    }
}

/// The statements of a list: how many jobs there are, and those of the page.
pub(crate) fn list_statements(f: &JobFilter, p: PageRequest) -> [Statement<'_>; 2] {
    const COUNT: SqlFiltered = sql_filtered!("SELECT count(*) AS total FROM jobs WHERE $conditions");
    // The inner statement walks over an index alone; only the page's own rows are read whole.
    const SELECT: SqlFiltered = sql_filtered!(
        "WITH page AS (SELECT id FROM jobs WHERE $conditions ORDER BY created DESC, id DESC LIMIT $1 OFFSET $2) SELECT ",
        job_columns!(),
        " FROM page JOIN jobs j ON j.id = page.id ",
        job_joins!(),
        " ORDER BY j.created DESC, j.id DESC"
    );
    [
        statement_filtered(COUNT, Vec::new(), conditions(f)),
        statement_filtered(SELECT, vec![p.limit().into(), p.offset().into()], conditions(f)),
    ]
}

fn conditions(f: &JobFilter) -> Vec<Condition<'_>> {
    let project = match &f.scope {
        Scope::All => None,
        Scope::Seen { project, .. } => Some(project),
    };
    let all = [
        project.map(|project| sql_condition!("project = $value", project)),
        f.status.map(|status| match status {
            // A job in the queue of its engine is a queued job to readers.
            Status::Queued => sql_condition!("status IN ($value, 'Pending')", status.as_str()),
            _ => sql_condition!("status = $value", status.as_str()),
        }),
        f.centre.map(|centre| sql_condition!("centre = $value", centre)),
        f.template.as_ref().map(|template| sql_condition!("template_id = $value", template.as_str())),
        f.name.as_ref().map(|name| name_contains(name)),
    ];
    all.into_iter().flatten().collect()
}

/// The condition that a name contains a text, in which `%` and `_` are ordinary characters.
fn name_contains(text: &str) -> Condition<'static> {
    // No name is longer or has such a character, and the database would fail on both.
    let matches_nothing = text.chars().count() > 4 * NAME_MAX_CHARS || text.contains('\0');
    if matches_nothing {
        return sql_condition!("1 = 0");
    }
    let mut pattern = String::from("%");
    for character in folded(text).chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    sql_condition!("name_folded LIKE $value ESCAPE '\\'", pattern)
}
