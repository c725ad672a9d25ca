# Every verb sets itself up: on a fresh machine it makes .venv, or .venv-bench to measure, with all it needs.
# `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BENCH := .venv-bench
PEERS := .venv-peers
# What is measured runs on a Python of the system's if it can: distributions build theirs with profile-guided
# optimization, and one that a version manager built without it takes up to half as long again for everything.
BENCH_PYTHON ?= $(or $(firstword $(foreach each,$(sort $(wildcard /usr/bin/python3.1[1-9])),$(shell $(each) -c 'import ensurepip' 2> /dev/null && echo $(each)))),$(PYTHON))
NODE_PACKAGES := $(patsubst %,%/node_modules/.installed,tests/interop examples/django_orders examples/flask_chat)
SPEC ?= openapi/voyant-cloud.yaml
# Without I/O, thread or clock there is no excuse for a line that no test runs.
PURE_MODULES := cli/batch/lookup cli/batch/pace cli/batch/settled cli/visible envelope failures \
  fast_check fast_json fast_models integrations/capabilities jsontext retry urls realtime/backoff realtime/client_frame realtime/events realtime/fast_frames \
  realtime/frames realtime/liveness realtime/recovery realtime/session realtime/steps realtime/stored realtime/timers realtime/written \
  server/block server/capabilities server/client_frames server/engine/memory_history server/engine/redis_names server/engine/redis_payload server/engine/redis_roster server/engine/redis_url server/fast_batch server/memory \
  server/message_id server/origins \
  server/presence server/rate server/settings server/tail server/tally server/wire testing/difference testing/wanted
empty :=
comma := ,
PURE := $(subst $(empty) $(empty),$(comma),$(PURE_MODULES:%=voyant_cloud/%.py))

.DEFAULT_GOAL := help
.PHONY: help demo example-orders example-chat test generate generate-check lint format types check serve docs bench bench-compare bench-growth bench-engines bench-store wheel-check clean

help: ## list the verbs
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24

demo: $(VENV)/.runtime ## run the whole story against an embedded server
	@$(BIN)/voyant-cloud demo

example-orders: $(VENV)/.examples examples/django_orders/node_modules/.installed ## run the Django example against an embedded server
	@node examples/django_orders/build.mjs
	@$(BIN)/python examples/django_orders/start.py

example-chat: $(VENV)/.examples examples/flask_chat/node_modules/.installed ## run the Flask example against an embedded server
	@node examples/flask_chat/build.mjs
	@$(BIN)/python examples/flask_chat/start.py

test: $(VENV)/.dev $(NODE_PACKAGES) ## run every test
	@$(BIN)/python -m pytest --numprocesses auto --dist loadfile --cov --cov-report=
	@$(BIN)/python -m coverage report --fail-under=95
	@$(BIN)/python -m coverage report --fail-under=100 --include='$(PURE)' > /dev/null \
	  || { echo "A module without I/O is not wholly covered:"; $(BIN)/python -m coverage report --include='$(PURE)'; exit 1; }

generate: $(VENV)/.dev ## rewrite the models from the contract (SPEC=path for another) and say what changed
	@$(BIN)/python codegen/generate.py --spec "$(SPEC)"

generate-check: $(VENV)/.dev ## fail where the models differ from the contract
	@$(BIN)/python codegen/generate.py --check

lint: $(VENV)/.dev ## ruff, and the rules of who may import whom
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

format: $(VENV)/.dev ## let ruff lay the code out
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: $(VENV)/.dev ## mypy, strict
	@$(BIN)/mypy

check: test lint types generate-check ## all of the above that can fail

serve: $(VENV)/.runtime ## run the embedded server
	@$(BIN)/voyant-cloud serve

docs: $(VENV)/.docs ## build the documentation into site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet

bench: $(BENCH)/.runtime $(PEERS)/.installed benchmarks/official/node_modules/.installed ## measure the SDK and the server beside others (ROWS="receive publish" for some)
	@$(BENCH)/bin/python -m benchmarks $(ROWS)

