//! The binary; everything else is in the library beside it, so that tests can build it under another name.

fn main() -> std::process::ExitCode {
    trainyard::main()
}
