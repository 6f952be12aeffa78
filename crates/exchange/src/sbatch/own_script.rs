//! Reads back a script that an export wrote, including edits in its options, variables, parameters and command.

use serde_json::{Map, Value};
use trainyard_domain::{document::Document, framework::Framework};

use super::{
    COMMAND, END_OF_LIST, FIELD_MARK, OUTPUT, PARAMETERS, VARIABLES, account::Account, directive::Script, launch, read,
    render::render, sizes::Tasks,
};
use crate::{shell, unmapped::Listing};

/// The maximum number of `#=` lines that are read. An export writes at most one per field and a few for groups.
const MOST_FIELDS: usize = 64;

/// The parts of an exported script, as they are in it now.
pub(super) struct OwnScript<'t> {
    framework: Option<Framework>,
    fields: Vec<&'t str>,
    variables: Vec<String>,
    parameters: Vec<String>,
    command: String,
}

/// Reads the parts of an exported script. They must be in the order of the export, with only comments between them. `None`
/// for any other script, and for one with an edited launch part.
pub(super) fn recognise<'t>(script: &Script<'t>) -> Option<OwnScript<'t>> {
    let fields: Vec<&str> = script.comments.iter().filter_map(|line| line.strip_prefix(FIELD_MARK)).collect();
    let (variables, rest) = list(script.commands, VARIABLES)?;
    let (parameters, rest) = list(rest, PARAMETERS)?;
    let rest = skip_comments(rest).strip_prefix(COMMAND)?;
    let (command, launch) = shell::read_word(rest)?;
    let framework = launch::framework_of(launch.strip_prefix('\n')?)?;
    (fields.len() <= MOST_FIELDS).then_some(OwnScript { framework, fields, variables, parameters, command })
}

impl OwnScript<'_> {
    /// The fields of the template. Options and values that do not fit together any more are listed.
    pub(super) fn read(&self, script: &Script<'_>, listing: &mut Listing) -> Document {
        let mut account = Account::of(script);
        let mut body = read::fields(&mut account, Tasks::ShareANode);
        // Every exported script has these, so they say nothing about the template.
        for (option, ours) in [("output", OUTPUT), ("export", "NONE"), ("requeue", "")] {
            account
                .last(option)
                .filter(|entry| entry.value == ours)
                .iter()
                .for_each(|entry| account.mark_translated(*entry));
        }
        account.last("ntasks-per-node").iter().for_each(|entry| account.mark_translated(*entry));
        account.list_rest(listing);
        if let Some(framework) = self.framework {
            body.insert("trainingFramwork".to_owned(), Value::from(framework.as_str()));
        }
        if !self.command.is_empty() {
            body.insert("startCommand".to_owned(), Value::from(self.command.as_str()));
        }
        add_variables(&self.variables, &mut body);
        for line in &self.fields {
            read_field(line, &mut body, listing);
        }
        self.read_parameters(&mut body, listing);
        body
    }

    /// Declared parameters become plain variables if their defaults were edited in the script.
    fn read_parameters(&self, body: &mut Document, listing: &mut Listing) {
        if render(body).parameters == self.parameters {
            return;
        }
        if let Some(parameters) = body.remove("parameters") {
            let why = "the defaults in the script were edited, so they become variables";
            listing.add("parameters", &parameters.to_string(), why);
        }
        add_variables(&self.parameters, body);
    }
}

/// The words of a list, and the text after it.
fn list<'t>(text: &'t str, begin: &str) -> Option<(Vec<String>, &'t str)> {
    let mut rest = skip_comments(text).strip_prefix(begin)?;
    let mut words = Vec::new();
    loop {
        rest = skip_comments(rest);
        if let Some(after) = rest.strip_prefix(END_OF_LIST) {
            return Some((words, after));
        }
        let (word, after) = shell::read_word(rest)?;
        words.push(word);
        rest = after;
    }
}

/// The text from its first line that is neither blank nor a comment.
fn skip_comments(text: &str) -> &str {
    let mut rest = text.trim_start();
    while rest.starts_with('#') {
        rest = rest.split_once('\n').map_or("", |(_, after)| after).trim_start();
    }
    rest
}

fn add_variables(pairs: &[String], body: &mut Document) {
    if pairs.is_empty() {
        return;
    }
    let env = body.entry("env").or_insert_with(|| Value::Object(Map::new()));
    let pairs = pairs.iter().filter_map(|pair| pair.split_once('='));
    if let Some(env) = env.as_object_mut() {
        env.extend(pairs.map(|(name, value)| (name.to_owned(), Value::from(value))));
    }
}

/// Takes a value from its `#=` line. If the job would run differently with it, the script was edited since and wins.
fn read_field(line: &str, body: &mut Document, listing: &mut Listing) {
    let Ok(Value::Object(field)) = serde_json::from_str::<Value>(line) else {
        listing.add("script", line, "was a value of the template and is no longer readable");
        return;
    };
    let mut with = body.clone();
    for (key, value) in field {
        match (with.get_mut(&key), value) {
            (Some(Value::Object(group)), Value::Object(members)) => {
                members.into_iter().for_each(|(key, it)| set(group, key, it))
            }
            (_, value) => set(&mut with, key, value),
        }
    }
    let (before, after) = (render(body), render(&with));
    let runs_alike = before.options == after.options
        && before.variables == after.variables
        && before.command == after.command
        // PyTorch and DeepSpeed have the same launch; only this line tells them apart.
        && launch::text(before.framework) == launch::text(after.framework);
    if runs_alike {
        *body = with;
    } else {
        listing.add("script", line, "the script was edited and now has another value, which is used");
    }
}

/// Sets a member; `null` removes it.
fn set(members: &mut Document, key: String, value: Value) {
    if value.is_null() {
        members.shift_remove(&key);
    } else {
        members.insert(key, value);
    }
}
