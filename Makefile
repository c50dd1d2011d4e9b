# driftline. `make help` lists what there is to do; every target does its own set-up.

# The first Python that runs and is new enough.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
            $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV   := .venv
BIN    := $(VENV)/bin
DATA   ?= var
# The generated history that `make bench` replays; 1000 hosts and 30 days take half an hour.
HOSTS  ?= 100
DAYS   ?= 7
# Which Python the Debian package is for: 3.11 is Debian 12's, 3.13 Debian 13's, 3.12 Ubuntu 24.04's.
DEB_PYTHON ?= 3.11
# These look at this host itself, so nothing may run beside them; all others share the processors.
HOST_TESTS := tests/agent/ tests/e2e/ tests/packaging/
TEST_PROCESSES ?= auto
UV     := $(shell command -v uv)
# Debian packages that the tests talk to; sudo-less, so only root installs them.
TEST_PACKAGES := postgresql snmp snmpd snmptrapd frr frr-snmp lldpd iproute2 util-linux openssl chromium systemd facter lshw dmidecode debhelper debootstrap udhcpc busybox dnsmasq-base logrotate nftables iptables ipset net-tools pciutils sudo

.DEFAULT_GOAL := help
.PHONY: help up install develop test check fix protos lock migration wheel deb bench test-tools clean

help: ## Show this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  \033[1m%-12s\033[0m %s\n", $$1, $$2}'

up: install ## Install, then run collector, server and an agent for this host until Ctrl-C (ARGS='--web 0.0.0.0:8080' ...)
	@exec $(BIN)/driftline up --data $(DATA) $(ARGS)

install: $(VENV)/.installed ## Install driftline into .venv

develop: $(VENV)/.developed ## Install driftline with what developers need into .venv

test: develop test-tools ## Run all tests on real services
	$(BIN)/pytest -n $(TEST_PROCESSES) --dist loadscope $(filter-out $(HOST_TESTS) tests/support/ tests/fixtures/,$(wildcard tests/[a-z]*/))
	$(BIN)/pytest $(HOST_TESTS)

check: develop ## Lint, types, import rules, generated code, migrations: what CI runs before the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	PATH=$(CURDIR)/$(BIN):$$PATH $(BIN)/python protos/generate.py >/dev/null 2>&1
	@git diff --exit-code --stat -- protos docs/facts.md || { echo 'generated protobuf code differs from what is committed: commit the result of `make protos`'; exit 1; }
	@rm -f $(VENV)/check.db && $(BIN)/alembic -q -x url=sqlite:///$(VENV)/check.db upgrade head && $(BIN)/alembic -q -x url=sqlite:///$(VENV)/check.db check

fix: develop ## Format, and mend what ruff can
	$(BIN)/ruff format . && $(BIN)/ruff check --fix . && $(BIN)/ruff format .

protos: develop ## Generate the protobuf code anew
	PATH=$(CURDIR)/$(BIN):$$PATH $(BIN)/python protos/generate.py

migration: develop ## Write a migration for changed tables: make migration NAME="what changed"
	@test -n "$(NAME)" || { echo 'say what changed: make migration NAME="add a column"'; exit 2; }
	$(BIN)/python cmdb/new_migration.py "$(NAME)"

lock: ## Pin dependencies anew (needs uv); the locks record no download addresses
	uv pip compile -q pyproject.toml --extra devices --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -c requirements.lock -o requirements-agent.lock
	uv pip compile -q pyproject.toml --extra server --extra devices --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements.lock
	uv pip compile -q pyproject.toml --extra dev --extra devices --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header -o requirements-dev.lock

deb: $(VENV)/bin/python ## Build the agent's Debian package into dist/ (root installs debhelper): make deb DEB_PYTHON=3.13 for Debian 13
	@command -v dh >/dev/null || { \
	  if [ "$$(id -u)" = 0 ]; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends debhelper >/dev/null; \
	  else echo 'packages are built with debhelper; type once: sudo apt-get install debhelper'; exit 1; fi; }
	packaging/build_deb.sh $(DEB_PYTHON) dist

wheel: $(VENV)/bin/python ## Build the package with the server's pages into dist/
	DRIFTLINE_BUILD_ASSETS=1 $(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps -w dist . || DRIFTLINE_BUILD_ASSETS=1 uv build -q --wheel

bench: develop ## Measure: ratios against a floor or a peer in the same run
	@$(BIN)/python -m bench.histories.generate --hosts $(HOSTS) --days $(DAYS) -o $(VENV)/history.jsonl.gz && rm -f $(VENV)/history.db* && \
	  echo "== histories: $(HOSTS) hosts, $(DAYS) days" && $(BIN)/python -m bench.histories.run $(VENV)/history.jsonl.gz --database sqlite:///$(VENV)/history.db
	@for b in bench/*.py; do echo "== $$b"; $(BIN)/python $$b || exit 1; done

clean: ## Remove what was installed and built; data in var/ stays
	rm -rf $(VENV) server/driftline_server/static/vendor server/node_modules

# --- how it is installed -------------------------------------------------------------------------------------------

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo 'driftline needs Python 3.11 or later: apt-get install python3, or name one: make PYTHON=/path/to/python3.12'; exit 1; }
ifeq ($(UV),)
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
	  if [ "$$(id -u)" = 0 ]; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null; \
	  else echo 'Python cannot make virtual environments here; type once: sudo apt-get install python3-venv'; exit 1; fi; }
	$(PYTHON) -m venv $(VENV)
else
	$(UV) venv -q --python $(PYTHON) $(VENV)
endif

ifeq ($(UV),)
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check
else
PIP = $(UV) pip install --quiet --python $(BIN)/python
endif

$(VENV)/.installed: $(VENV)/bin/python requirements.lock pyproject.toml server/package-lock.json
	@test -f $(VENV)/.developed || { echo 'installing what driftline needs ...'; $(PIP) --require-hashes -r requirements.lock; }
	DRIFTLINE_BUILD_ASSETS=1 $(PIP) --no-deps -e .
	@touch $@

$(VENV)/.developed: $(VENV)/bin/python requirements-dev.lock pyproject.toml server/package-lock.json
	$(PIP) --require-hashes -r requirements-dev.lock
	DRIFTLINE_BUILD_ASSETS=1 $(PIP) --no-deps -e .
	@touch $@ $(VENV)/.installed

test-tools: ## Install the Debian packages that the tests use (root), or say which are missing
	@missing=$$(for p in $(TEST_PACKAGES); do dpkg-query -W -f='$${Status}\n' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" = 0 ]; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	  else echo "the tests need more Debian packages; type once: sudo apt-get install" $$missing; exit 1; fi; fi
