//! Every SQL text of the sources is prepared against the schema, so that no statement can name a table or column that does
//! not exist. The texts are found in the sources themselves: a new statement needs no entry anywhere.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use proc_macro2::{Literal, TokenStream, TokenTree};

use super::World;
use crate::sql::{LIST_MAX, filtered_text, list_text};

/// The words with which a statement begins.
const FIRST_WORDS: [&str; 15] = [
    "ALTER",
    "BEGIN",
    "COMMIT",
    "CREATE",
    "DELETE",
    "DROP",
    "INSERT",
    "PRAGMA",
    "RELEASE",
    "ROLLBACK",
    "SAVEPOINT",
    "SELECT",
    "UPDATE",
    "VACUUM",
    "WITH",
];

/// The SQL texts of one source file by macro, and the lines with SQL outside of any macro.
#[derive(Debug, Default, PartialEq)]
struct Texts {
    whole: Vec<String>,
    lists: Vec<String>,
    filtered: Vec<String>,
    conditions: Vec<String>,
    outside: Vec<String>,
}

/// Shared parts of statements: the text of each macro without arguments.
type Parts = BTreeMap<String, String>;

fn string(literal: &Literal) -> Option<String> {
    syn::parse_str::<syn::LitStr>(&literal.to_string()).ok().map(|text| text.value())
}

/// The name of a macro and its arguments, where a call of one begins.
fn call(tokens: &[TokenTree]) -> Option<(String, &proc_macro2::Group)> {
    match tokens {
        [TokenTree::Ident(name), TokenTree::Punct(mark), TokenTree::Group(arguments), ..] if mark.as_char() == '!' => {
            Some((name.to_string(), arguments))
        }
        _ => None,
    }
}

/// The one string of `() => { "…" };`.
fn part_of(body: TokenStream) -> Option<String> {
    let tokens: Vec<_> = body.into_iter().collect();
    let [TokenTree::Group(none), TokenTree::Punct(_), TokenTree::Punct(_), TokenTree::Group(text), ..] = &tokens[..]
    else {
        return None;
    };
    match &text.stream().into_iter().collect::<Vec<_>>()[..] {
        [TokenTree::Literal(text)] if none.stream().is_empty() => string(text),
        _ => None,
    }
}

fn collect_parts(tokens: TokenStream, parts: &mut Parts) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    for at in 0..tokens.len() {
        if let [TokenTree::Ident(rules), TokenTree::Punct(_), TokenTree::Ident(name), TokenTree::Group(body), ..] =
            &tokens[at..]
            && *rules == "macro_rules"
            && let Some(text) = part_of(body.stream())
        {
            parts.insert(name.to_string(), text);
        }
        if let TokenTree::Group(group) = &tokens[at] {
            collect_parts(group.stream(), parts);
        }
    }
}

/// The text that the arguments of a macro make: strings and shared parts, separated by commas.
fn joined(arguments: TokenStream, parts: &Parts) -> String {
    let tokens: Vec<_> = arguments.into_iter().collect();
    let mut text = String::new();
    let mut at = 0;
    while at < tokens.len() {
        match (&tokens[at], call(&tokens[at..])) {
            (_, Some((name, _))) => {
                text.push_str(parts.get(&name).unwrap_or_else(|| panic!("{name}! is no shared part of statements")));
                at += 3;
            }
            (TokenTree::Literal(literal), _) => {
                text.push_str(&string(literal).unwrap_or_else(|| panic!("{literal} is no string")));
                at += 1;
            }
            (TokenTree::Punct(comma), _) if comma.as_char() == ',' => at += 1,
            (other, _) => panic!("{other} in the text of a statement: only strings and shared parts can be read here"),
        }
    }
    text
}

fn collect(tokens: TokenStream, parts: &Parts, texts: &mut Texts) {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        if let Some((name, arguments)) = call(&tokens[at..]) {
            let text = || joined(arguments.stream(), parts);
            at += 3;
            match name.as_str() {
                "sql" => texts.whole.push(text()),
                "sql_list" => texts.lists.push(text()),
                "sql_filtered" => texts.filtered.push(text()),
                "sql_condition" => {
                    texts.conditions.push(joined(arguments.stream().into_iter().take(1).collect(), parts))
                }
                _ => collect(arguments.stream(), parts, texts),
            }
            continue;
        }
        match &tokens[at] {
            // An attribute: the text of a doc comment may quote SQL.
            TokenTree::Punct(mark) if mark.as_char() == '#' => at += 1,
            TokenTree::Group(group) => collect(group.stream(), parts, texts),
            TokenTree::Literal(literal) => {
                let text = string(literal).unwrap_or_default();
                let first = text.split([' ', ';']).next().unwrap_or_default();
                if FIRST_WORDS.contains(&first) {
                    texts.outside.push(text);
                }
            }
            _ => {}
        }
        at += 1;
    }
}

fn texts_of(source: &str, parts: &Parts) -> Texts {
    let mut texts = Texts::default();
    collect(TokenStream::from_str(source).unwrap(), parts, &mut texts);
    texts
}

