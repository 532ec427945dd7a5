# The control plane, and the add-ons that EKS itself keeps. What else runs in the cluster is
# applied by the control plane of ondemand-eks and is no part of this state: a destroy then
# never depends on a cluster that answers.

resource "aws_iam_role" "cluster" {
  name = "${var.cluster_name}-cluster"

  force_detach_policies = true # those too that somebody else has attached, as AWS Systems Manager does

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "eks.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "cluster" {
  role       = aws_iam_role.cluster.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/AmazonEKSClusterPolicy"
}

# No key of our own and no log group: EKS encrypts with a key of its own, and both would
# outlive the cluster (a key for days, a log group for ever) and clash with the next one.
#trivy:ignore:AVD-AWS-0038 trivy:ignore:AVD-AWS-0039 trivy:ignore:AVD-AWS-0040 trivy:ignore:AVD-AWS-0041
resource "aws_eks_cluster" "this" {
  #checkov:skip=CKV_AWS_37:a log group outlives the cluster, and the next one clashes with it
  #checkov:skip=CKV_AWS_38:the control plane of ondemand-eks has no fixed addresses
  #checkov:skip=CKV_AWS_39:the control plane of ondemand-eks is outside the network
  #checkov:skip=CKV_AWS_58:EKS encrypts all it stores with a key of its own
  name     = var.cluster_name
  role_arn = aws_iam_role.cluster.arn
  version  = local.kubernetes_version

  bootstrap_self_managed_addons = false # the add-ons below replace them

  access_config {
    authentication_mode = "API"
    # Whoever creates the cluster is whoever submits the jobs: the integration's credentials.
    bootstrap_cluster_creator_admin_permissions = true
  }

  upgrade_policy {
    support_type = "STANDARD"
  }

  vpc_config {
    subnet_ids              = values(aws_subnet.private)[*].id
    endpoint_private_access = true # nodes
    endpoint_public_access  = true # the control plane of ondemand-eks, which lives in no VPC
  }

  # For people who wonder in the console when this will end.
  tags = { "ondemand-eks:keepalive" = tostring(var.keepalive) }

  lifecycle {
    # A change of settings must not become an upgrade because a newer version came out meanwhile.
    ignore_changes = [version]
  }

  depends_on = [aws_iam_role_policy_attachment.cluster]
}

# Nodes are not ready without these. On destroy the network add-on therefore goes last, when
# it can no longer leave behind a network interface that blocks its subnet.
resource "aws_eks_addon" "before_nodes" {
  for_each = toset(["eks-pod-identity-agent", "kube-proxy", "vpc-cni"])

  cluster_name = aws_eks_cluster.this.name
  addon_name   = each.key
  preserve     = true # do not tidy up inside a cluster that is about to go
}

# CoreDNS counts as installed only when it runs, so it comes after the nodes. It really leaves before
# they do: of its two pods at most one may be away, so they would keep the last node until EKS gives
# up draining it after five minutes.
resource "aws_eks_addon" "coredns" {
  cluster_name = aws_eks_cluster.this.name
  addon_name   = "coredns"
  preserve     = false

  depends_on = [aws_eks_node_group.this]
}
