# What AWS offers this account in this region. Everything is read while planning, so a type
# or region that cannot work is refused before anything has been made.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_availability_zones" "usable" {
  #checkov:skip=CKV_AWS_394:one more zone adds one more subnet and moves nothing
  # EKS cannot place a control plane in these three.
  exclude_zone_ids = ["use1-az3", "usw1-az2", "cac1-az3"]

  filter {
    name   = "zone-type"
    values = ["availability-zone"]
  }

  lifecycle {
    postcondition {
      condition     = length(self.zone_ids) >= 2
      error_message = "EKS needs two availability zones; ${var.region} offers this account ${length(self.zone_ids)}."
    }
  }
}

data "aws_ec2_instance_type" "group" {
  # AWS knows nothing of a type that it does not offer here.
  for_each = { for candidate, of in local.candidates : candidate => of if of.group == "cpu" || local.offered[candidate] }

  instance_type = each.value.type

  lifecycle {
    postcondition {
      condition     = each.value.group != "gpu" || anytrue([for gpu in self.gpus : gpu.manufacturer == "NVIDIA"])
      error_message = "gpu_node_type ${each.value.type} has no NVIDIA GPU; one that has is g4dn.xlarge."
    }

    # An address for each pod, and one more for each interface; two pods of the system use the node's own.
    postcondition {
      condition = each.value.group != "cpu" || coalesce(try(
        self.maximum_network_interfaces * (self.maximum_ipv4_addresses_per_interface - 1) + 2, null
      ), local.least_pods) >= local.least_pods
      error_message = "cpu_node_type ${each.value.type} is too small: the first node must take ${local.least_pods} pods, of which ${local.least_pods - 1} are the system's own. t3.medium is one that can."
    }
  }
}

data "aws_ec2_instance_type_offerings" "group" {
  for_each = local.candidates

  location_type = "availability-zone-id"

  filter {
    name   = "instance-type"
    values = [each.value.type]
  }

  lifecycle {
    # Without GPU nodes at first, all that needs none can be done here: the GPU group is left out then.
    postcondition {
      condition     = length(setintersection(self.locations, local.zones)) > 0 || each.value.group == "gpu" && var.min_gpu_node == 0
      error_message = "${each.value.group}_node_type ${each.value.type} is not offered in a usable zone of ${var.region}."
    }
  }
}

data "aws_eks_cluster_versions" "supported" {
  count = var.kubernetes_version == null ? 1 : 0

  # Past standard support a cluster costs six times as much.
  version_status = "STANDARD_SUPPORT"
}

locals {
  node_types = {
    cpu = coalesce(var.cpu_node_types, [var.cpu_node_type])
    gpu = coalesce(var.gpu_node_types, [var.gpu_node_type])
  }

  # Everything a group may consist of. Its first type goes by the group's own name.
  candidates = merge([
    for group, types in local.node_types : {
      for index, type in types : index == 0 ? group : "${group}/${type}" => { group = group, type = type }
    }
  ]...)

  zones = sort(data.aws_availability_zones.usable.zone_ids)

  offered = {
    for candidate, offer in data.aws_ec2_instance_type_offerings.group :
    candidate => length(setintersection(offer.locations, local.zones)) > 0
  }

  # Network, proxy, Pod Identity, twice CoreDNS, the autoscaler, and one that is a user's.
  least_pods = 7

  # Versions are compared by their minor number: as text "1.9" would beat "1.34".
  kubernetes_version = coalesce(var.kubernetes_version, try(
    "1.${max([for offer in data.aws_eks_cluster_versions.supported[0].cluster_versions : tonumber(split(".", offer.cluster_version)[1])]...)}",
    null,
  ))
}
