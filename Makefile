# SPDX-License-Identifier: Apache-2.0
# What can be done with this tree. The presets of CMakePresets.json do the work; every step says what
# it does and how long it took. `make test` is what continuous integration runs.
SHELL := /bin/bash
JOBS ?= $(shell nproc)
STEP := tools/step

.DEFAULT_GOAL := help
.PHONY: help deps deps-test deps-bench build dev run test check unit scenario security apps corpus lint format tidy fuzz \
        vm bench bench-build bench-images bench-network bench-seccomp bench-start conformance coverage install clean
.NOTPARALLEL:

help: ## Show this list
	@echo "usage: make TARGET"
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps: ## Install the Debian packages that building and using Tare needs (root or sudo)
	@tools/install-deps build
deps-test: ## ... and those of the tests and checks
	@tools/install-deps build test
deps-bench: ## ... and those that the benchmark compares with
	@tools/install-deps build test bench

build/%/build.ninja: CMakePresets.json
	@$(STEP) "configure $*" cmake --preset $* --log-level=WARNING

build: build/release/build.ninja ## Build the release programs into build/release/bin
	@$(STEP) "build the release programs" cmake --build build/release -j $(JOBS)
dev: build/dev/build.ninja
	@$(STEP) "build the unit tests with address and undefined-behaviour sanitizers" \
	  cmake --build build/dev --target tare-unit -j $(JOBS)

run: deps build ## Install what is needed, build, pack the host's date as an image and run it
	@tools/first-run

test: deps-test check ## Install what the tests need, then everything of `make check`
check: lint build unit scenario security ## All checks and all tests

lint: build build/tidy/build.ninja ## Layers, sizes, words, format, shell, spelling, clang-tidy
	@tools/lint
format: ## Format every source file as clang-format-19 says
	@tools/lint --fix-format
tidy: build/tidy/build.ninja ## clang-tidy with every check over every file (slow)
	@cmake --build build/tidy --target generated
	@$(STEP) "clang-tidy, all checks" tools/tidy-cache --all-checks -j $(JOBS)

unit: dev ## Unit tests and the fuzzers' corpora, with address and undefined-behaviour sanitizers
	@$(STEP) "unit tests" tests/run unit $(TESTS)
scenario: build ## Scenario scripts as root, as an ordinary user and in a user namespace (TESTS=pattern)
	@$(STEP) "scenario tests" tests/run scenario $(TESTS)
security: build ## Attacks that have to fail, the same three ways (TESTS=pattern)
	@$(STEP) "security tests" tests/run security $(TESTS)

apps: build ## Large applications under the default protections (downloads several 100 MB)
	@$(STEP) "application tests" tests/run apps $(TESTS)
corpus: build ## Real applications are built and used, with packages of a Debian mirror (downloads several 100 MB)
	@$(STEP) "corpus of Dockerfiles" tests/run corpus $(TESTS)

vm: build ## What only Debian's kernel has (fs-verity), in a machine of qemu (TESTS=name; downloads a kernel)
	@$(STEP) "install qemu" tools/install-deps vm
	@for script in tests/vm/*$(TESTS)*.sh; do $(STEP) "vm $$script" tests/vm/run $$script || exit 1; done

fuzz: build/fuzz/build.ninja ## Run every fuzzer for a minute each (FUZZ_SECONDS=60)
	@$(STEP) "build the fuzzers" cmake --build build/fuzz --target fuzzers -j $(JOBS)
	@$(STEP) "fuzz" tools/run-fuzzers $(or $(FUZZ_SECONDS),60)

bench: deps-bench build ## Compare start times with crun, runc, bwrap, podman and the bare system calls
	@$(STEP) "benchmark" bench/run

bench-seccomp: deps-bench build/release/build.ninja ## Compare the making of system call filters with libseccomp
	@$(STEP) "build the benchmark" cmake --build build/release --target bench-seccomp -j $(JOBS)
	@build/release/tests/bench-seccomp tests/seccomp/profiles
bench-images: deps-bench build ## Load, pull, push and remove a large image beside podman and the bare work
	@cmake --build build/release --target bench-limit-image >/dev/null
	@$(STEP) "benchmark of images" bench/images $(BENCH)
bench-network: deps-bench build ## What a network costs, beside podman and Docker (BENCH="--runs 30 ...")
	@$(STEP) "benchmark of networks" bench/network $(BENCH)
bench-build: deps-bench build ## Builds, beside podman, buildah and Docker (BENCH="--runs 3 ...")
	@$(STEP) "benchmark of builds" bench/build $(BENCH)
bench-start: deps-bench build ## The runtime beside crun, runc and the bare system calls; 1,000 containers (BENCH="--runs 30 ...")
	@$(STEP) "benchmark of the runtime" bench/start $(BENCH)

conformance: build ## OCI validation suite against a runtime (SUITE=DIR RUNTIME=PATH TESTS=pattern)
	@SUITE="$(SUITE)" RUNTIME="$(RUNTIME)" $(STEP) "conformance" tests/conformance/oci-runtime/run $(TESTS)

coverage: build/coverage/build.ninja ## Line coverage of the unit tests, into build/coverage/report.txt
	@$(STEP) "coverage" tools/coverage

install: build ## Install the programs into $(DESTDIR)$(PREFIX)/bin (PREFIX=/usr/local)
	@DESTDIR="$(DESTDIR)" cmake --install build/release --prefix "$(or $(PREFIX),/usr/local)"

clean: ## Remove everything that was built
	rm -rf build
