# The two commands: `make run` and `make test`. `make help` lists the rest.
# Everything lives in .venv; stamp files there say what is installed, so a second run installs nothing and says nothing.
# make itself ends with 0 or 2: the program's own exit code stands in its "Error N" line; for the code itself call
# `.venv/bin/python main.py ...` after `make setup`.

PYTHON ?= python3.11
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# Our packages are found by the folder we stand in; settings of the caller's shell that would hide them are dropped.
unexport PYTHONPATH PYTHONHOME PYTHONSAFEPATH VIRTUAL_ENV

.DEFAULT_GOAL := help
.PHONY: help run setup setup-ibkr test test-ibkr check audit bench bench-learning bench-peers gate-odds soak chaos pictures dashboards clean

help:
	@echo 'make run [ARGS="--speed 6000 --duration 90"]   install what is missing, then run Stage 1'
	@echo 'make setup     install and compile the kernels ahead of time'
	@echo 'make test      install the test tools, run every test'
	@echo 'make test-ibkr run the contract tests of Interactive Brokers in an environment of their own (.venv-ibkr)'
	@echo 'make setup-ibkr install what the bot runs on there, too: FX options live'
	@echo 'make check     lint, format, import law, types, bandit, secrets'
	@echo 'make audit     what it is made of: bill of materials, licences, known vulnerabilities (var/audit)'
	@echo 'make bench     measured figures beside their goals (docs/performance.md), and what learning is worth on BOT_MARKET_DATA'
	@echo 'make bench-learning   the latter alone (ARGS="--doc docs/learning_results.md": written down)'
	@echo 'make bench-peers   beside freqtrade, vectorbt, nautilus_trader, backtesting.py, ccxt.pro, pandas, TA-Lib (.venv-peers; ARGS="--only NAME")'
	@echo 'make gate-odds how often luck passes the gates, measured (long; ARGS="--paths 100")'
	@echo 'make soak      24 venue hours at x60 with faults: nothing grows, books are equal (about 25 minutes)'
	@echo 'make chaos     twenty seeds of chaos, two minutes and ten kills each (about 50 minutes)'
	@echo 'make dashboards    the pages of Grafana against its types, each query and alert against a real Prometheus'
	@echo 'make pictures  the pictures of docs/panel.md and docs/telegram_tour.md, made anew (needs chromium)'
	@echo 'make clean     remove .venv, .venv-ibkr, .venv-audit, .venv-peers and caches (never var/<env>, where state lives)'

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { \
	  echo 'This project needs Python 3.11, and "$(PYTHON)" is not that. Install it, or name it: make PYTHON=/path/to/python3.11 ...' >&2; \
	  exit 1; }
	@echo 'Making $(VENV) ...'
	@$(PYTHON) -m venv $(VENV) || { echo 'Could not make $(VENV). On Debian and Ubuntu: apt install python3.11-venv' >&2; exit 1; }
	@touch $@

# torch first, in a step of its own: where pip is pointed at a place that has the CPU build, that one is taken and then kept.
$(VENV)/.torch: $(VENV)/.made requirements.txt
	@echo 'Installing torch (the largest part, once) ...'
	@$(PIP) install -c constraints.txt "$$(sed -n 's/^\(torch==[^ #]*\).*/\1/p' requirements.txt)"
	@touch $@

$(VENV)/.runtime: $(VENV)/.torch requirements.txt constraints.txt
	@echo 'Installing what the bot runs on ...'
	@$(PIP) install -r requirements.txt
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements-dev.txt
	@echo 'Installing what tests and checks need ...'
	@$(PIP) install -r requirements-dev.txt
	@touch $@

run: $(VENV)/.runtime
	@exec $(BIN)/python main.py --stage 1 $(ARGS)

setup: $(VENV)/.runtime
	@exec $(BIN)/python main.py setup

# Compiled once before, or tests that start bots wait for each other's compilers. Three workers on two cores: many tests wait.
test: $(VENV)/.dev
	@$(BIN)/python main.py setup
	@exec $(BIN)/python -m pytest -n 3 --dist worksteal $(ARGS)

