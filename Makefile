# Everything a developer or a newcomer does. `make help` names it all; nothing but Python 3.11 and make is needed.

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
# The wheel index for torch, e.g. of CPU builds (its install page names it); empty: whatever pip is configured for.
TORCH_INDEX_URL ?=
PIP_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check $(if $(TORCH_INDEX_URL),--extra-index-url $(TORCH_INDEX_URL))

.DEFAULT_GOAL := help
.PHONY: help run test loop replay bench-labels bench-pages bench-route bench-router bench-consensus bench-beside bench-train bench-train-gpu test-trl bench-overoptimisation dense-rewards bench-noise lint format types floors migrations messages lock install install-dev clean

help: ## Name every target
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/installed ## Install what is missing, load the demo, start everything (PORT, VAR_DIR)
	@$(BIN)/python -m config.supervisor --demo

loop: $(VENV)/installed ## The whole loop without a browser, twice over, in a folder of its own (LOOP="--rounds 3")
	@VAR_DIR="$${VAR_DIR:-$(CURDIR)/var/loop}" $(BIN)/python manage.py loop -- $(LOOP)

test: $(VENV)/installed-dev lint types floors migrations ## Lint, types, floors, migrations, then every test on both databases
	@$(BIN)/python -m tests.suite $(TEST_ARGS)

bench-labels: $(VENV)/installed-dev ## Labels a second beside the bound, on PostgreSQL, in under 8 minutes (BENCH="--rounds 1")
	@$(BIN)/python -m benchmarks.bench_labels $(BENCH)

bench-pages: $(VENV)/installed-dev ## Pages at a million items and three million annotations (BENCH="--items 100000")
	@$(BIN)/python -m benchmarks.bench_pages $(BENCH)

bench-route: $(VENV)/installed-dev ## What routing is worth on a folder of judged pairs (DATA=<folder> BENCH="--seeds 20 --picture curve.svg")
	@PYTHONPATH=platform $(BIN)/python -m benchmarks.route $(DATA) $(BENCH)

bench-router: $(VENV)/installed-dev ## How fast the router decides, alone and in bulk, on PostgreSQL, and its budget's overrun (BENCH="--items 100000")
	@$(BIN)/python -m benchmarks.router $(BENCH)

bench-consensus: $(VENV)/installed-dev ## Dawid–Skene at a million judgments beside crowd-kit's (CROWDKIT_PYTHON=<a Python that has it>)
	@PYTHONPATH=platform $(BIN)/python -m benchmarks.bench_consensus $(BENCH)

# TRL stands in an environment of its own: the product never imports it and no lock names it.
TRL_VENV := .venv-trl
TRL_PYTHON ?= $(TRL_VENV)/bin/python

bench-train: $(if $(filter $(TRL_VENV)/%,$(TRL_PYTHON)),$(TRL_VENV)/installed) ## A training step beside TRL's, on the processor (BENCH="--rounds 2 --equal 3"; TRL_PYTHON=<a Python that has TRL>)
	@PYTHONPATH=.:platform $(TRL_PYTHON) -W ignore -m benchmarks.train $(BENCH)

bench-train-gpu: $(if $(filter $(TRL_VENV)/%,$(TRL_PYTHON)),$(TRL_VENV)/installed) ## Pairs a second and use of a GPU beside TRL's; says why where there is none (BENCH="--shapes qwen2-0.5b")
	@PYTHONPATH=.:platform $(TRL_PYTHON) -W ignore -m benchmarks.train_gpu $(BENCH)

$(TRL_VENV)/installed: pyproject.toml requirements-dev.lock
	@echo "Installing TRL and what it is compared with in $(TRL_VENV)"
	@"$(PYTHON)" -m venv $(TRL_VENV)
	@$(TRL_VENV)/bin/python -m pip install --disable-pip-version-check $(if $(TORCH_INDEX_URL),--extra-index-url $(TORCH_INDEX_URL)) --constraint requirements-dev.lock --editable ".[train,dev,bench-train]"
	@touch $@

test-trl: $(if $(filter $(TRL_VENV)/%,$(TRL_PYTHON)),$(TRL_VENV)/installed) ## Losses and a step beside TRL's: the tests that `make test` leaves out, as TRL is not installed there
	@$(TRL_PYTHON) -m pytest -q -p no:cacheprovider tests/methods/test_against_trl.py tests/benchmarks/test_train_against_trl.py

bench-overoptimisation: $(VENV)/installed-dev ## Best of n against one reward model and ensembles, by the demo's hidden preference (BENCH="--picture curves.svg --folder DIR")
	@PYTHONPATH=.:platform OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.overoptimisation $(BENCH)

