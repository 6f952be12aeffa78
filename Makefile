# The commands of the project. Each is one line of cargo or one script.

# Further flags for the demo, for example DEMO_ARGS=--keep.
DEMO_ARGS ?=
# Further flags for the benchmark, for example BENCH_ARGS='--only creates'.
BENCH_ARGS ?=
# A fuzz target and its running time in seconds, for example FUZZ_ARGS='import 600'. Empty: all targets, 20 s each.
FUZZ_ARGS ?=
# The build folder of cargo.
TARGET := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)

.DEFAULT_GOAL := help
.PHONY: help build release demo bench test test-vm test-systemd check audit fuzz docs openapi clean

help: ## lists these commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | awk -F'\t' '{ printf "make %-12s  %s\n", $$1, $$2 }'

build: ## builds the binary into target/debug/trainyard
	@scripts/need.sh
	cargo build --locked --package trainyard

release: ## builds the optimised binary into target/release/trainyard
	@scripts/need.sh
	cargo build --locked --package trainyard --release

# Not optimised: the training spends its time in Python, this build is ready sooner, and the tests use it too.
demo: ## trains a real model on two workers, from an empty server to the summary (DEMO_ARGS=--keep: the server stays up)
	@scripts/need.sh python
	cargo build --locked --package trainyard
	@$(TARGET)/debug/trainyard demo $(DEMO_ARGS)

bench: ## measures creates, lists and plans with an optimised build, as ratios, in under five minutes (BENCH_ARGS='--only creates')
	@scripts/need.sh
	cargo build --locked --release --package trainyard --package trainyard-bench
	@$(TARGET)/release/trainyard-bench $(BENCH_ARGS)
	cargo bench --locked --quiet --package trainyard-bench --bench body

test: ## runs all checks and tests; as root on Debian it installs the packages that they need
	@scripts/test.sh

test-systemd: ## tests the packaged unit under a real systemd in an emulated machine, about a minute
	@scripts/need.sh
	@scripts/test-systemd.sh

test-vm: ## runs the control group tests in an emulated machine that has only cgroup v2, about five minutes
	@scripts/need.sh
	@scripts/test-vm.sh

check: ## runs the quick part of `make test`: formatting, invariants, clippy, licences
	@scripts/test.sh check

audit: ## checks the dependencies against the RustSec advisory database; needs github.com
	@scripts/need.sh
	@scripts/test-deps.sh cargo
	@scripts/audit.sh

fuzz: ## fuzzes all parsers of untrusted input, 20 s each (FUZZ_ARGS='import 600': one target for ten minutes)
	@scripts/need.sh
	@scripts/fuzz.sh $(FUZZ_ARGS)

docs: ## builds the code documentation into target/doc
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

openapi: ## regenerates docs/openapi.json from the code
	UPDATE_OPENAPI=1 cargo nextest run --locked --package trainyard-it openapi::the_committed

clean: ## deletes the build folder with its virtual environments
	cargo clean
