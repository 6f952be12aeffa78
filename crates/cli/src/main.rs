//! The binary. All code is in the library beside it, so that the tests can build a second binary from it.

// JSON bodies are trees of many small values, created on one thread and dropped on another. mimalloc is much faster at
// this than the allocator of the C library.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    trainyard::main()
}
