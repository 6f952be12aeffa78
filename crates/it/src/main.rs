//! The program under test, as the tests start it.

fn main() -> std::process::ExitCode {
    let mut args = std::env::args_os().skip(1);
    match (args.next(), args.next()) {
        (Some(verb), Some(dir)) if verb == "shim" => {
            let code = trainyard_engine::local::shim::run(std::path::Path::new(&dir));
            std::process::ExitCode::from(u8::try_from(code).unwrap_or(1))
        }
        _ => std::process::ExitCode::from(2),
    }
}
