# The CPU and the GPU node group: managed, autoscaled, in private subnets.

resource "aws_iam_role" "node" {
  name = "${var.cluster_name}-node"

  force_detach_policies = true

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ec2.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "node" {
  for_each = toset([
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonEKSWorkerNodePolicy",
    "AmazonEKS_CNI_Policy",
  ])

  role       = aws_iam_role.node.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/${each.key}"
}

resource "aws_launch_template" "this" {
  for_each = local.groups

  name                   = "${var.cluster_name}-${each.key}"
  update_default_version = true

  tags = { Name = "${var.cluster_name}-${each.key}" }

  metadata_options {
    http_endpoint = "enabled"
    http_tokens   = "required"
    # One hop ends at the node: a pod, and so a user's function, cannot take the node's credentials.
    http_put_response_hop_limit = 1
  }

  block_device_mappings {
    device_name = "/dev/xvda"

    ebs {
      volume_type           = "gp3"
      volume_size           = each.value.disk_gib
      encrypted             = true
      delete_on_termination = true
    }
  }

  # The provider's default tags stop at the template; what it launches must be findable too.
  dynamic "tag_specifications" {
    for_each = toset(["instance", "volume"])

    content {
      resource_type = tag_specifications.value
      tags          = merge(local.tags, { Name = "${var.cluster_name}-${each.key}" })
    }
  }
}

# A group that is made in the place of another, for a changed type, begins with the size of that
# one. Otherwise the size is the autoscaler's business. None is found before there is one.
data "aws_autoscaling_groups" "present" {
  for_each = local.groups

  filter {
    name   = "tag:eks:cluster-name"
    values = [var.cluster_name]
  }

  filter {
    name   = "tag:k8s.io/cluster-autoscaler/node-template/label/ondemand-eks/node-group"
    values = [each.key]
  }
}

data "aws_autoscaling_group" "present" {
  for_each = toset(flatten(values(data.aws_autoscaling_groups.present)[*].names))

  name = each.key
}

locals {
  sizes = {
    for key, group in local.groups : key => min(group.max, max(group.first_size, [
      for name in data.aws_autoscaling_groups.present[key].names : data.aws_autoscaling_group.present[name].desired_capacity
    ]...))
  }
}

resource "aws_eks_node_group" "this" {
  for_each = local.groups

  cluster_name    = aws_eks_cluster.this.name
  node_group_name = "${each.key}-${replace(local.node_types[each.key][0], ".", "-")}-${formatdate("YYYYMMDDhhmmss", plantimestamp())}"
  node_role_arn   = aws_iam_role.node.arn
  ami_type        = "AL2023_${local.architecture[each.key]}_${each.value.image}"
  instance_types  = local.node_types[each.key]
  capacity_type   = var.capacity_type
  labels          = each.value.labels

  # Only where every type is offered: one zone without it fails the launch of a whole group.
  subnet_ids = [
    for zone, subnet in aws_subnet.private : subnet.id
    if alltrue([
      for candidate, offer in data.aws_ec2_instance_type_offerings.group :
      contains(offer.locations, zone) if local.candidates[candidate].group == each.key
    ])
  ]

  launch_template {
    id      = aws_launch_template.this[each.key].id
    version = aws_launch_template.this[each.key].latest_version
  }

  scaling_config {
    min_size     = each.value.min
    max_size     = each.value.max
    desired_size = local.sizes[each.key]
  }

  dynamic "taint" {
    for_each = each.value.taints

    content {
      key    = taint.key
      value  = taint.value
      effect = "NO_SCHEDULE"
    }
  }

  # A changed type makes a second group, and only then takes away the first: a type without
  # capacity costs the update, not the group. So names must differ, from one attempt to the next.
  lifecycle {
    create_before_destroy = true

    # The autoscaler takes the nodes of a group to be alike, and a group has one image.
    precondition {
      condition     = length(local.shapes[each.key]) == 1
      error_message = "${each.key}_node_types must all have the same architecture, vCPUs and GPUs: ${join("; ", local.shapes[each.key])}."
    }

    precondition {
      condition = length([
        for zone in local.zones : zone
        if alltrue([
          for candidate, offer in data.aws_ec2_instance_type_offerings.group :
          contains(offer.locations, zone) if local.candidates[candidate].group == each.key
        ])
      ]) > 0
      error_message = "No zone of ${var.region} offers all of ${each.key}_node_types: ${join(", ", local.node_types[each.key])}."
    }

    ignore_changes = [
      node_group_name, # the time is that of the creation
      subnet_ids,      # a zone added later is no reason to replace running nodes

      # The autoscaler's. Where it is not within new limits, the build sees to that, and to these:
      # sent from here, they would bring along the size that the group had a while ago.
      scaling_config[0].desired_size,
    ]
  }

  # The way out must be there before the first node, and must outlast the last one: nodes that
  # cannot reach the control plane neither join nor leave.
  depends_on = [
    aws_eks_addon.before_nodes,
    aws_iam_role_policy_attachment.node,
    aws_route.internet,
    aws_route.nat,
    aws_route_table_association.private,
    aws_route_table_association.public,
  ]
}
