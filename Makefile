# The commands of the house. Every target is safe to run again and reuses what is there.
#
#   make quickstart   fresh machine -> installed, built, a real small sweep run, laws fitted, report written
#   make test         fresh machine -> installed, built, every default test run
#   make build        build/bin/aunet, build/bin/aunet-torch, build/bin/aunet-analyze
#   make check        format check, torch-free and full build with warnings as errors, every default test
#   make paper        the torch-free half alone: plan, database, analysis
#   make fuzz         libFuzzer on every parser, ten minutes each (clang)
#
# AUNET_TORCH_DIR=/path/to/site-packages/torch uses a torch of yours instead of the cached one.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.DEFAULT_GOAL := build
.PHONY: quickstart test build check paper system torch format format-check tidy test-slow fuzz clean

JOBS ?= 2
BUILD ?= build
TORCH_VERSION := 2.11.0
CACHE := $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/aunet-lab
TORCH_ENV := $(CACHE)/torch-$(TORCH_VERSION)
PACKAGES := g++ cmake ninja-build ccache pkg-config procps python3 python3-venv zstd sqlite3 gnuplot-nox \
  libboost-program-options-dev libtomlplusplus-dev libsqlite3-dev libsqlitecpp-dev catch2 libpcre2-dev \
  libfmt-dev libspdlog-dev nlohmann-json3-dev libzstd-dev zlib1g-dev libxxhash-dev libeigen3-dev libarchive-dev
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)

system:
	@missing=""
	for package in $(PACKAGES); do
	  dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'install ok installed' || missing="$$missing $$package"
	done
	if [ -n "$$missing" ]; then
	  echo "== installing system packages:$$missing"
	  export DEBIAN_FRONTEND=noninteractive
	  $(SUDO) apt-get update -qq || { echo "apt-get failed; install by hand:$$missing" >&2; exit 1; }
	  $(SUDO) apt-get install -y -qq --no-install-recommends $$missing > /dev/null
	fi

torch:
	@if [ -n "$${AUNET_TORCH_DIR:-}" ]; then exit 0; fi
	if [ ! -e $(TORCH_ENV)/complete ]; then
	  echo "== installing torch==$(TORCH_VERSION) into $(TORCH_ENV) (4.6 GB, once; other clones reuse it)"
	  mkdir -p $(CACHE)
	  exec 9> $(CACHE)/lock; flock 9
	  if [ ! -e $(TORCH_ENV)/complete ]; then
	    python3 -m venv $(TORCH_ENV)
	    $(TORCH_ENV)/bin/python -m pip install -q --disable-pip-version-check torch==$(TORCH_VERSION)
	    touch $(TORCH_ENV)/complete
	  fi
	fi

# The torch package's folder: the user's, or the cached environment's.
TORCH_DIR = $${AUNET_TORCH_DIR:-$$(echo $(TORCH_ENV)/lib/python3*/site-packages/torch)}

build: system torch
	@echo "== building ($(BUILD))"
	cmake --preset release -B $(BUILD) -DAUNET_TORCH_DIR="$(TORCH_DIR)" > $(BUILD).cmake.log 2>&1 || { cat $(BUILD).cmake.log; exit 1; }
	mv $(BUILD).cmake.log $(BUILD)/configure.log
	cmake --build $(BUILD) -j $(JOBS)

test: build
	@echo "== testing"
	cd $(BUILD)
	status=0
	ctest --output-on-failure --no-tests=error -LE slow | tee ctest.log || status=$$?
	passed=$$(grep -c ' Passed ' ctest.log || true); failed=$$(grep -cE '\*\*\*(Failed|Timeout|Exception|Not Run)' ctest.log || true)
	skipped=$$(grep -c 'Skipped' ctest.log || true)
	echo "$$passed passed, $$failed failed, $$skipped skipped"
	exit $$status

# Every parser of files that others write, for FUZZ_SECONDS each. A finding is written to build/fuzz and fails the target.
FUZZ_SECONDS ?= 600
fuzz: system torch
	@command -v clang++ > /dev/null || { echo "make fuzz: expected clang++ (apt-get install clang), got none" >&2; exit 1; }
	cmake --preset fuzz -DAUNET_TORCH_DIR="$(TORCH_DIR)" > /dev/null
	targets=$$(cd tests/fuzz && ls fuzz_*.cpp | sed 's/\.cpp$$//')
	cmake --build build/fuzz -j $(JOBS) --target $$targets
	for target in $$targets; do
	  mkdir -p build/fuzz/corpus/$$target
	  cp -n tests/fuzz/seeds/$$target/* build/fuzz/corpus/$$target/ 2> /dev/null || true
	  if [ $$target = fuzz_toml ]; then cp -n sweeps/*.toml experiments/*.toml build/fuzz/corpus/fuzz_toml/; fi
	  echo "== $$target for $(FUZZ_SECONDS) s"
	  (cd build/fuzz && bin/$$target -max_total_time=$(FUZZ_SECONDS) -max_len=65536 -rss_limit_mb=4096 -print_final_stats=1 \
	    corpus/$$target > $$target.log 2>&1) || { tail -40 build/fuzz/$$target.log; exit 1; }
	  grep -E 'number_of_executed_units|cov:' build/fuzz/$$target.log | tail -2
	done

test-slow: build
	@cd $(BUILD) && ctest --output-on-failure -L slow

quickstart: build
	@echo "== running sweeps/quickstart.toml (real training on this CPU; results under quickstart/)"
	mkdir -p quickstart
	started=$$(date +%s)
	$(BUILD)/bin/aunet sweep sweeps/quickstart.toml --runs quickstart/runs --db quickstart/sweep.db --jobs $(JOBS)
	$(BUILD)/bin/aunet-analyze report --db quickstart/sweep.db -o quickstart/report
	$(BUILD)/bin/aunet-analyze compare --db quickstart/sweep.db
	echo "== $$(( $$(date +%s) - started )) s from the end of the build"
	echo "report: $$(pwd)/quickstart/report/report.html"

paper: system
	@cmake --preset paper && cmake --build build/paper -j $(JOBS) && ctest --test-dir build/paper --output-on-failure

check: system torch format-check paper
	@cmake --preset dev -DAUNET_TORCH_DIR="$(TORCH_DIR)" && cmake --build build/dev -j $(JOBS) && ctest --test-dir build/dev --output-on-failure -LE slow

CLANG_FORMAT := $(shell command -v clang-format-14 || echo clang-format)
CLANG_TIDY := $(shell command -v clang-tidy-14 || echo clang-tidy)
SOURCES = git ls-files '*.h' '*.cpp' '*.cu'
format:
	@$(SOURCES) | xargs $(CLANG_FORMAT) -i
format-check:
	@$(CLANG_FORMAT) --version 2> /dev/null | grep -q 'version 14' || { echo "clang-format 14 is not installed: format not checked"; exit 0; }
	$(SOURCES) | xargs $(CLANG_FORMAT) --dry-run -Werror
tidy: system torch
	@cmake --preset dev -DAUNET_TORCH_DIR="$(TORCH_DIR)"
	$(SOURCES) | grep '\.cpp$$' | grep -vE '^tests/' | xargs $(CLANG_TIDY) -p build/dev --quiet

clean:
	rm -rf $(BUILD)
