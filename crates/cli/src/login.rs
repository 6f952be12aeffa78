//! `login`: remembers a server and a key for the commands that follow, in a file that only its owner can read.

#[cfg(test)]
mod tests;

use std::{
    fs::{self, OpenOptions},
    io::{self, BufRead, IsTerminal, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use serde::{Deserialize, Serialize};
use trainyard_api::{Client, template::find::TemplateListQuery};

use crate::{args::Common, connect, exit::Failure, out, places};

/// Remember a server and an API key.
///
/// The key is asked for without showing it, or read from standard input; one call checks it.
#[derive(Debug, clap::Args)]
pub(crate) struct LoginArgs {
    /// Address of the server, such as `https://train.example.com`
    url: Option<String>,
    #[command(flatten)]
    common: Common,
}

/// A server and the key for it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Login {
    pub(crate) server: String,
    pub(crate) key: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("server", &self.server).field("key", &"***").finish()
    }
}

/// Runs the command.
pub(crate) async fn run(args: LoginArgs) -> Result<(), Failure> {
    let server = match args.url {
        Some(url) => url,
        None => connect::address(&args.common)?,
    };
    let key = typed_key(&server)?;
    let client = Client::new(&server, &key)?;
    let one = TemplateListQuery { page_size: Some(1), ..TemplateListQuery::default() };
    client.template_list(&one).await?;
    let path = places::login_file();
    let login = Login { server: client.base_url().to_owned(), key };
    write(&path, &login).map_err(|error| Failure::because(&format!("cannot write {}", path.display()), error))?;
    out::note(&format!("{} answers; remembered in {}", login.server, path.display()));
    Ok(())
}

fn typed_key(server: &str) -> Result<String, Failure> {
    let read = if io::stdin().is_terminal() {
        drop(write!(io::stderr().lock(), "API key for {server}: "));
        console::Term::stderr().read_secure_line()
    } else {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).map(|_| line)
    };
    let key = read.map_err(|error| Failure::because("cannot read the key", error))?.trim().to_owned();
    match key.is_empty() {
        true => Err(Failure::Usage("no key was given; type it, or pass it on standard input".to_owned())),
        false => Ok(key),
    }
}

/// The login that is remembered, if any.
pub(crate) fn read() -> Result<Option<Login>, Failure> {
    let path = places::login_file();
    match fs::read_to_string(&path) {
        Ok(text) => toml::from_str(&text)
            .map(Some)
            .map_err(|_| Failure::Usage(format!("{} cannot be read; run `trainyard login` again", path.display()))),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(Failure::because(&format!("cannot read {}", path.display()), error))
        }
        Err(_) => Ok(None),
    }
}

/// Written beside the old file and moved over it, so that it is whole and private at every moment.
fn write(path: &Path, login: &Login) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let new = path.with_extension(format!("toml.{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(text(login).as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)
}

/// A JSON string is a TOML string too.
fn text(login: &Login) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    format!("# Written by `trainyard login`.\nserver = {}\nkey = {}\n", quoted(&login.server), quoted(&login.key))
}