bench-compare: $(BENCH)/.runtime ## compare the last run with the stored one
	@$(BENCH)/bin/python -m benchmarks --compare

bench-growth: $(BENCH)/.runtime ## measure how costs grow with what the server carries (SERIES="subscribers bytes" for some)
	@$(BENCH)/bin/python -m benchmarks.growth $(SERIES)

bench-engines: $(BENCH)/.engines ## measure the engines, what Redis does for them, and how long faults of several nodes last
	@$(BENCH)/bin/python -m benchmarks.engines
	@$(BENCH)/bin/python -m benchmarks.redis_work

bench-store: $(BENCH)/.runtime ## take the last runs as the stored ones, and draw them into benchmarks/plots/
	@$(BENCH)/bin/python -m benchmarks.store

wheel-check: $(VENV)/.dev ## build the wheel, install it in a fresh environment, run the demo from it
	@./.ci/wheel-check $(abspath $(BIN))/python

clean: ## remove what the verbs made
	rm -rf $(VENV) $(BENCH) $(PEERS) tests/interop/node_modules examples/*/node_modules benchmarks/official/node_modules benchmarks/results dist build site test-artefacts .coverage \
	  .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(BIN)/python: MADE_WITH = $(PYTHON)
$(BENCH)/bin/python: MADE_WITH = $(BENCH_PYTHON)
$(BIN)/python $(BENCH)/bin/python:
	@$(MADE_WITH) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "This needs Python 3.11 or newer; found: $$($(MADE_WITH) --version 2>&1). Try: make PYTHON=python3.12 BENCH_PYTHON=python3.12 ..."; exit 1; }
	@$(MADE_WITH) -m venv $(@D:/bin=) \
	  || { echo "python3 has no venv module; on Debian or Ubuntu: apt install python3-venv"; exit 1; }

# The two modules beside the package are copied into the environment, where the package itself is only pointed to.
$(VENV)/.runtime: pyproject.toml _voyant_cloud_program.py _voyant_cloud_pytest.py | $(BIN)/python
	@echo "Setting up $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[server,cli]'
	@touch $@

$(VENV)/.examples: pyproject.toml $(VENV)/.runtime
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[server,django,flask]'
	@touch $@

$(BENCH)/.runtime: pyproject.toml _voyant_cloud_program.py _voyant_cloud_pytest.py | $(BENCH)/bin/python
	@echo "Setting up $(BENCH) ..."
	@$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[server,cli,speed,bench]'
	@./.ci/install-nats
	@touch $@

# Redis and the balancers are those of the tests.
$(BENCH)/.engines: pyproject.toml $(BENCH)/.runtime
	@$(BENCH)/bin/python .ci/dependency_group.py test | xargs $(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check
	@./.ci/install-redis
	@touch $@

# Other services' clients have an environment of their own, since what they need is not what the project is tested with.
# Stays unmade, and is tried again each time, where they cannot be had.
$(PEERS)/.installed: pyproject.toml | $(BENCH)/bin/python
	@echo "Setting up $(PEERS) ..."
	@$(BENCH)/bin/python -m venv $(PEERS) \
	  && $(BENCH)/bin/python .ci/dependency_group.py bench | xargs $(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check \
	  && touch $@ \
	  || echo "Other services' clients could not be installed, so the rows beside them are left out."

$(VENV)/.dev: pyproject.toml $(VENV)/.runtime
	@echo "Setting up the tools for tests ..."
	@$(BIN)/python .ci/dependency_group.py codegen test lint | xargs $(BIN)/python -m pip install --quiet --disable-pip-version-check
	@./.ci/install-browser
	@./.ci/install-redis
	@./.ci/install-proxies
	@touch $@

# Stays unmade, and is tried again each time, where there is no Node.
%/node_modules/.installed: %/package-lock.json
	@./.ci/install-node-packages $*

$(VENV)/.docs: pyproject.toml $(VENV)/.runtime
	@$(BIN)/python .ci/dependency_group.py docs | xargs $(BIN)/python -m pip install --quiet --disable-pip-version-check
	@touch $@
