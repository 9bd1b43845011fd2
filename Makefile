# Bare `make` lists the commands. Every command sets up .venv by itself at its first call.
.DEFAULT_GOAL := help
PY := .venv/bin/python
STAMP := .venv/.installed
PYTHON ?= # python3, python3.14 … python3.11, or uv's: the first that fits
# torch and its company take 14 s to import from source, 6 s from bytecode: let the first import write it
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help setup demo test check docs crawl crawl-demo bench scale lock clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml requirements.lock setup.sh
	@PYTHON="$(PYTHON)" sh setup.sh

setup: $(STAMP) ## make .venv with the locked packages (the others call it)

demo: $(STAMP) ## group 39 real interiors and write a report
	$(PY) train.py experiment=few_photos

test: $(STAMP) ## all tests (those in a browser need a Chromium); make test ARGS="-k dec" runs some
	$(PY) -m pytest --numprocesses auto --dist worksteal $(ARGS)

check: $(STAMP) ## lint, format, types and the fast tests
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	$(PY) -m pytest --numprocesses auto --dist worksteal -m "not slow and not browser"

# The pages' packages come at the first call; uv leaves what the lock has installed as it is
DOCS := .venv/.installed-docs
$(DOCS): $(STAMP)
	.venv/bin/uv pip install --quiet --python $(PY) --requirement pyproject.toml --extra docs
	@touch $@

docs: $(DOCS) ## build the pages of docs/ into site/ (open site/index.html)
	NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict --quiet
	@echo "Pages: site/index.html (with its search: $(PY) -m http.server --directory site)"

# make crawl SOURCE=openverse CONTACT=you@example.org ARGS="-a limit=500"
SOURCE ?= openverse
crawl: $(STAMP) ## fill data/photos from an open source: CONTACT=you@example.org [SOURCE=…] [ARGS=…]
	cd crawler && ../.venv/bin/scrapy crawl $(SOURCE) -a contact="$(CONTACT)" $(ARGS)

crawl-demo: $(STAMP) ## crawl drawn cafés on this machine, group them, score against the truth
	cd crawler && ../.venv/bin/scrapy demo
	$(PY) train.py data=crawled data.manifest=data/photos/replica/labelled.parquet data.labels=atmosphere k=5

bench: $(STAMP) ## photos a second, as on the page docs/speed.md
	$(PY) benchmarks/embed.py

ROWS ?= 100000
scale: $(STAMP) ## what more photos cost, by simulation (ROWS=1000000 for all)
	$(PY) benchmarks/scale.py --rows $(ROWS)

lock: ## pin the newest versions that pyproject.toml admits
	.venv/bin/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-annotate --universal \
	  --python-version 3.11 --extra demo --extra fast --extra excel --extra heic --extra umap --extra launchers --extra optuna --extra ray --extra survey --extra words --extra dev pyproject.toml --output-file requirements.lock --upgrade

clean: ## delete .venv, site/ and the caches (photos and runs stay)
	rm -rf .venv site .pytest_cache .mypy_cache .ruff_cache .hypothesis data/cache
