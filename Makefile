# Two commands on a fresh machine: `make demo` and `make test`. Each builds .venv first if need be.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
PIP_FLAGS ?= --quiet --disable-pip-version-check
WORKERS ?= 2
BIN := .venv/bin
LATEST := .venv-latest/bin

export OMP_NUM_THREADS ?= 1

.PHONY: demo test test-latest lint doctest unit figures clean

demo: .venv/installed
	OMP_NUM_THREADS=2 $(BIN)/neurodyn demo

test: lint doctest unit

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

doctest: .venv/installed
	$(BIN)/python -m pytest -q --doctest-modules neurodyn

unit: .venv/installed
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal --durations 15 tests

test-latest: .venv-latest/installed
	$(LATEST)/python -m pytest -q -n $(WORKERS) --dist worksteal tests

figures: .venv/installed
	$(BIN)/neurodyn figure --all

.venv/installed: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -c "import sys; assert sys.version_info[:2] == (3, 11), 'brainscore-vision needs Python 3.11, this is ' + sys.version; import venv"
	@echo "installing into .venv: several minutes, most of them downloads"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install $(PIP_FLAGS) -c constraints.txt --config-settings editable_mode=compat -e ".[brainscore,search,notebook,dev]"
	touch $@

.venv-latest/installed: setup.cfg pyproject.toml constraints-latest.txt
	$(PYTHON) -m venv .venv-latest
	$(LATEST)/python -m pip install $(PIP_FLAGS) -c constraints-latest.txt --config-settings editable_mode=compat -e ".[search,notebook,dev]"
	touch $@

clean:
	rm -rf .venv .venv-latest build *.egg-info .mypy_cache .ruff_cache .hypothesis