/// The source files of the crate, without its tests.
fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.file_stem().unwrap().to_str().unwrap() {
            "tests" => {}
            _ if path.is_dir() => sources(&path, found),
            _ => found.push(path),
        }
    }
}

/// All choices of some of the conditions.
fn subsets(conditions: &[String]) -> Vec<Vec<&str>> {
    let choose = |bits: usize| (0..conditions.len()).filter(move |at| bits >> at & 1 == 1);
    (0..1 << conditions.len()).map(|bits| choose(bits).map(|at| conditions[at].as_str()).collect()).collect()
}

/// Every statement that a file can run.
fn statements(texts: &Texts) -> Vec<String> {
    let mut all = texts.whole.clone();
    let sizes: Vec<usize> = (0..).map(|power| 1 << power).take_while(|size| *size <= LIST_MAX).collect();
    all.extend(texts.lists.iter().flat_map(|text| sizes.iter().map(move |size| list_text(text, *size))));
    for text in &texts.filtered {
        let fixed = text.matches("$").count() - text.matches("$conditions").count();
        all.extend(subsets(&texts.conditions).iter().map(|some| filtered_text(text, fixed, some)));
    }
    all
}

/// Why a statement cannot be prepared, or which of its placeholders is no number that follows the others.
fn fault(connection: &rusqlite::Connection, text: &str) -> Option<String> {
    let prepared = match connection.prepare(text) {
        Err(error) => return Some(error.to_string()),
        Ok(prepared) => prepared,
    };
    let count = prepared.parameter_count();
    let mut names: Vec<&str> = (1..=count).map(|at| prepared.parameter_name(at).unwrap_or("?")).collect();
    names.sort_by_key(|name| (name.len(), name.to_string()));
    let expected: Vec<String> = (1..=count).map(|number| format!("${number}")).collect();
    (names != expected).then(|| format!("its placeholders are {names:?}"))
}

#[tokio::test]
async fn every_statement_of_the_sources_can_be_prepared() {
    let world = World::new().await;
    let connection = world.connection();
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let read: Vec<(PathBuf, String)> =
        files.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect();
    let mut parts = Parts::new();
    for (_, source) in &read {
        collect_parts(TokenStream::from_str(source).unwrap(), &mut parts);
    }
    let (mut statements_seen, mut faults) = (0, Vec::new());
    for (path, source) in read.iter().filter(|(path, _)| !path.ends_with("sql.rs")) {
        let texts = texts_of(source, &parts);
        let path = path.display();
        assert_eq!(texts.outside, [""; 0], "{path}: SQL outside of the macros of sql.rs");
        assert!(texts.conditions.is_empty() || !texts.filtered.is_empty(), "{path}: conditions without a statement");
        for text in statements(&texts) {
            statements_seen += 1;
            faults.extend(fault(&connection, &text).map(|why| format!("{path}: {why}: {text}")));
        }
    }
    assert_eq!(faults, [""; 0]);
    assert!(statements_seen > 250, "only {statements_seen} statements were found: the search misses some");
}

#[tokio::test]
async fn an_invalid_statement_is_found_in_every_macro() {
    let world = World::new().await;
    let connection = world.connection();
    let mut parts = Parts::new();
    collect_parts(TokenStream::from_str(r#"macro_rules! columns { () => { "id, nmae" }; }"#).unwrap(), &mut parts);
    let check = |source: &str, expected: &[&str]| {
        let texts = texts_of(source, &parts);
        let faults = statements(&texts).iter().filter_map(|text| fault(&connection, text)).collect::<Vec<_>>();
        assert_eq!(faults.len(), expected.len(), "{source}: {faults:?}");
        for (fault, expected) in faults.iter().zip(expected) {
            assert!(fault.contains(expected), "{source}: {fault}");
        }
    };
    check(r#"fn f() { const A: Sql = sql!("SELECT id FROM jobs WHERE id = $1"); }"#, &[]);
    check(r#"fn f() { on.row(statement(sql!("SELECT id FROM jbos"))) }"#, &["no such table: jbos"]);
    check(r#"const A: Sql = sql!("SELECT ", columns!(), " FROM jobs");"#, &["no such column: nmae"]);
    check(r#"const A: Sql = sql!("DELETE FROM jobs WHERE id = $2");"#, &["placeholders"]);
    check(r#"const A: SqlList = sql_list!("SELECT id FROM jobs WHERE key IN ($list)");"#, &["no such column: key"; 10]);
    // With two conditions, of which one is wrong, half of the four choices are wrong.
    let filtered =
        r#"sql_filtered!("SELECT id FROM jobs WHERE $conditions LIMIT $1"); sql_condition!("state = $value", 1);"#;
    check(&format!(r#"{filtered} sql_condition!("sttae = $value", x)"#), &["no such column: sttae"; 2]);
    let outside = texts_of(
        r#"/// SELECT 1
        fn f() { connection.execute("DELETE FROM jobs") }"#,
        &parts,
    )
    .outside;
    assert_eq!(outside, ["DELETE FROM jobs"]);
}
