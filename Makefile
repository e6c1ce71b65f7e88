# `make` lists what can be done here.
SHELL         := /usr/bin/env bash
.SHELLFLAGS   := -euo pipefail -c
.DEFAULT_GOAL := help

# DuckDB's Arrow interface is behind this tag; a build without it stops with
# a line that says so.
export GOFLAGS := $(GOFLAGS) -tags=duckdb_arrow
VERSION       ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
BUILD         := go build -trimpath -buildvcs=false -ldflags '-s -w -X github.com/asof-dev/asof/cli.Version=$(VERSION)'
STATICCHECK   := go run honnef.co/go/tools/cmd/staticcheck@v0.8.1
GOVULNCHECK   := go run golang.org/x/vuln/cmd/govulncheck@v1.9.0

.PHONY: help
help: ## list these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

.PHONY: build
build: ## build bin/asof
	@scripts/need.sh compiler
	$(BUILD) -o bin/asof ./cmd/asof

.PHONY: demo
demo: build ## run a month of StreamFlow end to end; MONTHS=DIR takes real months from DIR
	@scripts/demo.sh $(if $(MONTHS),'$(MONTHS)')

.PHONY: demo-console
demo-console: demo ## make demo, then serve it with its console until Ctrl-C; ARGS=--ui-port=0 takes free ports
	@ASOF_API_FEATURES=months_active,monthly_fee,paperless_billing bin/asof -c demo/streamflow serve --all $(ARGS)

.PHONY: pictures
pictures: demo ## make the README's pictures of the console with Chromium, and the report of drift
	@scripts/need.sh chromium
	@scripts/pictures.sh

.PHONY: test
test: feast-venv prefect-venv ## what CI runs: linters and all tests, with real PostgreSQL, Redis, Feast and Prefect
	@scripts/need.sh compiler postgres redis chromium
	@$(MAKE) --no-print-directory format-check vet staticcheck
	@scripts/test.sh

.PHONY: test-all
test-all: test ## make test, then everything under the race detector and on a newer PostgreSQL
	@scripts/test.sh all

.PHONY: bench-offline
bench-offline: build feast-venv ## training data beside Feast and the bare engines, as ratios
	go run ./bench/offline $(ARGS)

.PHONY: bench-remote
bench-remote: build feast-venv ## training data by Feast's SDK from our server, beside our command line and the bare transfer
	go run ./bench/offline -files=false -postgres=false -remote $(ARGS)

.PHONY: bench-online
bench-online: build feast-venv ## online reads beside Feast and the bare store, as ratios; ARGS=-full measures everything
	go run ./bench/online $(ARGS)

.PHONY: bench-fill
bench-fill: build feast-venv ## filling online stores beside Feast and bare loaders, as ratios
	go run ./bench/fill $(ARGS)

.PHONY: bench-load
bench-load: build ## a month of StreamFlow, and loading a CSV file beside DuckDB's reader and COPY, as ratios
	go run ./bench/load $(ARGS)

.PHONY: bench-schedule
bench-schedule: build ## how late scheduled runs start; fails where fewer than 99 of 100 are within 100 ms
	go run ./bench/schedule $(ARGS)

.PHONY: bench-console
bench-console: build ## pages of the console over 1,000 views and 10,000 runs; fails where fewer than 95 of 100 take 100 ms
	go run ./bench/console $(ARGS)

.PHONY: bench-registry
bench-registry: build feast-venv ## registry servers of 5,000 objects beside Feast's, as ratios
	go run ./bench/registry $(ARGS)

.PHONY: mutate
mutate: ## break each rule of the point-in-time join: a case of the corpus must fail
	@scripts/need.sh compiler postgres
	go test -tags duckdb_arrow,mutate -count=1 -timeout 60m -run TestMutants -v ./pit/

.PHONY: lint
lint: format-check vet staticcheck vulnerabilities ## gofmt, go vet, staticcheck, govulncheck

.PHONY: format-check
format-check:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not formatted (run gofmt -w): $$unformatted" >&2; exit 1; fi

.PHONY: vet
vet:
	@scripts/need.sh compiler
	go vet ./...

.PHONY: staticcheck
staticcheck:
	$(STATICCHECK) ./...

# Exit status 3 means vulnerabilities; anything else that fails is the
# database being out of reach, which is said and is no failure of the code.
.PHONY: vulnerabilities
vulnerabilities:
	@$(GOVULNCHECK) ./... || { status=$$?; [ $$status -ne 3 ] || exit 3; echo "govulncheck could not run here: vulnerabilities not checked"; }

.PHONY: generate
generate: ## write the generated code again
	go generate ./...

.PHONY: feast-venv
feast-venv: ## install Feast's SDK (tests compare us with it) into .cache/feast-venv
	@scripts/venv.sh feast

.PHONY: prefect-venv
prefect-venv: ## install Prefect (a flow of it drives our pipelines in a test) into .cache/prefect-venv
	@scripts/venv.sh prefect

.PHONY: dist
dist: ## build release archives with checksums into dist/
	@VERSION='$(VERSION)' scripts/dist.sh

.PHONY: clean
clean: ## remove what was built; .cache/ (Feast, PostgreSQL) stays
	rm -rf bin dist demo coverage.out
