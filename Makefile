# The two commands: `make demo` shows the product at work, `make test` passes everything.
.PHONY: demo test bench check

# Network namespaces need root; everything is built as the user who called.
SUDO := $(if $(filter 0,$(shell id -u)),,sudo --preserve-env=ROUTER,CI)

# ROUTER=frr|bird|builtin picks the router of the demo; the default is the first one that is installed.
demo:
	$(SUDO) .ci/install-peers
	cargo build --release --locked --package k8s-adapter --package ferrolb --package lab --bins
	$(SUDO) target/release/ferrolb-lab demo

# Tests that need root, a router or a tool skip themselves with one line when it is missing; with CI=true that fails.
test:
	.ci/install-peers
	cargo test --workspace --exclude ferrolb-fuzz --all-features --locked

bench:
	cargo bench --workspace --exclude ferrolb-fuzz --all-features --locked

check:
	bash .ci/run
