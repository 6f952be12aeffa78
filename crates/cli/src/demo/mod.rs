//! placeholder
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {}
pub(crate) async fn run(_: DemoArgs) -> Result<(), crate::exit::Failure> { Ok(()) }
