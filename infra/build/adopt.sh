# shellcheck shell=bash
# Going on where a killed build stopped. Terraform writes its state to the bucket at most every 20
# seconds, so what it made last is missing there; the killed build's event stream tells of it.

# What may be in the account, and could not be imported.
unadopted=()

# RESUMES has the reports of the builds that were killed since the state was last whole, newest first.
adopt() {
  [[ -n ${RESUMES:-} ]] || return 0
  enter resume

  local prefix address id vanished=
  : >"$work/former.jsonl"
  for prefix in $RESUMES; do
    fetch "$prefix/events.jsonl" "$work/former" || continue
    cat "$work/former" "$work/former.jsonl" >"$work/formers"
    mv "$work/formers" "$work/former.jsonl"
    # A report without an end may lack what happened last.
    fetch "$prefix/summary.json" "$work/former" || vanished=--vanished
  done
  terraform -chdir="$module" show -json >"$work/state.json"
  # Only for what was in the making: without the permission to ask, that stays where it is.
  "${target[@]}" resourcegroupstaggingapi get-resources --tag-filters "Key=ondemand-eks:cluster,Values=${CLUSTER_ID:-}" \
    "Key=ondemand-eks:generation,Values=${GENERATION:-}" >"$work/tagged.json" || echo '{}' >"$work/tagged.json"
  python3 "$here/adopt.py" missing "$work/state.json" "$work/tagged.json" $vanished <"$work/former.jsonl" >"$work/missing"

  while IFS=$'\t' read -r address id; do
    echo "missing in the state: $address, which is $id"
    adopt_one "$address" "$id" || adopt_one "$address" "$id" || unadopted+=("${address//\"/}")
    until_made "$address" "$id"
  done <"$work/missing"
}

# Ends the build if something could not be imported: its reports are passed on, so that the next one tries again. An apply
# would make it a second time, so asks before; a destroy has less to cost money if it has done all it can before it asks.
all_adopted() {
  ((${#unadopted[@]} == 0)) ||
    fail "not gone on with" "The build was stopped before terraform $1, since these could not be imported: ${unadopted[*]}."
}

# What was begun need not have come to anything; but not being told of it is not the same.
adopt_one() {
  : >"$work/import.log"
  terraform_to "$work/import.log" import -input=false -no-color -lock-timeout=10s \
    -var-file="$work/variables.tfvars.json" "$1" "$2" 2>>"$work/import.log" && return
  sed -n '/Error/,$p' "$work/import.log" >&2
  grep -qi "non-existent remote object\|couldn't find resource\|not \?found" "$work/import.log"
}

# AWS may still be making what was killed in the making; nothing can be put into it before.
until_made() {
  local -a condition
  case $1 in
    aws_eks_cluster.*) condition=(cluster-active --name "$2") ;;
    aws_eks_node_group.*) condition=(nodegroup-active --cluster-name "${2%%:*}" --nodegroup-name "${2#*:}") ;;
    *) return 0 ;;
  esac
  supervise "terraform plan" "$work/wait.log" "${target[@]}" eks wait "${condition[@]}" || true
}

# The names of what is about to be made, for whoever has to find it if Terraform is killed before
# AWS has answered.
tell_names() {
  terraform -chdir="$module" show -json "$work/plan" 2>/dev/null | python3 "$here/adopt.py" names >>"$events" || true
}

# Fails if there is no such object. Not knowing is not the same: what it tells of would be forgotten.
fetch() {
  aws s3 cp --only-show-errors "$1" "$2" 2>"$work/refusal" && return
  grep -q '(404)' "$work/refusal" || fail "no report" "Reading $1 failed."
  return 1
}
