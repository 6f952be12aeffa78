#!/usr/bin/env bash
# Tests a running server against its /openapi.json. Schemathesis generates requests that the document allows and
# requests that it forbids, and checks every response: no status 5xx, no body that deviates from its schema. The
# requests are the same in every run (fixed seed) and refer to templates, jobs and keys that exist. The script starts a
# fresh server on a port that the kernel chooses, uses loopback only, and deletes all its files.
#
#   scripts/schemathesis.sh                    as in CI: about a minute
#   scripts/schemathesis.sh --seed 7           pass further options to `schemathesis run`
#
# The generated jobs have random text as their commands. None may ever run: the tested server requires more free disk
# space than exists, so it starts no job, and the script checks at the end that none was started.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
trainyard=${CARGO_TARGET_DIR:-$here/target}/debug/trainyard

unset_variables() {
  local name
  for name in "${!TRAINYARD_@}"; do unset "$name"; done
}

# ------------------------------------------------------------------------------------------------- start and stop

# A server that runs as root has keys for other users only if the configuration says as which user their jobs run.
if [ "$(id -u)" = 0 ]; then run_as='run_as = "root"'; else run_as=''; fi

start_server() { # MIN_FREE_GB
  cat >"$dir/trainyard.toml" <<TOML
listen = "127.0.0.1:0"
data_dir = "$dir/data"
min_free_gb = $1

[[centre]]
id = 1
name = "this machine"
$run_as
capacity = { cpu_cores = 64, memory_gb = 64, gpus = [{ name = "NVIDIA-L40S-PCIE-48G", count = 8 }] }

[[centre.storage]]
id = "11111111-2222-3333-4444-555555555555"
type = "nas-capacity"
path = "/data/nas"

[[centre.product]]
code = "PRD-QTT"
name = "量子训练"
cpu_cores = 1
memory_gb = 2
gpu_name = "NVIDIA-L40S-PCIE-48G"
gpu_count = 1
price = "0.0002B"
TOML
  "$trainyard" serve --config "$dir/trainyard.toml" >>"$dir/server.log" 2>&1 &
  server=$!
  local deadline=$((SECONDS + 60))
  until [ -s "$dir/data/server.url" ] && cli centre list >/dev/null 2>&1; do
    if [ "$SECONDS" -ge "$deadline" ] || ! kill -0 "$server" 2>/dev/null; then
      echo "the server does not answer; the end of its log:" >&2
      tail -n 20 "$dir/server.log" >&2
      exit 1
    fi
    sleep 0.1
  done
}

stop_server() {
  if [ -z "$server" ]; then return; fi
  kill -TERM "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  server=''
}

cli() { "$trainyard" "$@" --data-dir "$dir/data"; }

# -------------------------------------------------------------------------------------- create templates, jobs, keys

seed() {
  cd "$here/examples/templates"
  cli template create -f hello.json
  sed 's/world/other/' hello.json | cli template update hello -f -
  cli template create -f digits-mpi.yaml
  cli template archive digits-mpi
  cli template create -f - <<'YAML'
name: ruled
visibility: public
labels: {team: vision}
image: registry.example/torch:2
startCommand: "true"
parameters:
  - {name: EPOCHS, type: integer, default: 3, minimum: 1, maximum: 9}
  - {name: MODE, type: choice, choices: [a, b], required: true}
locked: [image]
required: [startCommand]
YAML
  cli job create --template hello --follow
  cli job create --template ruled --param MODE=a --follow
  cli job create --name fails -f - --follow <<<'{"startCommand": "exit 3"}' || true
  cli key create watcher --user victor --project vision --role viewer
  cli key create worker --user wilma --project vision --expires '2999-01-01 00:00:00'
  cd "$here"
}

ids() { # template|job|key
  cli "$1" list -o json | python3 -c 'import json, sys; print(json.dumps([it["id"] for it in json.load(sys.stdin)["records"]]))'
}

attempts() { find "$dir/data/jobs" -maxdepth 2 -name 'attempt-*' | sort; }

