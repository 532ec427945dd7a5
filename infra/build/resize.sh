# shellcheck shell=bash
# The minimum and maximum of a node group that stays. Terraform would send its size along with them, as it was when that was
# read; where the autoscaler has made the group larger since then, nodes would go, with what runs on them. EKS itself keeps
# the size if it is told none. So Terraform only says what is to change.

# Changes what is planned of that, then plans the rest. Usually there is none.
resize() {
  planned_sizes
  [[ -s $work/sizes ]] || return 0
  require_wanted
  enter apply
  local address cluster group min max
  while IFS=$'\t' read -r address cluster group min max; do
    resize_one
  done <"$work/sizes"
  plan
  planned_sizes
  [[ ! -s $work/sizes ]] ||
    fail "not resized" "EKS has carried out new limits and does not tell of them: $(cut -f 3 "$work/sizes" | xargs)."
}

planned_sizes() {
  terraform -chdir="$module" show -json "$work/plan" >"$work/plan.json"
  python3 "$here/resize.py" <"$work/plan.json" >"$work/sizes"
}

# EKS refuses limits that the size is not within, and then gets the nearest that is: a larger one for a minimum. A smaller
# one, for a maximum, takes nodes; it is asked for only where no run uses the cluster, and none may until this build is over.
resize_one() {
  local limits=minSize=$min,maxSize=$max size again=
  echo "$address: $min to $max nodes"
  until set_limits "$limits"; do
    # A build that was killed may have left it in the middle of a change.
    if grep -q ResourceInUseException "$work/refusal"; then
      nap
      continue
    fi
    [[ -z $again ]] || refused
    grep -q InvalidParameterException "$work/refusal" || refused
    again=yes
    eks describe-nodegroup --cluster-name "$cluster" --nodegroup-name "$group" \
      --query nodegroup.scalingConfig.desiredSize --output text || refused
    size=$(<"$work/answer")
    ((size >= min)) || limits+=,desiredSize=$min
    ((size <= max)) || limits+=,desiredSize=$max
  done
  until_resized "$(<"$work/answer")"
}

set_limits() {
  eks update-nodegroup-config --cluster-name "$cluster" --nodegroup-name "$group" --scaling-config "$1" \
    --query update.id --output text
}

until_resized() {
  local update=$1 state why
  while true; do
    eks describe-update --name "$cluster" --nodegroup-name "$group" --update-id "$update" --output text \
      --query "update.[status, join(': ', [errors[0].errorCode, errors[0].errorMessage][?@])]" || refused
    IFS=$'\t' read -r state why <"$work/answer"
    case $state in
      Successful) return ;;
      InProgress) nap ;;
      *) fail "waiting for EKS Node Group ($cluster:$group) config update ($update): unexpected state '$state', wanted target 'Successful'. last error: $why" "" "$address" ;;
    esac
  done
}

# One call; what it answers is in a file, since a subshell would not hear that the build is to stop.
eks() {
  : >"$work/answer"
  supervise "all node groups were resized" "$work/answer" "${target[@]}" eks "$@" 2>"$work/refusal" || {
    cat "$work/refusal" >&2
    return 1
  }
}

nap() {
  read -rt 5 -u "$pulse" || true
}

refused() {
  # Whoever was stopped was not refused.
  supervise "all node groups were resized" /dev/null true
  fail "updating EKS Node Group ($cluster:$group) config" "$(grep -v '^$' "$work/refusal" | tail -n 1)" "$address"
}
