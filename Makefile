# Everything runs in .venv, a virtual environment inside this folder. Python
# 3.10 or later is all that has to be there before: `make help`.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/set-up
WHEEL_CHECK := build/wheel-check

# $(call apt_get,PACKAGE) installs a Debian package where we may, else fails.
apt_get = { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	&& echo "Installing $(1) with apt-get ..." \
	&& apt-get update -qq >/dev/null \
	&& DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
		--no-install-recommends $(1) >/dev/null; }

.PHONY: help setup demo report test quick fuzz lint format wheel wheel-check clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' \
		Makefile

setup: $(STAMP) ## Create .venv with the tested versions (3 GB to download)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
		|| { echo "Python 3.10 or later is needed; name one:" \
			"make PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null \
		|| { $(call apt_get,python3-venv) \
			&& $(PYTHON) -c 'import ensurepip' 2>/dev/null; } \
		|| { echo "$(PYTHON) cannot create virtual environments: install" \
			"python3-venv (sudo apt-get install python3-venv)"; exit 1; }
	$(PYTHON) -m venv .venv

# SoX is one of the resamplers that the cut-off network must know.
$(STAMP): setup.py requirements/tested.txt | $(BIN)/python
	@command -v sox >/dev/null || $(call apt_get,sox) \
		|| echo "SoX is missing, which only the cut-off network's training" \
			"needs: sudo apt-get install sox, or on macOS brew install sox"
	$(BIN)/python -m pip install --disable-pip-version-check \
		-c requirements/tested.txt -e '.[dev]'
	@touch $@

demo: $(STAMP) ## Restore the high band of the recordings in examples/
	@mkdir -p demo
	@for name in announcement music; do \
		$(BIN)/flashsr examples/$$name.flac \
			-o demo/$${name}_48k.wav --plot || exit 1; \
	done
	@echo "The recordings at 48 kHz, and pictures of before and after:"
	@ls -1 $(CURDIR)/demo/*

# 30 clips of each domain; OPTIONS= takes hparams/evaluate.yaml as it is.
OPTIONS ?= --max_clips=30
EVALUATE := recipes/VersatileAudio/SuperResolution/FlashSR

report: $(STAMP) ## Score the model that ships: make report DATA=<corpus>
	@[ -f "$(DATA)/test.json" ] || { echo "Name the prepared corpus," \
		"the folder that holds test.json: make report DATA=<folder>." \
		"recipes/VersatileAudio/README.md says how to prepare it."; exit 1; }
	@$(BIN)/python -c 'import pesq, pystoi, speechmos, visqol' 2>/dev/null \
		|| $(BIN)/python -m pip install -q -c requirements/tested.txt \
			-e '.[evaluate]' \
		|| echo "Some metrics are left out: PESQ needs a C compiler."
	$(BIN)/python $(EVALUATE)/evaluate.py $(EVALUATE)/hparams/evaluate.yaml \
		--data_folder="$(abspath $(DATA))" \
		--output_folder="$(CURDIR)/results/report" $(OPTIONS)

# Two processes, each with whole files: tests/conftest.py puts slow ones first.
IN_PARALLEL := -n 2 --dist loadfile --no-loadscope-reorder

test: lint ## Run the linters and all tests
	$(BIN)/python -m pytest $(IN_PARALLEL)

quick: $(STAMP) ## Run the tests that are not slow, in about a minute
	$(BIN)/python -m pytest $(IN_PARALLEL) -q -m "not slow"

MINUTES ?= 10

fuzz: $(STAMP) ## Damage inputs at random: make fuzz MINUTES=10
	$(BIN)/python -m tests.fuzz.runner --minutes=$(MINUTES)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/yamllint .
	$(BIN)/codespell

format: $(STAMP) ## Format the code as the tests want it
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

wheel: $(STAMP) ## Build dist/speechbrain_flashsr-*.whl
	@rm -rf build/lib build/bdist.* dist
	$(BIN)/python -m pip wheel -q --no-deps --no-build-isolation -w dist .

wheel-check: wheel ## Run the wheel in an empty environment of its own
	@rm -rf $(WHEEL_CHECK)
	$(PYTHON) -m venv $(WHEEL_CHECK)/venv
	$(WHEEL_CHECK)/venv/bin/python -m pip install -q \
		-c requirements/tested.txt dist/*.whl
	@chmod -R a-w $(WHEEL_CHECK)/venv/lib && touch $(WHEEL_CHECK)/installed
	cd $(WHEEL_CHECK) && env -u PYTHONPATH PYTHONDONTWRITEBYTECODE=1 \
		venv/bin/flashsr $(CURDIR)/examples/announcement.flac \
		-o announcement_48k.wav
	@test -s $(WHEEL_CHECK)/announcement_48k.wav
	@written=$$(find $(WHEEL_CHECK)/venv -newer $(WHEEL_CHECK)/installed); \
		[ -z "$$written" ] || { echo "Written while running: $$written"; \
		exit 1; }
	@chmod -R u+w $(WHEEL_CHECK)/venv/lib && rm -rf $(WHEEL_CHECK)
	@echo "The wheel works in an empty environment, and writes nothing there."

clean: ## Remove all that was built or run here but .venv
	@[ ! -d $(WHEEL_CHECK) ] || chmod -R u+w $(WHEEL_CHECK)
	rm -rf build dist demo results/report *.egg-info .pytest_cache .ruff_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