# ------------------------------------------------------------------------------------------ settings of Schemathesis

write_settings() {
  cat >"$dir/schemathesis.toml" <<TOML
hooks = "$here/scripts/schemathesis/hooks.py"
seed = 1
# One worker: Python 3.11 cannot compile in two threads at once ("AST constructor recursion depth mismatch").
workers = 1
warnings = false
request-timeout = 10
max-time = 60
continue-on-failure = true
headers = { Authorization = "Bearer \${SCHEMATHESIS_KEY}" }

# Every run starts without results of earlier runs.
[cache]
enabled = false

[generation]
database = "none"

# A schema cannot express which versions and attempts exist, that a time must be in the future, that a path must exist,
# or that one field is allowed only with another. So a request that matches the schema may still be refused.
[checks]
positive_data_acceptance.expected-statuses = ["2xx", 401, 403, 404, 409, 412]
missing_required_header.expected-statuses = [400, 401, 403, 404, 415, 428]
# A text within its limit of characters may make the body larger than the limit of bytes.
negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 422, 428, 429, "5xx"]

[[operations]]
include-operation-id = [
  "createTemplate", "listTemplates", "updateTemplate", "importTemplate", "setDefaultTemplateVersion", "previewJob",
  "createJob", "readLog", "searchLog", "setJobTimeout", "createStorage", "createKey", "createSecret", "deleteSecret",
]
checks.positive_data_acceptance.enabled = false

[dictionaries]
templates.values = $(ids template)
jobs.values = $(ids job)
keys.values = $(ids key)
revisions.values = ['"1"', '"2"', '"3"']
workers.values = $(ids job | sed 's/job_\([0-9a-f]*\)/job-\1-master-0/g')
$(operation '^/v1/training/template/(?!.*/delete$)' 0.7 path.id templates header.If-Match revisions)
$(operation '^/v1/training/instance/(?!.*/delete$)' 0.7 path.id jobs path.podName workers query.templateId templates \
  body.templateId templates)
$(operation '^/v1/training/template/.*/delete$' 0.02 path.id templates)
$(operation '^/v1/training/instance/.*/delete$' 0.02 path.id jobs)
$(operation '^/v1/api-key/' 0.1 path.id keys)
TOML
}

# Makes parameters take existing ids with the given probability. It is low for deletes, since a deleted thing stays
# deleted for the rest of the run.
operation() { # PATHS PROBABILITY (PARAMETER DICTIONARY)...
  local probability=$2
  printf "\n[[operations]]\ninclude-path-regex = '%s'\n" "$1"
  shift 2
  while [ $# -gt 0 ]; do
    printf 'parameters."%s" = { dictionary = "%s", probability = %s }\n' "$1" "$2" "$probability"
    shift 2
  done
}

# --------------------------------------------------------------------------------------------------------------- run

unset_variables
cargo build --locked --quiet --manifest-path "$here/Cargo.toml" --package trainyard
venv=$("$here/scripts/test-venvs.sh" schemathesis)
venv=${venv#*=}

server=''
dir=$(mktemp -d)
trap 'stop_server; rm -rf "$dir"' EXIT
start_server 0
seed >"$dir/seed.log" 2>&1 || { cat "$dir/seed.log"; exit 1; }
stop_server
start_server 1000000000
cli job create --template hello >/dev/null
attempts >"$dir/before"
write_settings

SCHEMATHESIS_KEY=$(cat "$dir/data/admin.key")
SCHEMATHESIS_OWN_KEY=$(ids key | tr -d '[]" ' | tr , '\n' | tail -n 1)
export SCHEMATHESIS_KEY SCHEMATHESIS_OWN_KEY
"$venv/bin/schemathesis" --config-file "$dir/schemathesis.toml" run --no-color "$@" \
  "$(cat "$dir/data/server.url")/openapi.json"

if started=$(attempts | comm -13 "$dir/before" - | grep .); then
  echo "the server started jobs although its disk counts as full: $started" >&2
  exit 1
fi
