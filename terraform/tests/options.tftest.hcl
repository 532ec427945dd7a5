# What goes beyond the seven settings: lists of types, spot, no NAT gateway.

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

run "the_defaults_are_the_documented_single_types" {
  command = apply

  assert {
    condition = (
      aws_eks_node_group.this["cpu"].instance_types == tolist(["t3.xlarge"]) &&
      aws_eks_node_group.this["gpu"].instance_types == tolist(["g4dn.xlarge"])
    )
    error_message = "Without lists a group consists of its one type."
  }

  assert {
    condition     = alltrue([for group in aws_eks_node_group.this : group.capacity_type == "ON_DEMAND"])
    error_message = "Nodes are on demand unless spot was asked for."
  }

  assert {
    condition = (
      length(aws_nat_gateway.this) == 1 && length(aws_eip.nat) == 1 &&
      aws_route.nat.nat_gateway_id == aws_nat_gateway.this[0].id && aws_route.nat.gateway_id == null
    )
    error_message = "There is one NAT gateway, and the private way out is through it."
  }

  assert {
    condition     = alltrue([for subnet in aws_subnet.private : !subnet.map_public_ip_on_launch])
    error_message = "Behind a NAT gateway nodes have private addresses only."
  }
}

run "types_without_a_common_zone_are_refused" {
  command = plan

  variables {
    cpu_node_types = ["m6i.xlarge", "m5.xlarge"]
  }

  override_data {
    target = data.aws_ec2_instance_type_offerings.group["cpu"]
    values = { locations = ["use1-az1"] }
  }

  override_data {
    target = data.aws_ec2_instance_type_offerings.group["cpu/m5.xlarge"]
    values = { locations = ["use1-az4"] }
  }

  expect_failures = [aws_eks_node_group.this["cpu"]]
}

run "types_of_different_sizes_are_refused" {
  command = plan

  variables {
    cpu_node_types = ["m6i.xlarge", "m5.2xlarge"]
  }

  override_data {
    target = data.aws_ec2_instance_type.group["cpu/m5.2xlarge"]
    values = {
      supported_architectures = ["x86_64"]
      default_vcpus           = 8
      memory_size             = 32768
      gpus                    = []

      maximum_network_interfaces           = 4
      maximum_ipv4_addresses_per_interface = 15
    }
  }

  expect_failures = [aws_eks_node_group.this["cpu"]]
}

run "types_of_different_architectures_are_refused" {
  command = plan

  variables {
    cpu_node_types = ["m6i.xlarge", "m7g.xlarge"]
  }

  override_data {
    target = data.aws_ec2_instance_type.group["cpu/m7g.xlarge"]
    values = {
      supported_architectures = ["arm64"]
      gpus                    = []

      maximum_network_interfaces           = 4
      maximum_ipv4_addresses_per_interface = 15
    }
  }

  expect_failures = [aws_eks_node_group.this["cpu"]]
}

run "every_gpu_type_must_have_a_gpu" {
  command = plan

  variables {
    gpu_node_types = ["g4dn.xlarge", "m5.xlarge"]
  }

  override_data {
    target = data.aws_ec2_instance_type.group["gpu/m5.xlarge"]
    values = { supported_architectures = ["x86_64"], gpus = [] }
  }

  expect_failures = [data.aws_ec2_instance_type.group["gpu/m5.xlarge"]]
}

run "spot_is_for_all_nodes" {
  command = plan

  variables {
    capacity_type = "SPOT"
  }

  assert {
    condition     = alltrue([for group in aws_eks_node_group.this : group.capacity_type == "SPOT"])
    error_message = "capacity_type must reach both groups."
  }
}

run "without_nat_nodes_have_public_addresses_and_a_way_out" {
  command = apply

  variables {
    nat = "none"
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 0 && length(aws_eip.nat) == 0
    error_message = "Neither a gateway nor an address may be paid for."
  }

  assert {
    condition     = aws_route.nat.gateway_id == aws_internet_gateway.this.id && aws_route.nat.nat_gateway_id == null
    error_message = "The way out leads through the internet gateway."
  }

  assert {
    condition     = alltrue([for subnet in aws_subnet.private : subnet.map_public_ip_on_launch])
    error_message = "A node without a public address would have no way out."
  }
}

run "illegal_options_are_refused" {
  command = plan

  variables {
    cpu_node_types = []
    gpu_node_types = ["g4dn.xlarge", "g4dn.xlarge"]
    capacity_type  = "RESERVED"
    nat            = "per-zone"
  }

  expect_failures = [var.cpu_node_types, var.gpu_node_types, var.capacity_type, var.nat]
}

run "types_that_are_no_types_are_refused" {
  command = plan

  variables {
    cpu_node_types = ["huge"]
    gpu_node_types = ["g4dn.xlarge", "G5"]
  }

  expect_failures = [var.cpu_node_types, var.gpu_node_types]
}
