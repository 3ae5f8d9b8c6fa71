# Two commands are enough: `make run` and `make test`. `make help` lists the others.
# Paths are relative, so that the checkout may lie anywhere, spaces included.

# The Python for new environments: a name or a path; empty for the first one that fits.
PYTHON ?=
# Options for `twistd mudserver`.
ARGS ?=
# How many rounds `make crash` plays, and what decides them, and `make torture`; no seed for a random one.
ROUNDS ?= 20
SEED ?=
# How many seconds `make torture` lasts.
SECONDS ?= 60
# Options for `make crash`, `make torture`, `make fuzz`, `make bench`, its likes and `make soak`; --help lists them.
OPTIONS ?=
# Sections of the Autobahn Testsuite for `make conformance`; empty for all.
SECTIONS ?=
# Where `make run` keeps the database and the rest of its state.
export MUDSERVER_STATE_DIR ?= var

VERSIONS := 3.11 3.12 3.13

.DEFAULT_GOAL := help
.PHONY: help run test unit lint faults format docs crash torture conformance fuzz bench bench-storage \
    bench-takeover bench-steady bench-bus soak test-all constraints changes clean

# $(call environment,FOLDER,PYTHON,EXTRAS): make the folder a virtual environment with mudserver.
environment = python=$$(.ci/python "$(2)") && "$$python" .ci/environment.py $(1) $(3)

help:
	@echo 'make run          install into .venv and start the server in the foreground'
	@echo '                  make run ARGS="--help" lists its options'
	@echo 'make test         lint, then all tests'
	@echo 'make unit         the unit tests'
	@echo 'make faults       attack a daemon in each of the ways it must survive'
	@echo 'make lint         ruff, mypy, import-linter'
	@echo 'make format       format the code, mend what can be mended safely'
	@echo 'make docs         renew the generated parts of docs/'
	@echo 'make crash        kill daemon and database again and again, and compare: $(ROUNDS) rounds'
	@echo '                  make crash ROUNDS=200 SEED=7 plays more, and similar ones again'
	@echo '                  make crash OPTIONS=--processes kills worlds of a town of processes'
	@echo 'make torture      processes on rough links; worlds and hub die, players come and go: $(SECONDS) s'
	@echo '                  make torture SECONDS=600 SEED=7 is longer, and similar to another one'
	@echo '                  make torture OPTIONS="--blows kill-hub" kills nothing but the hub'
	@echo 'make conformance  the Autobahn Testsuite against the WebSocket; needs a Python 2.7, too'
	@echo '                  make conformance SECTIONS="1 2 9.7.*" runs a part of it'
	@echo 'make fuzz         search for input that breaks a parser or the machines; a minute for each'
	@echo '                  make fuzz OPTIONS="--seconds 600 telnet message" chooses'
	@echo 'make bench        deliveries and commands beside references, Evennia among them'
	@echo '                  make bench OPTIONS="fanout --sizes 10 100 --without-evennia" measures less'
	@echo 'make bench-storage  the journal and the loader beside plain psycopg2'
	@echo '                  make bench-storage OPTIONS="--repeat 9" measures more often'
	@echo 'make bench-takeover  how long players wait when the world is killed, or reloaded'
	@echo 'make bench-steady how long players wait who send a command a second all the while'
	@echo '                  MUD_BENCH_PLAYERS=1000 make bench-steady has more of them'
	@echo 'make bench-bus    the bus over each of its ways, beside NATS with its Python client'
	@echo '                  make bench-bus OPTIONS="--ways unix nats --runs 9" chooses'
	@echo 'make soak         2,000 players for five minutes, and the memory of an idle one'
	@echo '                  make soak OPTIONS="--sessions 500 --seconds 60" is a smaller one'
	@echo 'make test-all     all tests on each of Python $(VERSIONS) that is found'
	@echo 'make constraints  renew the pinned versions in .ci/constraints.txt'
	@echo 'make changes      show what the next release would say'
	@echo 'make clean        remove all that make made, but not the state in var/'
	@echo
	@echo 'PYTHON=python3.12 chooses the Python of the virtual environment.'

