# An account in us-east-1 in which everything is offered and nothing exists yet.

mock_data "aws_caller_identity" {
  defaults = { account_id = "123456789012" }
}

mock_data "aws_partition" {
  defaults = { partition = "aws" }
}

mock_data "aws_availability_zones" {
  defaults = { zone_ids = ["use1-az4", "use1-az1", "use1-az6"] }
}

mock_data "aws_ec2_instance_type" {
  defaults = {
    supported_architectures = ["x86_64"]
    gpus                    = [{ manufacturer = "NVIDIA", name = "T4", count = 1, memory_size = 16384 }]

    maximum_network_interfaces           = 4
    maximum_ipv4_addresses_per_interface = 15
  }
}

mock_data "aws_ec2_instance_type_offerings" {
  defaults = { locations = ["use1-az1", "use1-az4", "use1-az6"] }
}

mock_data "aws_eks_cluster_versions" {
  defaults = {
    # 1.9 stands for what sorts wrongly as text.
    cluster_versions = [{ cluster_version = "1.33" }, { cluster_version = "1.34" }, { cluster_version = "1.9" }]
  }
}

mock_data "aws_autoscaling_groups" {
  defaults = { names = [] }
}

mock_resource "aws_iam_role" {
  defaults = { arn = "arn:aws:iam::123456789012:role/mock" }
}

mock_resource "aws_eks_cluster" {
  defaults = {
    arn                   = "arn:aws:eks:us-east-1:123456789012:cluster/mock"
    endpoint              = "https://mock.eks.amazonaws.com"
    certificate_authority = [{ data = "bW9jaw==" }]
  }
}

mock_resource "aws_eks_node_group" {
  defaults = {
    arn       = "arn:aws:eks:us-east-1:123456789012:nodegroup/mock"
    resources = [{ autoscaling_groups = [{ name = "mock-asg" }], remote_access_security_group_id = "" }]
  }
}
