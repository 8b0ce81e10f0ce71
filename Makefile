# Everything a newcomer needs: `make demo` and `make test`. Each target sets up what it uses; nothing is installed outside .venv and the
# per-user tool cache.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Hundreds of Pulumi programs start here; without bytecode each would compile what it uses of pulumi_aws anew, for seconds.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-gpu check bench bench-main bench-testkit bench-infra bench-gpu docs lock clean tools cluster-tools

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

# uv checks the hashes and installs in seconds; pip brings it where there is none. The marker is written last, so an interrupted
# installation is simply done again; venv links its Python first and pip last, so one without pip is made anew.
$(READY): pyproject.toml requirements/dev.txt requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "mlgate needs Python 3.11 or newer; this is $$($(PYTHON) --version). Try: make PYTHON=python3.12"; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { echo "[setup] creating .venv"; $(PYTHON) -m venv --clear .venv; }
	@echo "[setup] installing the locked packages (about 5 GB with torch; 1 minute from a warm cache)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@$(BIN)/uv pip install --python $(BIN)/python --no-deps --require-hashes -r requirements/dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

tools: $(READY) ## get the Pulumi engine (built once, cached per user)
	@$(BIN)/python -m mlgate_tools

demo: tools ## train, pack, deploy, gate and promote four releases on this machine
	@$(BIN)/mlgate demo

cluster-tools: tools ## get a Kubernetes control plane for the testkit (built once, cached per user)
	@$(BIN)/python -m mlgate_tools cluster || { test -z "$$CI" && echo "its tests will be reported as not run"; }

# Files of the second half in their order, the longest first (tests/conftest.py): xdist would begin with those of most tests.
test: cluster-tools ## run every test: the quick ones side by side, those with the engine or a control plane likewise, then those that load servers one by one
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not (engine or cluster or serve or demo or gpu)" $(PYTEST_ARGS)
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder -m "(engine or cluster) and not (serve or demo or gpu)" $(PYTEST_ARGS)
	@$(BIN)/python -m pytest -q -m "(serve or demo) and not gpu" $(PYTEST_ARGS)

test-gpu: $(READY) ## run the tests that need a CUDA GPU, which `make test` leaves out
	@$(BIN)/python -m pytest -q -m gpu $(PYTEST_ARGS)

check: $(READY) ## formatting, lint, types, imports, generated files
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python docs/generate.py --check

docs: $(READY) ## write the generated pages (schema, reference) anew
	@$(BIN)/python docs/generate.py

bench: bench-main bench-testkit bench-infra ## run all benchmarks: what has no figures yet (BENCH_ARGS=--short leaves out what takes long)

bench-main: tools ## speed and size of the main job into benchmarks/results/main.json: 45 minutes on 2 cores, 15 with BENCH_ARGS=--short
	@$(BIN)/python -m benchmarks.main $(BENCH_ARGS)

bench-testkit: cluster-tools ## the same of the testkit into benchmarks/results/testkit.json: 35 minutes on 2 cores, 12 with BENCH_ARGS=--short
	@$(BIN)/python -m benchmarks.testkit $(BENCH_ARGS)

bench-infra: cluster-tools ## the same of the platform on AWS into benchmarks/results/infra.json: 95 minutes on 2 cores, 15 with BENCH_ARGS=--short
	@$(BIN)/python -m benchmarks.infra $(BENCH_ARGS)

bench-gpu: $(READY) ## the same of serving on a CUDA GPU into benchmarks/results/gpu.json: 5 minutes; no part of `make bench`
	@$(BIN)/python -m benchmarks.gpu $(BENCH_ARGS)

lock: $(READY) ## resolve the dependencies anew
	@$(BIN)/uv pip compile -q pyproject.toml --all-extras --group dev --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 -o requirements/dev.txt
	@$(BIN)/uv pip compile -q pyproject.toml --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 -c requirements/dev.txt -o requirements/base.txt
	@$(BIN)/uv pip compile -q --group policies --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 -o tools/mlgate_tools/modules/policies.txt
	@echo uv | $(BIN)/uv pip compile -q - --generate-hashes --no-emit-index-url --no-header --universal --python-version 3.11 -o requirements/uv.txt

# Ledger, evidence and keys of the environment local can be made by nobody again, so they stay.
clean: ## stop what runs locally, then remove what was made here, but for .mlgate/local and the per-user cache
	@test ! -x $(BIN)/mlgate || $(BIN)/mlgate down || { echo "something may still run, so nothing was removed; if .venv is broken: rm -r .venv, then make clean"; exit 1; }
	@rm -rf .venv .mlgate/demo* dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache stacks/Pulumi.local.yaml
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
