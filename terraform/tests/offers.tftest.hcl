# What AWS offers decides where nodes go and which image they get, and refuses early what cannot work.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  region         = "us-east-1"
  cluster_name   = "ondemand-1f1e0abd-g1"
  integration_id = "int-1"
  cluster_id     = "1f1e0abd"
  generation     = 1
  gpu_node_type  = "g4dn.xlarge"
}

run "a_zone_keeps_its_range" {
  command = plan

  assert {
    condition = { for zone, subnet in aws_subnet.private : zone => subnet.cidr_block } == {
      "use1-az1" = "10.0.16.0/20"
      "use1-az4" = "10.0.64.0/20"
      "use1-az6" = "10.0.96.0/20"
    }
    error_message = "The range of a zone must depend on nothing but the zone."
  }

  assert {
    condition     = aws_subnet.public.cidr_block == "10.0.0.0/20" && aws_subnet.public.availability_zone_id == "use1-az1"
    error_message = "The public subnet has the first range and the first zone."
  }
}

run "nodes_go_only_where_their_type_is_offered" {
  command = apply

  override_data {
    target = data.aws_ec2_instance_type_offerings.group["gpu"]
    values = { locations = ["use1-az3", "use1-az6"] }
  }

  assert {
    condition     = aws_eks_node_group.this["gpu"].subnet_ids == toset([aws_subnet.private["use1-az6"].id])
    error_message = "A zone without the type fails the launch of the whole group."
  }

  assert {
    condition     = length(aws_eks_node_group.this["cpu"].subnet_ids) == 3
    error_message = "The CPU group must not be narrowed by the GPU group's type."
  }
}

run "graviton_gets_its_own_image" {
  command = plan

  variables {
    cpu_node_type = "m7g.xlarge"
  }

  override_data {
    target = data.aws_ec2_instance_type.group["cpu"]
    values = {
      supported_architectures = ["arm64"]
      gpus                    = []

      maximum_network_interfaces           = 4
      maximum_ipv4_addresses_per_interface = 15
    }
  }

  assert {
    condition = (
      aws_eks_node_group.this["cpu"].ami_type == "AL2023_ARM_64_STANDARD" &&
      aws_eks_node_group.this["gpu"].ami_type == "AL2023_x86_64_NVIDIA"
    )
    error_message = "Each group's image must fit its own processor."
  }
}

run "all_gpus_of_a_node_are_told" {
  command = plan

  variables {
    gpu_node_type = "p3.8xlarge"
  }

  override_data {
    target = data.aws_ec2_instance_type.group["gpu"]
    values = {
      supported_architectures = ["x86_64"]
      gpus                    = [{ manufacturer = "NVIDIA", name = "Tesla V100", count = 4, memory_size = 16384 }]
    }
  }

  assert {
    condition     = local.autoscaler_tags["gpu"]["k8s.io/cluster-autoscaler/node-template/resources/nvidia.com/gpu"] == "4"
    error_message = "The autoscaler must know how many GPUs one more node brings."
  }

  assert {
    condition     = aws_eks_node_group.this["gpu"].labels["k8s.amazonaws.com/accelerator"] == "nvidia-tesla-v100"
    error_message = "A label cannot hold a space."
  }
}

run "a_gpu_type_without_gpu" {
  command = plan

  override_data {
    target = data.aws_ec2_instance_type.group["gpu"]
    values = { supported_architectures = ["x86_64"], gpus = [] }
  }

  expect_failures = [data.aws_ec2_instance_type.group["gpu"]]
}

run "a_type_not_offered_here" {
  command = plan

  override_data {
    target = data.aws_ec2_instance_type_offerings.group["cpu"]
    values = { locations = ["use1-az3"] }
  }

  expect_failures = [data.aws_ec2_instance_type_offerings.group["cpu"]]
}

run "a_type_whose_nodes_take_too_few_pods" {
  command = plan

  variables {
    cpu_node_type = "t3.micro"
  }

  override_data {
    target = data.aws_ec2_instance_type.group["cpu"]
    values = {
      supported_architectures = ["x86_64"]
      gpus                    = []

      maximum_network_interfaces           = 2
      maximum_ipv4_addresses_per_interface = 2
    }
  }

  expect_failures = [data.aws_ec2_instance_type.group["cpu"]]
}

run "a_region_without_the_gpu_type_has_a_cluster_without_gpus" {
  command = apply

  override_data {
    target = data.aws_ec2_instance_type_offerings.group["gpu"]
    values = { locations = ["use1-az3"] }
  }

  assert {
    condition = (
      keys(aws_eks_node_group.this) == ["cpu"] && keys(aws_launch_template.this) == ["cpu"] && keys(output.node_groups) == ["cpu"]
    )
    error_message = "Whoever needs no GPU must not do without a cluster."
  }

  assert {
    condition     = keys(data.aws_ec2_instance_type.group) == ["cpu"]
    error_message = "AWS refuses to tell of a type that it does not offer."
  }

  assert {
    condition     = length([for id in keys(aws_autoscaling_group_tag.this) : id if startswith(id, "gpu/")]) == 0
    error_message = "A group that is not there has no tags."
  }
}

run "gpu_nodes_that_must_be_there_from_the_start_are_not_left_out" {
  command = plan

  variables {
    min_gpu_node = 1
  }

  override_data {
    target = data.aws_ec2_instance_type_offerings.group["gpu"]
    values = { locations = [] }
  }

  expect_failures = [data.aws_ec2_instance_type_offerings.group["gpu"]]
}

run "a_list_of_gpu_types_of_which_one_is_not_offered" {
  command = plan

  variables {
    gpu_node_types = ["g6.xlarge", "g4dn.xlarge"]
  }

  override_data {
    target = data.aws_ec2_instance_type_offerings.group["gpu"]
    values = { locations = [] }
  }

  expect_failures = [aws_eks_node_group.this["gpu"]]
}

run "a_region_with_one_zone" {
  command = plan

  override_data {
    target = data.aws_availability_zones.usable
    values = { zone_ids = ["use1-az1"] }
  }

  expect_failures = [data.aws_availability_zones.usable]
}
