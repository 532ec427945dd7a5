# shellcheck shell=bash
# What AWS may leave in the cluster's network, and no state has: an interface of a node that ended while it was being made,
# and with it the security group that EKS could then not delete. The one keeps its subnet, the other the network.

# Removes what there is of that, and fails if there is nothing: then destroying again would not help. Asks for this
# cluster's tags, which have its generation, and only when EKS has the cluster no more.
remove_leftovers() {
  local cluster interfaces groups id removed=
  terraform -chdir="$module" state list >"$work/left" 2>/dev/null || return
  ! grep -q '^aws_eks_cluster\.' "$work/left" || return
  cluster=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["cluster_name"])' <"$work/variables.tfvars.json") || return

  interfaces=$(tagged_with "cluster.k8s.amazonaws.com/name" "$cluster" describe-network-interfaces \
    NetworkInterfaces TagSet "Status=='available'" NetworkInterfaceId) || return
  for id in $interfaces; do
    echo "left behind by AWS: $id"
    "${target[@]}" ec2 delete-network-interface --network-interface-id "$id" && removed=yes
  done
  groups=$(tagged_with "aws:eks:cluster-name" "$cluster" describe-security-groups \
    SecurityGroups Tags "GroupName!='default'" GroupId) || return
  for id in $groups; do
    echo "left behind by AWS: $id"
    "${target[@]}" ec2 delete-security-group --group-id "$id" && removed=yes
  done
  [[ -n $removed ]]
}

# Ids of what has this tag and is as said. The tag is asked for and looked at: these are about to be deleted.
tagged_with() {
  local key=$1 value=$2 call=$3 all=$4 tags=$5 condition=$6 id=$7
  "${target[@]}" ec2 "$call" --filters "Name=tag:$key,Values=$value" --output text \
    --query "$all[?$condition && $tags[?Key=='$key' && Value=='$value']].$id"
}
