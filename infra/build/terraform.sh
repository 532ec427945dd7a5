# shellcheck shell=bash
# Terraform: getting it, and running it so that it always has time to put its state away.

# Used when the build image has no Terraform that fits the module.
pinned_version=1.11.4
pinned_amd64=1ce994251c00281d6845f0f268637ba50c0005657eb3cf096b92f753b42ef4dc
pinned_arm64=a43d1d0da9b9bab214a8305a39db0e40869572594ccf50c416a7756499143633

# Seconds for all of Terraform together, and the grace it gets to stop after that. The
# build's own time-out must be longer than both.
deadline=$((SECONDS + ${TERRAFORM_SECONDS:-3300}))
grace=300

# How long to wait for the lock of the state. No other build competes for it, and a person has it for longer.
lock=(-lock-timeout=10s)

terraform_version=
interrupted=

mkfifo "$work/pulse"
exec {pulse}<>"$work/pulse"

require_terraform() {
  terraform_version=$(installed_version)
  if [[ ! $terraform_version =~ ^1\.[1-9][0-9]+\. ]]; then
    download_terraform
    terraform_version=$(installed_version)
  fi

  export TF_IN_AUTOMATION=1 TF_INPUT=0 CHECKPOINT_DISABLE=1
  export TF_DATA_DIR=$work/.terraform

  # Whoever brings a CLI configuration has decided where providers come from; a cache would
  # only get in between. The cache may do without a lock file, of which there is none.
  if [[ -z ${TF_CLI_CONFIG_FILE:-} ]]; then
    export TF_PLUGIN_CACHE_DIR=${TF_PLUGIN_CACHE_DIR:-$HOME/.cache/terraform/plugins}
    export TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE=1
    mkdir -p "$TF_PLUGIN_CACHE_DIR"
  fi
}

installed_version() {
  terraform version 2>/dev/null | sed -n '1s/^Terraform v//p'
}

download_terraform() {
  local platform sha256 archive
  case $(uname -m) in
    x86_64) platform=amd64 sha256=$pinned_amd64 ;;
    aarch64 | arm64) platform=arm64 sha256=$pinned_arm64 ;;
    *) fail "no Terraform" "There is none for $(uname -m)." ;;
  esac
  archive=terraform_${pinned_version}_linux_$platform.zip

  echo "downloading Terraform $pinned_version"
  curl --fail --silent --show-error --location --retry 3 --max-time 300 --output "$work/$archive" \
    "https://releases.hashicorp.com/terraform/$pinned_version/$archive" ||
    fail "no Terraform" "Downloading $archive failed."
  echo "$sha256  $work/$archive" | sha256sum --check --quiet ||
    fail "no Terraform" "$archive is not the one that was pinned."
  unzip -q "$work/$archive" terraform -d "$work/bin"
  export PATH=$work/bin:$PATH
}

fetch_variables() {
  aws s3 cp --only-show-errors "$OUTPUT_PREFIX/variables.tfvars.json" "$work/variables.tfvars.json" ||
    fail "no variables" "Reading $OUTPUT_PREFIX/variables.tfvars.json failed."
}

initialise() {
  enter init

  # BACKEND_FLAGS is words, not one word.
  # shellcheck disable=SC2086
  run init -backend-config="bucket=$STATE_BUCKET" -backend-config="key=$STATE_KEY" \
    -backend-config="region=${AWS_REGION:-$AWS_DEFAULT_REGION}" ${BACKEND_FLAGS:-}
}

plan() {
  enter plan
  make_plan
}

# A plan that nobody will apply changes nothing, and so need not keep anybody waiting.
plan_only() {
  lock=(-lock=false)
  plan
}

apply() {
  enter apply
  # Before anything is made: of a machine that dies in the next seconds nothing else would tell.
  tell_names
  upload_events events.planned || fail "no report" "Writing to $OUTPUT_PREFIX failed."
  carry_out_plan
}

# What AWS left behind may keep the network; without it, destroying the rest again may succeed.
destroy() {
  local code=0
  enter destroy
  destroy_once || code=$?
  ((code != 0)) || return 0
  if ((code == 1)) && is_settled && remove_leftovers; then
    destroy_once
  else
    return "$code"
  fi
}

