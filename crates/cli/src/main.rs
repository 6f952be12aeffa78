//! The binary; everything else is in the library beside it, so that tests can build it under another name.

// Bodies are trees of many small values, made on one thread and dropped on another; this one is much quicker at that
// than the C library's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    trainyard::main()
}
