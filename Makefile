# A thin front for CMake; every target first installs what it needs (tools/install-deps.sh).
PREFIX ?= /usr/local

.PHONY: all demo demo-seeds check check-all check-math check-oracle fuzz coverage bench bench-gemm bench-vmath bench-peers install format clean

all:
	@tools/install-deps.sh build
	@cmake --preset release
	@cmake --build --preset release

demo: all
	@build/taper demo

demo-seeds: all
	@tools/demo_seeds.sh build/taper

check:
	@tools/install-deps.sh check
	@tools/check.sh

check-all:
	@tools/install-deps.sh check oracle
	@tools/check.sh all

# All floats, and 10^7 points of each function of doubles: about an hour.
check-math:
	@tools/install-deps.sh check
	@tools/check.sh exhaustive

check-oracle:
	@tools/install-deps.sh check oracle
	@tools/check.sh oracle

# make fuzz TIME=60 TARGET=npy: so many seconds for each target, or for one; RUNS=10000000: so many executions.
fuzz:
	@tools/install-deps.sh check
	@tools/fuzz.sh $(if $(RUNS),-runs=$(RUNS),-max_total_time=$(or $(TIME),60)) $(TARGET)

coverage:
	@tools/install-deps.sh check coverage
	@tools/check.sh coverage

bench: all
	@cmake --build --preset release --target bench

bench-gemm: all
	@tools/install-deps.sh bench
	@cmake --build --preset release --target bench-gemm

bench-vmath: all
	@tools/install-deps.sh bench
	@cmake --build --preset release --target bench-vmath

# make bench-peers INSTALL=1: first the newest PyTorch and JAX, into build/peers/venv.
bench-peers: all
	@tools/install-deps.sh $(if $(INSTALL),peers,oracle)
	@cmake --build --preset release --target bench-peers

install: all
	@cmake --install build --prefix $(PREFIX)

format:
	@tools/install-deps.sh check
	@tools/check_format.sh --fix

clean:
	rm -rf build build-*
