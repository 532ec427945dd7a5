#!/usr/bin/env bash
# Carries out ACTION on one generation of one cluster and reports all it did to OUTPUT_PREFIX.
set -euo pipefail

: "${ACTION:?plan, apply or destroy}" "${REGION:?}" "${OUTPUT_PREFIX:?}" "${STATE_BUCKET:?}" "${STATE_KEY:?}"

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
module=$(cd "$here/../../terraform" && pwd)
work=$(mktemp -d)

# shellcheck source=infra/build/credentials.sh
source "$here/credentials.sh"
# shellcheck source=infra/build/report.sh
source "$here/report.sh"
# shellcheck source=infra/build/terraform.sh
source "$here/terraform.sh"
# shellcheck source=infra/build/hold.sh
source "$here/hold.sh"
# shellcheck source=infra/build/adopt.sh
source "$here/adopt.sh"
# shellcheck source=infra/build/resize.sh
source "$here/resize.sh"
# shellcheck source=infra/build/leftovers.sh
source "$here/leftovers.sh"

leave() {
  local exit_code=$?
  trap - EXIT
  # What is left to do takes seconds, and a signal would end the programs that do it.
  trap '' INT TERM HUP
  set +e
  forget_credentials
  release_hold "$exit_code"
  finish_report "$exit_code"
  rm -rf "$work"
  exit "$exit_code"
}
trap leave EXIT
trap interrupt INT TERM HUP

start_report
keep_credentials
require_terraform
fetch_variables

[[ $ACTION == plan ]] || take_hold
initialise

case $ACTION in
  plan)
    plan_only
    ;;
  apply)
    adopt
    all_adopted plan
    clear_tainted
    plan
    resize
    apply
    publish_outputs
    ;;
  destroy)
    adopt
    destroy
    all_adopted "had destroyed everything"
    ;;
  *)
    fail "unknown ACTION" "ACTION is $ACTION; it must be plan, apply or destroy."
    ;;
esac
