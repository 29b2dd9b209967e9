# Everything needs only python3 (3.11 or newer), its venv module, and pip.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
RESULTS ?= results/demo

.PHONY: help demo test test-slow lint wheel-test bench clean

help: ## show what can be made
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/.run $(VENV)/.kernels ## install, run the main job, show its table and where the plots lie
	$(BIN)/python examples/demo.py --out $(RESULTS)

test: $(VENV)/.test $(VENV)/.kernels lint ## install, then check style, types, layers, and run the tests
	$(BIN)/python -m pytest -n 2 --cov --cov-report=term:skip-covered -m "not slow"

test-slow: $(VENV)/.test $(VENV)/.kernels ## the long reproductions, and all properties on new random examples
	$(BIN)/python -m pytest -m slow
	$(BIN)/python -m pytest -n 2 -m "not slow" --hypothesis-profile=explore tests

lint: $(VENV)/.test ## style, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

wheel-test: ## build the wheel and run the tests on the installed copy, away from the sources
	PYTHON=$(PYTHON) bash tests/wheel.sh

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) install -q -c constraints.txt -e .
	touch $@

$(VENV)/.test: $(VENV)/.run
	$(PIP) install -q -U "pip>=25.1"
	$(PIP) install -q -c constraints.txt -e . --group test
	touch $@

# Numba compiles a function anew when its own file changes, but not when one that it calls does.
$(VENV)/.kernels: $(VENV)/bin/python $(shell grep -rl --include='*.py' njit games marl solvers)
	find games marl solvers -name '*.nb[ci]' -delete
	touch $@

# Peers run beside ours in one environment of their own: some need packages that ours must not lean on.
PEERS := .venv-peers
bench: $(PEERS)/.ready ## every benchmark: ratios against peers, with the accuracy reached
	OMP_NUM_THREADS=1 $(PEERS)/bin/python benchmarks/extensive.py
	OMP_NUM_THREADS=1 $(PEERS)/bin/python benchmarks/psro.py
	OMP_NUM_THREADS=1 $(PEERS)/bin/python benchmarks/zero_sum.py
	OMP_NUM_THREADS=1 $(PEERS)/bin/python benchmarks/zero_sum.py --double-oracle
	OMP_NUM_THREADS=1 $(PEERS)/bin/python benchmarks/trees.py
	OMP_NUM_THREADS=1 $(PEERS)/bin/python benchmarks/risk_averse.py
	OMP_NUM_THREADS=1 $(PEERS)/bin/python benchmarks/psro_variants.py
	OMP_NUM_THREADS=1 $(PEERS)/bin/python benchmarks/risk_layer.py
	OMP_NUM_THREADS=1 $(PEERS)/bin/python benchmarks/risk_psro.py
	OMP_NUM_THREADS=1 $(PEERS)/bin/python benchmarks/alpha_rank.py
	OMP_NUM_THREADS=1 $(PEERS)/bin/python benchmarks/correlated.py
	OMP_NUM_THREADS=1 $(PEERS)/bin/python benchmarks/jpsro.py
	OMP_NUM_THREADS=1 $(PEERS)/bin/python benchmarks/stepping.py
	OMP_NUM_THREADS=1 $(PEERS)/bin/python benchmarks/deep_oracles.py
	OMP_NUM_THREADS=1 $(PEERS)/bin/python benchmarks/vectorised.py
	OMP_NUM_THREADS=1 $(PEERS)/bin/python benchmarks/trust_dilemma.py
	OMP_NUM_THREADS=1 $(PEERS)/bin/python benchmarks/driving.py
	OMP_NUM_THREADS=1 $(PEERS)/bin/python benchmarks/influence.py
	OMP_NUM_THREADS=1 $(PEERS)/bin/python benchmarks/sequoia.py
	OMP_NUM_THREADS=1 $(PEERS)/bin/python benchmarks/inpo_exact.py
	OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(PEERS)/bin/python benchmarks/inpo_trainer.py
	OMP_NUM_THREADS=1 $(PEERS)/bin/python benchmarks/rationality_clients.py
	OMP_NUM_THREADS=1 $(PEERS)/bin/python benchmarks/rationality_parsers.py

$(PEERS)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install -q -U "pip>=25.1"
	$(PEERS)/bin/python -m pip install -q -c constraints.txt -e . --group bench
	touch $@

clean: ## remove what was made
	rm -rf $(VENV) $(PEERS) build dist results .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
