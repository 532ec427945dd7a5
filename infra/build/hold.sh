# shellcheck shell=bash
# One build at a time. The note beside the state says which, and where to read what it did; it is
# there from before the first lock until everything is put away. So a note that stays behind tells
# of a build that was killed, and whoever finds it can ask CodeBuild whether that build is over.

hold_etag=
lock_state=none

# HOLD is the version of a note that the control plane found to be of a build that is over; this
# build takes its place. Where there was no note there must still be none.
take_hold() {
  local condition=(--if-none-match '*')
  [[ -z ${HOLD:-} ]] || condition=(--if-match "$HOLD")
  # RESUMES is words, not one word.
  # shellcheck disable=SC2086
  write_note "$OUTPUT_PREFIX" ${RESUMES:-}

  if ! hold_etag=$(s3api put-object --key "$STATE_KEY.holder" --body "$work/holder" \
    "${condition[@]}" --query ETag --output text); then
    grep -q 'PreconditionFailed\|ConditionalRequestConflict' "$work/refusal" || {
      hold_etag=
      fail "no state" "Writing to bucket $STATE_BUCKET failed."
    }
    # A first try whose answer was lost has made the second one fail.
    hold_etag=$(own_note) ||
      fail "Error acquiring the state lock" "Another build holds it and says so in s3://$STATE_BUCKET/$STATE_KEY.holder."
  fi
}

# The control plane gives up a build that it has told to stop, or whose machine is gone, and goes on: it may let runs use
# the cluster as it is. CodeBuild may begin such a build late, when nobody looks for it any more. So a word is put beside
# its report before it is given up, and looked for before anything is changed.
require_wanted() {
  if s3api head-object --key "${OUTPUT_PREFIX#s3://"$STATE_BUCKET"/}/given-up" >/dev/null 2>&1; then
    fail "given up" "The build was stopped before terraform apply, since it has been given up."
  fi
  grep -q '(404)' "$work/refusal" || fail "no report" "Reading $OUTPUT_PREFIX failed."
}

# Which build this is, and where to read what was done since the state was last whole: the reports named.
write_note() {
  local reports
  printf -v reports ',"%s"' "$@"
  # Terraform's own note in its lock names a user and a host, never a build.
  printf '{"build_id":"%s","who":"%s@%s","events":[%s]}' \
    "${CODEBUILD_BUILD_ID:-unknown}" "$(id -un)" "$(hostname)" "${reports:1}" >"$work/holder"
}

own_note() {
  local etag
  etag=$(s3api get-object --key "$STATE_KEY.holder" --query ETag --output text "$work/found") &&
    cmp -s "$work/found" "$work/holder" && printf '%s' "$etag"
}

# Where Terraform was killed, its lock is still there and its last changes are not in the state:
# the note stays, and the next build begins with them. So it does where Terraform gave the lock back
# in the middle of a change, as it does when it is interrupted twice.
#
# A build that went on from killed ones and failed in order may not have come to all that these had made. So it passes
# their reports on, without its own: what it did itself is in the state.
release_hold() {
  local exit_code=$1
  [[ -n $hold_etag ]] || return 0
  if s3api head-object --key "$STATE_KEY.tflock" >/dev/null; then
    lock_state=held
  elif ! grep -q '(404)' "$work/refusal"; then
    lock_state=unknown
  elif [[ -e $module/errored.tfstate ]] && ! push_state; then
    lock_state=unsaved
  elif ! is_settled; then
    lock_state=unsettled
  else
    lock_state=free
    if ((exit_code != 0)) && [[ -n ${RESUMES:-} ]]; then
      # shellcheck disable=SC2086
      write_note $RESUMES
      s3api put-object --key "$STATE_KEY.holder" --body "$work/holder" --if-match "$hold_etag" >/dev/null
      return
    fi
    s3api delete-object --key "$STATE_KEY.holder" --if-match "$hold_etag" >/dev/null
  fi
}

# What Terraform could not write to the bucket it has put beside the module.
push_state() {
  terraform -chdir="$module" state push -lock-timeout=10s errored.tfstate
}

s3api() {
  local command=$1
  shift
  aws s3api "$command" --bucket "$STATE_BUCKET" "$@" 2>"$work/refusal" || {
    local code=$?
    cat "$work/refusal" >&2
    return "$code"
  }
}
