# What a user gets who sets nothing: the documented defaults, and the invariants of every cluster.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  region         = "us-east-1"
  cluster_name   = "ondemand-1f1e0abd-g1"
  integration_id = "int-1"
  cluster_id     = "1f1e0abd"
  generation     = 1
}

run "documented_defaults" {
  command = plan

  assert {
    condition = (
      var.keepalive == 1200 && var.cpu_node_type == "t3.xlarge" && var.min_cpu_node == 1 && var.max_cpu_node == 1 &&
      var.gpu_node_type == "p2.xlarge" && var.min_gpu_node == 0 && var.max_gpu_node == 1
    )
    error_message = "A default differs from the documented one."
  }

  assert {
    condition     = one(aws_eks_node_group.this["cpu"].scaling_config).min_size == 1
    error_message = "The CPU group must start with the one node it needs."
  }

  assert {
    condition     = one(aws_eks_node_group.this["cpu"].scaling_config).desired_size == 1
    error_message = "The CPU group must start with the one node it needs."
  }

  assert {
    condition     = one(aws_eks_node_group.this["gpu"].scaling_config).desired_size == 0
    error_message = "The GPU group must start empty."
  }
}

run "the_cluster_is_current_and_cheap" {
  command = plan

  assert {
    condition     = aws_eks_cluster.this.version == "1.34"
    error_message = "The newest version in standard support must be taken, by number and not by text."
  }

  assert {
    condition     = one(aws_eks_cluster.this.upgrade_policy).support_type == "STANDARD"
    error_message = "A cluster must never slip into extended support, which costs six times as much."
  }

  assert {
    condition     = length(aws_eks_cluster.this.encryption_config) == 0 && length(coalesce(aws_eks_cluster.this.enabled_cluster_log_types, [])) == 0
    error_message = "A key or a log group would outlive the cluster."
  }

  assert {
    condition = (
      one(aws_eks_cluster.this.access_config).authentication_mode == "API" &&
      one(aws_eks_cluster.this.access_config).bootstrap_cluster_creator_admin_permissions
    )
    error_message = "Whoever creates the cluster must be let in."
  }
}

run "a_version_asked_for_is_taken" {
  command = plan

  variables {
    kubernetes_version = "1.33"
  }

  assert {
    condition     = aws_eks_cluster.this.version == "1.33" && length(data.aws_eks_cluster_versions.supported) == 0
    error_message = "A version that is given needs no look-up."
  }
}

run "gpu_nodes_are_set_apart" {
  command = plan

  assert {
    condition = aws_eks_node_group.this["gpu"].labels == tomap({
      "ondemand-eks/node-group"       = "gpu"
      "k8s.amazonaws.com/accelerator" = "nvidia-t4"
    })
    error_message = "GPU nodes must carry the group and the accelerator as labels."
  }

  assert {
    condition = [for taint in aws_eks_node_group.this["gpu"].taint : "${taint.key}=${taint.value}:${taint.effect}"] == [
      "nvidia.com/gpu=present:NO_SCHEDULE"
    ]
    error_message = "Work without a GPU must stay off GPU nodes."
  }

  assert {
    condition     = length(aws_eks_node_group.this["cpu"].taint) == 0
    error_message = "CPU nodes take everything."
  }

  assert {
    condition = (
      aws_eks_node_group.this["cpu"].ami_type == "AL2023_x86_64_STANDARD" &&
      aws_eks_node_group.this["gpu"].ami_type == "AL2023_x86_64_NVIDIA"
    )
    error_message = "GPU nodes need the image with the driver, CPU nodes the one without."
  }
}

