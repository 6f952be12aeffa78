//! The program under test, as the tests start it.

fn main() -> std::process::ExitCode {
    trainyard::main()
}
