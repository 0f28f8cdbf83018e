#!/bin/sh
# Makes the environments of what the benchmarks run beside ours: other people's, no part of the product's lock.
#   build/queues/venv    procrastinate and DBOS with the drivers they ask for
#   build/routers/venv   LiteLLM and semantic-router, what reads our encoder's file, and the event loop ours runs on
# Usage: benchmarks/peers.sh [queues|routers]; queues unless given. PYTHON names the interpreter. Running it again does
# nothing until a pin below changes.
set -eu

case "${1:-queues}" in
queues) pins="procrastinate==3.10.0 dbos==3.4.0 psycopg[binary]==3.3.9 psycopg-pool==3.3.3 sqlalchemy==2.1.9 uvloop==0.23.0" ;;
routers) pins="litellm==1.106.2 semantic-router==1.1.1 onnxruntime==1.31.1 tokenizers==0.23.3 numpy==2.4.6 uvloop==0.23.0" ;;
*)
    echo "peers.sh: there is no environment $1; write queues or routers" >&2
    exit 2
    ;;
esac

cd "$(dirname "$0")/.."
peers=build/${1:-queues}
mkdir -p "$peers"

if [ "$(cat "$peers/venv.pins" 2>/dev/null)" != "$pins" ]; then
    rm -rf "$peers/venv"
    "${PYTHON:-python3}" -m venv "$peers/venv"
    # shellcheck disable=SC2086  # one word per pin
    "$peers/venv/bin/pip" install -qq --disable-pip-version-check $pins
    printf '%s\n' "$pins" >"$peers/venv.pins"
fi
