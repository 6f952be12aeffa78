//! A script that we wrote, read back: by its parts, with whatever was edited in them.

use serde_json::{Map, Value};
use trainyard_domain::{document::Document, framework::Framework};

use super::{
    COMMAND, END_OF_LIST, FIELD_MARK, OUTPUT, PARAMETERS, VARIABLES, account::Account, directive::Script, launch, read,
    render::render, sizes::Tasks,
};
use crate::{shell, unmapped::Listing};

/// The most lines of values that are looked at; a script of ours has no more than there are fields.
const MOST_FIELDS: usize = 64;

/// A script of ours: its parts, still as they stand in it.
pub(super) struct Own<'t> {
    framework: Option<Framework>,
    fields: Vec<&'t str>,
    variables: Vec<String>,
    parameters: Vec<String>,
    command: String,
}

/// Reads a script of ours: its parts in the order in which they are written, nothing between them but comments. `None`
/// where it is not one, or its launch was changed.
pub(super) fn recognise<'t>(script: &Script<'t>) -> Option<Own<'t>> {
    let fields: Vec<&str> = script.comments.iter().filter_map(|line| line.strip_prefix(FIELD_MARK)).collect();
    let (variables, rest) = list(script.commands, VARIABLES)?;
    let (parameters, rest) = list(rest, PARAMETERS)?;
    let rest = skip_comments(rest).strip_prefix(COMMAND)?;
    let (command, launch) = shell::read_word(rest)?;
    let framework = launch::framework_of(launch.strip_prefix('\n')?)?;
    (fields.len() <= MOST_FIELDS).then_some(Own { framework, fields, variables, parameters, command })
}

impl Own<'_> {
    /// The template that the script says, and what of it does not fit together any more.
    pub(super) fn list(&self, script: &Script<'_>, listing: &mut Listing) -> Document {
        let mut account = Account::of(script);
        let mut body = read::fields(&mut account, Tasks::ShareANode);
        // What we wrote for every script says nothing of the template.
        for (option, ours) in [("output", OUTPUT), ("export", "NONE"), ("requeue", "")] {
            account.last(option).filter(|entry| entry.value == ours).iter().for_each(|entry| account.carry(*entry));
        }
        account.last("ntasks-per-node").iter().for_each(|entry| account.carry(*entry));
        account.list_rest(listing);
        if let Some(framework) = self.framework {
            body.insert("trainingFramwork".to_owned(), Value::from(framework.as_str()));
        }
        if !self.command.is_empty() {
            body.insert("startCommand".to_owned(), Value::from(self.command.as_str()));
        }
        add_variables(&self.variables, &mut body);
        for line in &self.fields {
            take_field(line, &mut body, listing);
        }
        self.take_parameters(&mut body, listing);
        body
    }

    /// Parameters whose defaults were edited in the script are variables now.
    fn take_parameters(&self, body: &mut Document, listing: &mut Listing) {
        if render(body).parameters == self.parameters {
            return;
        }
        if let Some(parameters) = body.remove("parameters") {
            let why = "the defaults in the script are others now: they are taken as variables";
            listing.add("parameters", &parameters.to_string(), why);
        }
        add_variables(&self.parameters, body);
    }
}

/// A list of words between its lines, and what stands behind it.
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

/// A text from its first line on that is neither blank nor a comment.
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

/// Takes a value from its line, unless what runs would be another thing with it: then the script was edited since.
fn take_field(line: &str, body: &mut Document, listing: &mut Listing) {
    let Ok(Value::Object(field)) = serde_json::from_str::<Value>(line) else {
        listing.add("script", line, "was a value of the template once and can no longer be read");
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
        // Two frameworks with the same launch are told apart by their line alone.
        && launch::text(before.framework) == launch::text(after.framework);
    if runs_alike {
        *body = with;
    } else {
        listing.add("script", line, "the script says otherwise now, and that is taken");
    }
}

/// Sets a member; `null` takes it away.
fn set(members: &mut Document, key: String, value: Value) {
    if value.is_null() {
        members.shift_remove(&key);
    } else {
        members.insert(key, value);
    }
}
