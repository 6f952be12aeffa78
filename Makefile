# The few commands of the project; each is one line of cargo or one script, so nothing hides here.

# Further flags of the demo, for example DEMO_ARGS=--keep.
DEMO_ARGS ?=
# Further flags of the benchmark, for example BENCH_ARGS='--only creates'.
BENCH_ARGS ?=
# Which fuzz target, and for how many seconds.
FUZZ_ARGS ?=
# Where cargo builds.
TARGET := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)

.DEFAULT_GOAL := help
.PHONY: help build release demo bench test test-vm test-systemd check fuzz docs openapi clean

help: ## says this
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | awk -F'\t' '{ printf "make %-8s %s\n", $$1, $$2 }'

build: ## builds the binary into target/debug/trainyard
	@scripts/need.sh
	cargo build --locked --package trainyard

release: ## builds the optimised binary into target/release/trainyard
	@scripts/need.sh
	cargo build --locked --package trainyard --release

# Not optimised: the training takes its time in Python, this build is ready sooner, and the tests use the same one.
demo: ## trains a real model on two workers, from nothing to the summary (DEMO_ARGS=--keep leaves the server up)
	@scripts/need.sh python
	cargo build --locked --package trainyard
	@$(TARGET)/debug/trainyard demo $(DEMO_ARGS)

bench: ## measures creates, lists and plans of an optimised build, as ratios, in under five minutes (BENCH_ARGS='--only creates')
	@scripts/need.sh
	cargo build --locked --release --package trainyard --package trainyard-bench
	@$(TARGET)/release/trainyard-bench $(BENCH_ARGS)
	cargo bench --locked --quiet --package trainyard-bench --bench body

test: ## runs everything that can be checked; as root on Debian it installs what it needs
	@scripts/test.sh

test-systemd: ## tries the packaged unit under a real systemd in an emulated machine, about a minute
	@scripts/need.sh
	@scripts/test-systemd.sh

test-vm: ## runs the tests of control groups in an emulated machine that has version 2 alone, about five minutes
	@scripts/need.sh
	@scripts/test-vm.sh

check: ## the quick part of it: formatting, invariants, clippy, licences
	@scripts/test.sh check

fuzz: ## throws made-up input at all that reads input, 20 s each (FUZZ_ARGS='import 600' takes one for ten minutes)
	@scripts/need.sh
	@scripts/fuzz.sh $(FUZZ_ARGS)

docs: ## builds the documentation of the code into target/doc
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

openapi: ## writes docs/openapi.json anew from the code
	UPDATE_OPENAPI=1 cargo nextest run --locked --package trainyard-it openapi::the_committed

clean: ## removes all that was built, virtual environments included
	cargo clean