# ib_async pins tzdata below 2026, our constraints have a later one: two environments (requirements-ibkr.txt).
IBKR := .venv-ibkr
IBKR_PIP := $(IBKR)/bin/python -m pip --disable-pip-version-check --quiet
IBKR_TESTS := msgspec structlog pytest pytest-asyncio pytest-timeout

$(IBKR)/.constraints: constraints.txt
	@test -d $(IBKR) || $(PYTHON) -m venv $(IBKR)
	@sed '/^tzdata==/d' constraints.txt > $@

$(IBKR)/.tests: $(IBKR)/.constraints requirements-ibkr.txt
	@echo 'Installing what the tests of Interactive Brokers need ...'
	@$(IBKR_PIP) install -c $(IBKR)/.constraints -r requirements-ibkr.txt $(IBKR_TESTS)
	@touch $@

$(IBKR)/.runtime: $(IBKR)/.tests requirements.txt
	@echo 'Installing what the bot runs on beside ib_async ...'
	@sed '/^-c /d' requirements.txt > $(IBKR)/runtime.txt
	@$(IBKR_PIP) install -c $(IBKR)/.constraints -r $(IBKR)/runtime.txt -r requirements-ibkr.txt
	@touch $@

setup-ibkr: $(IBKR)/.runtime

# Without the suite's conftest, which brings the whole engine.
test-ibkr: $(IBKR)/.tests
	@exec $(IBKR)/bin/python -m pytest --noconftest self_test/contracts/ibkr $(ARGS)

check: $(VENV)/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/mypy .
	@$(BIN)/bandit --quiet --recursive --configfile pyproject.toml bench dataio deploy forex marketdata modules risk state strategy telemetry \
	  utils config.py main.py
	@$(BIN)/python -m deploy.secret_scan

# The auditor's tools are no part of what is audited: an environment of their own (requirements-audit.txt).
AUDIT := .venv-audit

$(AUDIT)/.tools: requirements-audit.txt constraints.txt
	@test -d $(AUDIT) || $(PYTHON) -m venv $(AUDIT)
	@echo 'Installing what audits the dependencies ...'
	@$(AUDIT)/bin/python -m pip --disable-pip-version-check --quiet install -r requirements-audit.txt
	@touch $@

audit: $(VENV)/.dev $(AUDIT)/.tools
	@exec $(BIN)/python -m deploy.supply $(ARGS)

bench: $(VENV)/.runtime
	@$(BIN)/python -m bench --live --load $(ARGS)
	@exec $(BIN)/python -m bench.learning

bench-learning: $(VENV)/.runtime
	@exec $(BIN)/python -m bench.learning $(ARGS)

# TA-Lib and pandas are of the test tools; each peer gets an environment of its own from pins (bench/peers/requirements-NAME.txt).
bench-peers: $(VENV)/.dev
	@exec $(BIN)/python -m bench.peers $(ARGS)

gate-odds: $(VENV)/.runtime
	@exec $(BIN)/python -m bench.gate_odds $(ARGS)

soak: $(VENV)/.runtime
	@exec $(BIN)/python -m bench.soak $(ARGS)

chaos: $(VENV)/.runtime
	@exec $(BIN)/python -m bench.chaos $(ARGS)

pictures: $(VENV)/.dev
	@$(BIN)/python -m bench.pictures
	@exec $(BIN)/python -m bench.chat_tour

# The types want npm, the queries prometheus and promtool (.ci/prometheus); each says so where it is missing.
dashboards: $(VENV)/.dev
	@.ci/grafana-types
	@exec $(BIN)/python -m pytest -n 2 self_test/deploy/dashboards self_test/deploy/test_queries.py self_test/deploy/test_rules.py \
	  self_test/deploy/test_watching.py $(ARGS)

clean:
	rm -rf $(VENV) $(IBKR) $(AUDIT) .venv-peers .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage htmlcov var/cache var/audit
	find . -name __pycache__ -not -path './var/*' -type d -prune -exec rm -rf {} +
