# Asof in a container. Targets: asof (the product, the default when built by
# hand with --target asof) and streamflow (with a repository to begin with).

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN make build VERSION="$VERSION"

# What the binary needs beside itself: glibc (in the base), the C++ runtime of
# DuckDB, the certificates of CAs and the time zones.
FROM debian:bookworm-slim AS asof
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates libstdc++6 tzdata \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/bin/asof /usr/local/bin/asof
# Under this name the binary takes Feast's commands.
RUN ln -s asof /usr/local/bin/feast
# The process starts as root and becomes the owner of this folder before it
# does anything else, so the registry can be written whoever that is.
WORKDIR /repo
EXPOSE 6566
HEALTHCHECK CMD ["asof", "ping", "http://127.0.0.1:6566/health"]
ENTRYPOINT ["asof"]
CMD ["serve", "-h", "0.0.0.0", "-p", "6566"]

# The same with StreamFlow's repository, on PostgreSQL, where none is mounted.
FROM asof AS streamflow
RUN asof -c /tmp init streamflow -t streamflow \
 && mv /tmp/streamflow/feature_store.postgres.yaml /tmp/streamflow/feature_store.yaml \
 && cp -a /tmp/streamflow/. /repo/ \
 && rm -r /tmp/streamflow