# Reading what is there may fail (a type no longer offered, a permission taken away); that
# must not keep anyone from destroying what the state knows of.
destroy_once() {
  make_plan -destroy || make_plan -destroy -refresh=false || return
  carry_out_plan
}

# What failed half-way through its creation still has its name. Terraform replaces node groups,
# and with them all that they depend on, by creating first, and so would clash with that name
# on every retry. Node groups themselves are left out: they have a name per attempt, and beside
# a new one that failed stands the old one, with work on it.
clear_tainted() {
  local -a targets
  mapfile -t targets < <(terraform -chdir="$module" show -no-color |
    sed -n '/^# aws_eks_node_group/d; s/^# \(.*\): (tainted)$/-target=\1/p')
  ((${#targets[@]} > 0)) || return 0

  enter apply
  echo "half-made by an earlier build, so destroyed first: ${targets[*]#-target=}"
  make_plan -destroy "${targets[@]}"
  carry_out_plan
}

publish_outputs() {
  terraform -chdir="$module" output -json >"$work/outputs.json"
  upload outputs.json
}

make_plan() {
  run plan "${lock[@]}" -var-file="$work/variables.tfvars.json" -out="$work/plan" "$@"
}

# Where in the event stream an apply begins that has not succeeded.
applying_from=

carry_out_plan() {
  require_wanted
  applying_from=$(($(wc -c <"$events") + 1))
  run apply "${lock[@]}" "$work/plan" || return
  applying_from=
}

# Whether nothing can be in the account that the state should have and does not, in so far as Terraform had the time to
# see to that: it has told the end of each change that it began.
is_settled() {
  [[ -z $applying_from ]] || tail -c "+$applying_from" "$events" | python3 "$here/adopt.py" settled
}

# Runs one Terraform command, its event stream going to the report.
run() {
  local command=$1 code=0
  shift
  terraform_to "$events" "$command" -json -input=false "$@" || code=$?
  case $code in
    0) ;;
    124) report_error "timed out" "terraform $command was stopped because its time was over." ;;
    # Nobody but this build knows of these: Terraform itself has had no time to say anything.
    137) report_error "timed out" "terraform $command was killed before it had written its state." ;;
    *) sed -n 's/^{"@level":"error","@message":"\(.*\)","@module".*/\1/p' "$events" | tail -n 20 >&2 ;;
  esac
  return "$code"
}

terraform_to() {
  local output=$1 command=$2
  shift 2
  supervise "terraform $command" "$output" terraform -chdir="$module" "$command" "$@"
}

# Runs something with its words going to a file, for as long as there is time and nobody wants the build to stop. Then it
# gets ONE SIGINT, however many signals come: at the second one Terraform lets everything lie, what it is just making too,
# and gives its lock back as if it had ended in order. So it is in a process group of its own, which nobody else signals,
# and there is one place that does. (`timeout` is no such place: it signals its child, and then its child's group.)
#
# Ends as the program does; with 124 if that was because time was over, and with 137 if the program had to be killed.
supervise() {
  local what=$1 output=$2 code=0 late= told= child
  shift 2
  [[ -z $interrupted ]] || fail "stopped" "The build was stopped before $what."
  ((SECONDS < deadline)) || fail "timed out" "No time was left for $what."

  set -m
  "$@" >>"$output" {pulse}>&- &
  child=$!
  set +m
  while kill -0 "$child" 2>/dev/null; do
    # Nobody writes there: it is a nap without a process, in which signals are heard. A nap at the beginning gives the
    # program time to become one that hears them.
    read -rt 0.2 -u "$pulse" || true
    ((SECONDS < deadline)) || late=yes
    if [[ -z $told ]]; then
      [[ -n $interrupted$late ]] || continue
      told=$SECONDS
      kill -INT "$child" 2>/dev/null || true
    elif ((SECONDS >= told + grace)); then
      kill -KILL -- "-$child" 2>/dev/null || true
    fi
  done
  wait "$child" || code=$?
  ((code == 0 || code == 137)) || [[ -z $late ]] || code=124
  return "$code"
}

# What a signal to the build does; `supervise` sees to the rest.
interrupt() {
  interrupted=yes
}
