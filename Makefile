# Every target sets itself up in .venv from pinned versions.
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.ready
FUZZER := $(VENV)/.fuzzer
RUN := $(VENV)/bin/

FUZZ_SECONDS := 600

.PHONY: demo test check long fuzz bench docs clean

demo: $(STAMP)
	$(RUN)essgw demo

test: $(STAMP)
	$(RUN)coverage erase
	$(RUN)coverage run -m pytest -n auto --dist loadfile
	$(RUN)coverage combine -q
	$(RUN)coverage report

check: $(STAMP)
	$(RUN)ruff format --check .
	$(RUN)ruff check .
	$(RUN)mypy
	$(RUN)lint-imports
	$(RUN)essgw check mappings/registers/native.yaml mappings/pcs/*.yaml demo demo-coils outlander
	$(RUN)python docs/generate.py --check

long: $(STAMP)
	$(RUN)python -m pytest -m "" -p no:randomly --hypothesis-profile=long -o faulthandler_timeout=0
	cd tests && PYTHONPATH=.:.. ../$(RUN)python -m control.mutants
	$(MAKE) fuzz
	$(RUN)python -m bench.soak --minutes 30

fuzz: $(FUZZER)
	PYTHONPATH=.:tests $(RUN)python -m fuzz.explore --seconds $(FUZZ_SECONDS)

bench: $(STAMP)
	$(RUN)python -m bench.run

docs: $(STAMP)
	$(RUN)python docs/generate.py

clean:
	rm -rf $(VENV) build dist .coverage*

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "essgw needs Python 3.11 or newer; $(PYTHON) is `$(PYTHON) -V 2>&1`. Name another: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null \
	  || { echo "python3-venv is missing: apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	PIP_CONSTRAINT=constraints.txt $(RUN)pip install --quiet --disable-pip-version-check -e '.[dev,fast]'
	touch $@

# Where no wheel of it is to be had, fuzzing says that it is skipped.
$(FUZZER): $(STAMP)
	PIP_CONSTRAINT=constraints.txt $(RUN)pip install --quiet --disable-pip-version-check --only-binary atheris -e '.[fuzz]' \
	  || echo "atheris is not to be had for `$(PYTHON) -V`"
	touch $@
