//! `login`: checks a key against a server and saves both for later commands.

use std::io::{self, BufRead, IsTerminal, Write};

use trainyard_api::{Client, ClientError, template::find::TemplateListQuery};

use crate::{
    connect,
    exit::Failure,
    login_file::{self, Login},
    options::GlobalOptions,
    out, paths,
};

/// Arguments of `login`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Prompts for the key without showing it, or reads it from standard input. One call to the server \
    checks the key."
)]
pub(crate) struct LoginArgs {
    /// Address of the server, such as https://train.example.com [default: the server that commands call now]
    url: Option<String>,
    #[command(flatten)]
    options: GlobalOptions,
}

/// Runs the command.
pub(crate) async fn run(args: LoginArgs) -> Result<(), Failure> {
    let server = match args.url {
        Some(url) => url,
        None => connect::address(&args.options)?,
    };
    let key = typed_key(&server)?;
    let client = Client::new(&server, &key)?;
    let one = TemplateListQuery { page_size: Some(1), ..TemplateListQuery::default() };
    client.template_list(&one).await.map_err(|error| match error {
        ClientError::Server { status: 401, .. } => Failure::Other(format!(
            "{server} does not accept this key: it is unknown, expired or revoked; nothing was saved"
        )),
        error => error.into(),
    })?;
    let path = paths::login_file();
    let login = Login { server: client.base_url().to_owned(), key };
    login_file::write(&path, &login)
        .map_err(|error| Failure::because(&format!("cannot write {}", path.display()), error))?;
    out::note(&format!("logged in to {}; saved in {}", login.server, path.display()));
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
        true => Err(Failure::Usage("no key given; type it, or pass it on standard input".to_owned())),
        false => Ok(key),
    }
}