run "an_empty_group_can_be_scaled_up" {
  command = plan

  assert {
    condition = { for id, entry in aws_autoscaling_group_tag.this : one(entry.tag).key => one(entry.tag).value if startswith(id, "gpu/") } == {
      "k8s.io/cluster-autoscaler/enabled"                                           = "true"
      "k8s.io/cluster-autoscaler/ondemand-1f1e0abd-g1"                              = "owned"
      "k8s.io/cluster-autoscaler/node-template/label/ondemand-eks/node-group"       = "gpu"
      "k8s.io/cluster-autoscaler/node-template/label/k8s.amazonaws.com/accelerator" = "nvidia-t4"
      "k8s.io/cluster-autoscaler/node-template/taint/nvidia.com/gpu"                = "present:NoSchedule"
      "k8s.io/cluster-autoscaler/node-template/resources/nvidia.com/gpu"            = "1"
    }
    error_message = "The autoscaler must know label, taint and GPUs of a node that does not exist yet."
  }

  assert {
    condition     = length(aws_autoscaling_group_tag.this) == 9
    error_message = "Every tag of both groups must reach its Auto Scaling group."
  }

  assert {
    condition = (
      aws_eks_pod_identity_association.autoscaler.namespace == "kube-system" &&
      aws_eks_pod_identity_association.autoscaler.service_account == "cluster-autoscaler"
    )
    error_message = "The autoscaler must find its role."
  }
}

run "nodes_are_closed_and_tagged" {
  command = plan

  assert {
    condition = alltrue([
      for template in aws_launch_template.this :
      one(template.metadata_options).http_tokens == "required" && one(template.metadata_options).http_put_response_hop_limit == 1
    ])
    error_message = "A pod must not reach the node's credentials."
  }

  assert {
    condition     = alltrue([for template in aws_launch_template.this : one(one(template.block_device_mappings).ebs).encrypted == "true"])
    error_message = "Volumes must be encrypted."
  }

  assert {
    condition = alltrue(flatten([
      for template in aws_launch_template.this : [
        for launched in template.tag_specifications :
        launched.tags["ondemand-eks:integration"] == "int-1" &&
        launched.tags["ondemand-eks:cluster"] == "1f1e0abd" &&
        launched.tags["ondemand-eks:generation"] == "1"
      ]
    ]))
    error_message = "What a node group launches must be findable by tag."
  }

  assert {
    condition     = aws_subnet.public.map_public_ip_on_launch != true
    error_message = "Nothing gets a public address but the NAT gateway."
  }
}

run "nothing_keeps_the_end_waiting" {
  command = plan

  assert {
    condition     = !aws_eks_addon.coredns.preserve && alltrue(values(aws_eks_addon.before_nodes)[*].preserve)
    error_message = "Pods that may not be evicted would keep EKS draining their node for five minutes; the rest goes with the cluster."
  }

  assert {
    condition     = alltrue([for role in [aws_iam_role.cluster, aws_iam_role.node, aws_iam_role.autoscaler] : role.force_detach_policies])
    error_message = "A policy that somebody else attached must not keep a role."
  }
}

run "names_carry_the_generation" {
  command = plan

  variables {
    cluster_name = "ondemand-1f1e0abd-g42"
    generation   = 42
  }

  assert {
    condition = alltrue([
      for name in concat(
        [aws_eks_cluster.this.name, aws_iam_role.cluster.name, aws_iam_role.node.name, aws_iam_role.autoscaler.name],
        values(aws_launch_template.this)[*].name,
      ) : startswith(name, "ondemand-1f1e0abd-g42")
    ])
    error_message = "A name without the generation clashes with what an older generation left behind."
  }
}

run "outputs" {
  command = apply

  assert {
    condition = (
      output.cluster_name == "ondemand-1f1e0abd-g1" && output.cluster_version == "1.34" && output.region == "us-east-1" &&
      output.account_id == "123456789012" && output.cluster_ca == "bW9jaw==" && output.cluster_endpoint == "https://mock.eks.amazonaws.com"
    )
    error_message = "The control plane needs all of these to reach the cluster."
  }

  assert {
    condition     = output.node_groups["gpu"].instance_types == tolist(["p2.xlarge"]) && output.node_groups["gpu"].max == 1
    error_message = "The node groups must be told as they are."
  }
}
