# make check   proves the properties of IA-32; needs only make and Python 3.11 or newer
# make test    everything that has to hold before a change is committed
# make whole   the checks and monitors of whole machines, every obligation: some twenty minutes on two cores
# make bench   measures, beside unicorn and, where it is installed, QEMU's system emulator
# make clean   removes what the other targets made

PYTHON ?= python3
BIN := .venv/bin

.PHONY: check test whole bench clean
.DELETE_ON_ERROR:

check: .venv/installed
	$(BIN)/ringproof check ia32 --expect violated

test: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n auto --dist loadgroup --doctest-modules --benchmark-disable -m "not whole"

whole: .venv/installed-dev
	$(BIN)/pytest -n 0 -m whole tests tests/ia32_non_root

bench: .venv/installed-dev
	$(BIN)/python -m tests.benchmarks

clean:
	rm -rf .venv build dist .coverage .hypothesis .benchmarks .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The files .venv/installed* record a finished set-up, so it is repeated only when pyproject.toml changes.
.venv/installed: pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "ringproof needs Python 3.11 or newer, but there is no '$(PYTHON)'. Name one with: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "ringproof needs Python 3.11 or newer, but $$(command -v $(PYTHON)) is $$($(PYTHON) --version 2>&1). Name another with: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot create virtual environments; on Debian and Ubuntu install the package python3-venv." >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,oracles]'
	@touch $@