dense-rewards: $(VENV)/installed-dev ## Fine-Grained RLHF from its file to a dense reward (DATA=dev_feedback.json.gz ENCODER=<folder of a backbone>)
	@PYTHONPATH=.:platform $(BIN)/python -m benchmarks.dense_rewards $(DATA) $(ENCODER) $(BENCH)

bench-beside: $(VENV)/installed-dev ## Pages and a judge while a model is trained and twenty runs wait, beside the same when idle, on PostgreSQL (BENCH="--turns 1")
	@$(BIN)/python -m benchmarks.beside $(BENCH)

bench-noise: $(VENV)/installed-dev ## What noise in votes costs a reward model and reliability is worth (DATA=<folder> BENCH="--seeds 5 --picture noise.svg")
	@PYTHONPATH=platform $(BIN)/python -m benchmarks.noise $(DATA) $(BENCH)

replay: $(VENV)/installed-dev ## Published judgments once more, whole, through the API: does what comes out equal what went in? (DATA=<folder> REPLAY="ukpconvarg1")
	@$(BIN)/python -m tests.replay --all $(if $(DATA),--data $(DATA)) $(REPLAY)

lint: $(VENV)/installed-dev ## Style of Python and templates
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/djlint templates --lint --quiet

format: $(VENV)/installed-dev ## Put Python into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/installed-dev ## mypy, strict
	$(BIN)/mypy .

floors: $(VENV)/installed-dev ## An app imports only what is beneath it
	$(BIN)/lint-imports

migrations: $(VENV)/installed-dev ## Fail where a model has no migration
	@VAR_DIR=$$(mktemp -d) && export VAR_DIR && trap 'rm -rf "$$VAR_DIR"' EXIT && $(BIN)/python manage.py makemigrations --check --dry-run

APART := --ignore '.*' --ignore var --ignore tests --ignore docs --ignore benchmarks

messages: $(VENV)/installed-dev ## Gather the interface's texts into locale/ and compile what is translated (needs GNU gettext)
	@VAR_DIR=$$(mktemp -d) && export VAR_DIR && trap 'rm -rf "$$VAR_DIR"' EXIT \
	  && $(BIN)/python manage.py makemessages --all --no-wrap --no-obsolete --add-location file $(APART) \
	  && $(BIN)/python manage.py compilemessages $(APART)

install: $(VENV)/installed ## Only install what `make run` needs
install-dev: $(VENV)/installed-dev ## Only install what `make test` needs

# A second start finds the stamp and installs nothing; a changed lock file is installed anew.
$(BIN)/python:
	@echo "Making the virtual environment in $(VENV)"
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' || { echo "Python 3.11 or 3.12 is needed; name it: make PYTHON=/path/to/python3.11 run"; exit 1; }
	@"$(PYTHON)" -m venv $(VENV)

$(VENV)/installed: requirements-train.lock pyproject.toml | $(BIN)/python
	@echo "Installing what Prefloop needs (the first time this takes minutes)"
	@$(PIP_INSTALL) -r requirements-train.lock
	@$(PIP_INSTALL) --quiet --no-deps --editable .
	@touch $@

$(VENV)/installed-dev: requirements-dev.lock pyproject.toml | $(BIN)/python
	@echo "Installing what the tests need"
	@$(PIP_INSTALL) -r requirements-dev.lock
	@$(PIP_INSTALL) --quiet --no-deps --editable .
	@touch $@ $(VENV)/installed

PIP_COMPILE := $(BIN)/pip-compile --quiet --strip-extras --allow-unsafe --no-header --no-emit-options --annotation-style=line $(LOCK_ARGS)

lock: $(VENV)/installed-dev ## Pin what pyproject.toml asks for (LOCK_ARGS=--upgrade for newer releases)
	$(PIP_COMPILE) --extra train --extra dev --extra bench --output-file requirements-dev.lock pyproject.toml
	$(PIP_COMPILE) --constraint requirements-dev.lock --extra train --output-file requirements-train.lock pyproject.toml
	$(PIP_COMPILE) --constraint requirements-dev.lock --output-file requirements.lock pyproject.toml
	@# A build of torch (CPU, CUDA) and the libraries of that build are the machine's choice, so no lock names them.
	for lock in requirements*.lock; do \
	  sed -E -e 's/^(torch==[0-9.]+)\+[a-z0-9.]+ */\1  /' -e '/^(nvidia-|cuda-|triton)/d' -e 's/  +# via.*//' -e '/^# The following/d' -e '/^$$/d' "$$lock" > "$$lock.new" && mv "$$lock.new" "$$lock"; \
	done

clean: ## Remove what was installed and built; the data in VAR_DIR stays
	rm -rf $(VENV) $(TRL_VENV) *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -exec rm -rf {} +
