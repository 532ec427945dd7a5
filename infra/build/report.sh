# shellcheck shell=bash
# What the control plane sees of a build: events.jsonl while it runs, summary.json when it is over.

stage=init
started_at=$(date -u +%Y-%m-%dT%H:%M:%SZ)
events=$work/events.jsonl
uploader=

# Tells the summary, and whoever reads the build's log, what comes next.
enter() {
  stage=$1
  echo "stage: $stage"
}

# Ends the build for a reason that Terraform does not know, told in Terraform's own form so
# that there is one kind of error to diagnose.
fail() {
  report_error "$@"
  exit 1
}

# What happened, more of it, and the address of the resource that it happened to, if it did to one.
report_error() {
  local summary detail address
  echo "error: $1: $2" >&2
  summary=$(escaped "$1") detail=$(escaped "$2") address=$(escaped "${3:-}")
  printf '{"@level":"error","@message":"Error: %s","@module":"build","@timestamp":"%s","type":"diagnostic","diagnostic":{"severity":"error","summary":"%s","detail":"%s"%s}}\n' \
    "$summary" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$summary" "$detail" "${address:+,\"address\":\"$address\"}" >>"$events"
}

# A text as it is within a string of JSON.
escaped() {
  local text=${1//\\/\\\\}
  text=${text//\"/\\\"}
  printf '%s' "${text//[[:cntrl:]]/ }"
}

start_report() {
  : >"$events"
  upload_while_running &
  uploader=$!
}

finish_report() {
  local exit_code=$1
  [[ -z $uploader ]] || { kill "$uploader" && wait "$uploader"; } 2>/dev/null

  cat >"$work/summary.json" <<JSON
{"action":"$ACTION","exit_code":$exit_code,"stage":"$stage","started_at":"$started_at","ended_at":"$(date -u +%Y-%m-%dT%H:%M:%SZ)","terraform_version":"${terraform_version:-}","build_id":"${CODEBUILD_BUILD_ID:-}","lock":"$lock_state"}
JSON

  # The summary goes last, or not at all: whoever sees it may rely on the rest being complete.
  upload_events && upload summary.json
  echo "ended: $ACTION, exit code $exit_code, stage $stage"
}

upload_while_running() {
  local sent=0 size nap=
  trap 'kill $nap 2>/dev/null; exit 0' TERM
  while true; do
    sleep "${EVENTS_INTERVAL:-3}" &
    nap=$!
    wait $nap
    size=$(wc -c <"$events")
    if ((size > sent)); then
      upload_events && sent=$size
    fi
  done
}

# Whole lines of JSON only: Terraform may be in the middle of one, and `init` prints a few
# words for people whatever it is told.
upload_events() {
  local copy=${1:-events.sending} # of its own, where the uploader may be sending
  grep '^{.*}$' "$events" >"$work/$copy" || true
  upload "$copy" events.jsonl
}

upload() {
  aws s3 cp --only-show-errors "$work/$1" "$OUTPUT_PREFIX/${2:-$1}"
}
