#!/bin/sh
# Makes the environment of the queues the benchmark runs beside ours: other people's, no part of the product's lock.
#   build/queues/venv   procrastinate and DBOS with the drivers they ask for
# Usage: benchmarks/peers.sh. PYTHON names the interpreter. Running it again does nothing until a pin below changes.
set -eu

pins="procrastinate==3.10.0 dbos==3.4.0 psycopg[binary]==3.3.9 psycopg-pool==3.3.3 sqlalchemy==2.1.9 uvloop==0.23.0"

cd "$(dirname "$0")/.."
peers=build/queues
mkdir -p "$peers"

if [ "$(cat "$peers/venv.pins" 2>/dev/null)" != "$pins" ]; then
    rm -rf "$peers/venv"
    "${PYTHON:-python3}" -m venv "$peers/venv"
    # shellcheck disable=SC2086  # one word per pin
    "$peers/venv/bin/pip" install -qq --disable-pip-version-check $pins
    printf '%s\n' "$pins" >"$peers/venv.pins"
fi
