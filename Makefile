# The two commands: `make demo` shows the product at work, `make test` passes everything.
.PHONY: demo test test-traffic bench bench-controller bench-speaker-k8s bench-failover bench-l2 bench-scale bench-ipam bench-membership simulate-layer2 fuzz check

# Network namespaces need root; everything is built as the user who called.
SUDO := $(if $(filter 0,$(shell id -u)),,sudo --preserve-env=ROUTER,CI,KUBEBUILDER_ASSETS,METALLB_CONTROLLER,METALLB_SPEAKER,SERVICES,TRIALS,SPLITS)

# ROUTER=frr|bird|builtin picks the router of the demo; the default is the first one that is installed.
demo:
	$(SUDO) .ci/install-peers
	cargo build --release --locked --package k8s-adapter --package ferrolb --package lab --bins
	$(SUDO) target/release/ferrolb-lab demo

# Tests that need root, a router or a tool skip themselves with one line when it is missing; with CI=true that fails.
test:
	.ci/install-peers
	cargo test --workspace --exclude ferrolb-fuzz --all-features --locked

# What clients see of work on a whole cluster, with 500 Services and an API server that is away for a minute.
test-traffic:
	.ci/install-peers
	cargo build --locked --package k8s-adapter --package lab --bins
	FERROLB_TRAFFIC=full cargo test --package lab --test speaker --locked traffic -- --nocapture

bench:
	cargo bench --workspace --exclude ferrolb-fuzz --all-features --locked

# On a real API server, at 100, 1000 and 5000 Services or as SERVICES=1000 says, in some minutes. METALLB_CONTROLLER=FILE
# measures MetalLB's controller beside ours.
bench-controller:
	$(SUDO) .ci/install-peers
	cargo build --release --locked --package k8s-adapter --package lab --bins
	$(SUDO) target/release/ferrolb-lab bench-controller

# On a real API server and a BGP neighbour, at 1000 and 5000 Services or as SERVICES=1000 says, in a quarter of an hour.
# METALLB_SPEAKER=FILE measures MetalLB's speaker in its native mode beside ours.
bench-speaker-k8s:
	$(SUDO) .ci/install-peers
	cargo build --release --locked --package k8s-adapter --package lab --bins
	$(SUDO) target/release/ferrolb-lab bench-speaker

# How addresses on the link move when speakers crash, end and are drained and links fail, each TRIALS=30 times, and how
# they stay where members are cut off from each other, SPLITS=50 times, in half an hour. METALLB_SPEAKER=FILE measures
# MetalLB's speaker beside ours, which takes four times as long.
bench-failover:
	$(SUDO) .ci/install-peers
	cargo build --release --locked --package k8s-adapter --package lab --bins
	$(SUDO) target/release/ferrolb-lab bench-failover

# One question among 10 000 addresses in the responder, and 10 000 ARP requests a second from one end of a cable to the
# other beside the kernel's own answers; in two minutes.
bench-l2:
	cargo bench --package arp-ndp --locked
	cargo build --release --locked --package lab --bins
	$(SUDO) target/release/ferrolb-lab bench-l2

# What a cluster of 1 000 nodes sends, writes and says among its members when something happens to all of them, and how soon
# it is done, in virtual time; in some minutes.
bench-scale:
	cargo bench --package ferrolb-planner --bench scale --locked

# The allocator: time and memory at 100 000 Services, in some two minutes.
bench-ipam:
	cargo bench --package ipam --locked

# How fast members of 3 to 1 000 nodes notice a death, how often they are wrong and what they send, in virtual time,
# in half an hour; CASE="300 members" takes the rows that it is part of.
bench-membership:
	cargo bench --package election --features membership --bench membership --locked -- "$(CASE)"

# Whole speakers in virtual time, through SEEDS=10000 scenarios of crashes, pauses, drains and cuts: that an address has one
# owner. Many more than `make test` takes; SEED=136 tells what happens in one.
simulate-layer2:
	SEEDS=$(or $(SEEDS),10000) cargo test --profile bench --package k8s-adapter --lib --locked speaker::tests::simulation -- --nocapture

# One fuzz target for SECONDS=600, with coverage and with nothing but cargo: make fuzz TARGET=arp. What it finds is put
# below target/fuzz; the first time takes some minutes to build.
SECONDS ?= 600
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
COVERAGE := --cfg fuzzing -Cdebug-assertions -Coverflow-checks -Cpasses=sancov-module $(addprefix \
	-Cllvm-args=-sanitizer-coverage-,level=4 inline-8bit-counters pc-table trace-compares)
fuzz:
	mkdir -p target/fuzz/corpus/$(TARGET)
	RUSTFLAGS="$(COVERAGE)" CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_STRIP=none cargo build --release \
		--locked --package ferrolb-fuzz --bin $(TARGET) --target-dir target/fuzz --target $(HOST)
	target/fuzz/$(HOST)/release/$(TARGET) -max_total_time=$(SECONDS) -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix=target/fuzz/ target/fuzz/corpus/$(TARGET) $(wildcard fuzz/corpus/$(TARGET))

check:
	bash .ci/run