run:
	@$(call environment,.venv,$(PYTHON),embedded)
	@exec .venv/bin/python .ci/foreground.py \
	    .venv/bin/twistd --nodaemon --pidfile= mudserver $(ARGS)

test:
	@$(call environment,.venv,$(PYTHON),embedded dev)
	@exec .venv/bin/python .ci/check.py lint unit integration faults torture

unit lint faults:
	@$(call environment,.venv,$(PYTHON),embedded dev)
	@exec .venv/bin/python .ci/check.py $@

format:
	@$(call environment,.venv,$(PYTHON),embedded dev)
	@.venv/bin/python -m ruff format
	@.venv/bin/python -m ruff check --fix

docs:
	@$(call environment,.venv,$(PYTHON),embedded dev)
	@.venv/bin/python docs/generate.py
	@.venv/bin/python docs/generate_schema.py

crash:
	@$(call environment,.venv,$(PYTHON),embedded dev)
	@exec .venv/bin/python -W error -m tests.crash --rounds $(ROUNDS) \
	    $(if $(SEED),--seed $(SEED)) $(OPTIONS)

torture:
	@$(call environment,.venv,$(PYTHON),embedded dev)
	@exec .venv/bin/python -W error -m tests.torture --seconds $(SECONDS) \
	    $(if $(SEED),--seed $(SEED)) $(OPTIONS)

conformance:
	@$(call environment,.venv,$(PYTHON),embedded dev)
	@.venv/bin/python .ci/wstest.py || exit 0; \
	exec .venv/bin/python -W error -m tests.conformance --sections $(SECTIONS)

fuzz:
	@$(call environment,.venv,$(PYTHON),embedded dev)
	@exec .venv/bin/python -m tests.fuzz $(OPTIONS)

bench:
	@$(call environment,.venv,$(PYTHON),embedded dev)
	@exec .venv/bin/python -m tests.bench.delivery $(OPTIONS)

bench-storage:
	@$(call environment,.venv,$(PYTHON),embedded dev)
	@exec .venv/bin/python -m tests.bench.storage $(OPTIONS)

bench-takeover:
	@$(call environment,.venv,$(PYTHON),embedded dev)
	@folder=$$(mktemp -d) && .venv/bin/python -m twisted.trial --temp-directory="$$folder/trial" \
	    tests.bench.takeover; status=$$?; rm -rf "$$folder"; exit $$status

bench-steady:
	@$(call environment,.venv,$(PYTHON),embedded dev)
	@ulimit -n $$(ulimit -H -n); folder=$$(mktemp -d) && .venv/bin/python -m twisted.trial \
	    --temp-directory="$$folder/trial" tests.bench.steady_takeover; status=$$?; \
	    rm -rf "$$folder"; exit $$status

bench-bus:
	@$(call environment,.venv,$(PYTHON),embedded dev)
	@exec .venv/bin/python -m tests.bench.bus $(OPTIONS)

soak:
	@$(call environment,.venv,$(PYTHON),embedded dev)
	@exec .venv/bin/python -W error -m tests.soak $(OPTIONS)

test-all:
	@failed=; for version in $(VERSIONS); do \
	    echo "== Python $$version"; \
	    if python=$$(.ci/python python$$version 2>/dev/null); then \
	        "$$python" .ci/environment.py .venv-$$version embedded dev \
	        && .venv-$$version/bin/python .ci/check.py unit integration faults torture \
	        || failed="$$failed $$version"; \
	    else \
	        echo 'not found: not tested'; \
	    fi; \
	done; \
	if [ -n "$$failed" ]; then echo "Failed on Python$$failed"; exit 1; fi

constraints:
	@set --; for version in $(VERSIONS); do \
	    python=$$(.ci/python python$$version) && set -- "$$@" "$$python" || exit 1; \
	done; \
	exec "$$1" .ci/constraints.py "$$@"

changes:
	@$(call environment,.venv,$(PYTHON),embedded dev)
	@.venv/bin/python -m towncrier build --draft --version next

clean:
	rm -rf .venv .venv-* build dist *.egg-info .hypothesis .mypy_cache .ruff_cache \
	    .import_linter_cache _trial_temp* twisted/plugins/dropin.cache
	find mudserver tests twisted tac .ci -name __pycache__ -type d -prune -exec rm -rf {} +
