output "cluster_name" {
  description = "The name of the EKS cluster."
  value       = aws_eks_cluster.this.name
}

output "cluster_arn" {
  description = "The ARN of the EKS cluster."
  value       = aws_eks_cluster.this.arn
}

output "cluster_endpoint" {
  description = "The URL of the Kubernetes API."
  value       = aws_eks_cluster.this.endpoint
}

output "cluster_ca" {
  description = "The certificate authority of the Kubernetes API, PEM in base64."
  value       = aws_eks_cluster.this.certificate_authority[0].data
}

output "cluster_version" {
  description = "The Kubernetes version the cluster was created with."
  value       = aws_eks_cluster.this.version
}

output "region" {
  description = "The AWS region the cluster is in."
  value       = var.region
}

output "account_id" {
  description = "The AWS account the cluster is in."
  value       = data.aws_caller_identity.current.account_id
}

output "autoscaler_role_arn" {
  description = "The role that Pod Identity gives to kube-system/cluster-autoscaler."
  value       = aws_iam_role.autoscaler.arn
}

output "node_groups" {
  description = "The node groups by purpose, cpu and gpu."
  value = {
    for key, group in aws_eks_node_group.this : key => {
      arn            = group.arn
      instance_types = group.instance_types
      min            = group.scaling_config[0].min_size
      max            = group.scaling_config[0].max_size
    }
  }
}
