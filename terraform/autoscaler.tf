# What the cluster autoscaler needs from AWS. The autoscaler itself runs in the cluster and is
# applied there by the control plane of ondemand-eks.

resource "aws_iam_role" "autoscaler" {
  name = "${var.cluster_name}-autoscaler"

  force_detach_policies = true

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Principal = { Service = "pods.eks.amazonaws.com" }
    }]
  })
}

locals {
  # The beginning of each service's ARNs, of this account and region.
  arn = {
    for service in ["autoscaling", "eks"] :
    service => "arn:${data.aws_partition.current.partition}:${service}:${var.region}:${data.aws_caller_identity.current.account_id}"
  }
}

resource "aws_iam_role_policy" "autoscaler" {
  name = "scale-node-groups"
  role = aws_iam_role.autoscaler.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid    = "Look"
        Effect = "Allow"
        Action = [
          "autoscaling:DescribeAutoScalingGroups",
          "autoscaling:DescribeAutoScalingInstances",
          "autoscaling:DescribeLaunchConfigurations",
          "autoscaling:DescribeScalingActivities",
          "autoscaling:DescribeTags",
          "ec2:DescribeImages",
          "ec2:DescribeInstanceTypes",
          "ec2:DescribeLaunchTemplateVersions",
          "ec2:GetInstanceTypesFromInstanceRequirements",
        ]
        Resource = "*" # these actions know no narrower one
      },
      {
        Sid      = "LookAtNodeGroups"
        Effect   = "Allow"
        Action   = "eks:DescribeNodegroup"
        Resource = "${local.arn.eks}:nodegroup/${var.cluster_name}/*"
      },
      {
        Sid    = "Scale"
        Effect = "Allow"
        Action = [
          "autoscaling:SetDesiredCapacity",
          "autoscaling:TerminateInstanceInAutoScalingGroup",
        ]
        Resource = "${local.arn.autoscaling}:autoScalingGroup:*:autoScalingGroupName/eks-*"
        Condition = {
          StringEquals = { "aws:ResourceTag/k8s.io/cluster-autoscaler/${var.cluster_name}" = "owned" }
        }
      },
    ]
  })
}

resource "aws_eks_pod_identity_association" "autoscaler" {
  cluster_name    = aws_eks_cluster.this.name
  namespace       = "kube-system"
  service_account = "cluster-autoscaler"
  role_arn        = aws_iam_role.autoscaler.arn
}

# How the autoscaler finds its groups, and what it takes a node of an empty group to be like.
# EKS does not pass a node group's tags on to the Auto Scaling group behind it.
locals {
  autoscaler_tags = {
    for key, group in local.groups : key => merge(
      {
        "k8s.io/cluster-autoscaler/enabled"             = "true"
        "k8s.io/cluster-autoscaler/${var.cluster_name}" = "owned"
      },
      { for label, value in group.labels : "k8s.io/cluster-autoscaler/node-template/label/${label}" => value },
      { for taint, value in group.taints : "k8s.io/cluster-autoscaler/node-template/taint/${taint}" => "${value}:NoSchedule" },
      { for name, count in group.resources : "k8s.io/cluster-autoscaler/node-template/resources/${name}" => tostring(count) },
    )
  }
}

resource "aws_autoscaling_group_tag" "this" {
  for_each = merge([
    for group, tags in local.autoscaler_tags : {
      for key, value in tags : "${group}/${key}" => { group = group, key = key, value = value }
    }
  ]...)

  autoscaling_group_name = aws_eks_node_group.this[each.value.group].resources[0].autoscaling_groups[0].name

  tag {
    key                 = each.value.key
    value               = each.value.value
    propagate_at_launch = false
  }

  lifecycle {
    create_before_destroy = true # a group keeps its tags until the one that replaces it is there
  }
}
