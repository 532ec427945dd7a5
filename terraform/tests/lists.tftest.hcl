# Lists of types, from the creation on: a mocked provider never replaces a group.

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

run "lists_replace_the_single_types_where_all_are_offered" {
  command = apply

  variables {
    cpu_node_types = ["m6i.xlarge", "m5.xlarge", "t3.xlarge"]
    gpu_node_types = ["g5.xlarge", "g4dn.xlarge"]
  }

  override_data {
    target = data.aws_ec2_instance_type_offerings.group["cpu/m5.xlarge"]
    values = { locations = ["use1-az4"] }
  }

  override_data {
    target = data.aws_ec2_instance_type.group["gpu"]
    values = {
      supported_architectures = ["x86_64"]
      gpus                    = [{ manufacturer = "NVIDIA", name = "A10G", count = 1, memory_size = 24576 }]
    }
  }

  assert {
    condition     = aws_eks_node_group.this["cpu"].instance_types == tolist(["m6i.xlarge", "m5.xlarge", "t3.xlarge"])
    error_message = "The types reach the group in the order given."
  }

  assert {
    condition     = can(regex("^cpu-m6i-xlarge-[0-9]{14}$", aws_eks_node_group.this["cpu"].node_group_name))
    error_message = "A group goes by the name of its first type."
  }

  assert {
    condition     = output.node_groups.gpu.instance_types == tolist(["g5.xlarge", "g4dn.xlarge"])
    error_message = "The control plane reads all types."
  }

  assert {
    condition     = aws_eks_node_group.this["gpu"].labels["k8s.amazonaws.com/accelerator"] == "nvidia"
    error_message = "A label must not promise one GPU where two kinds may come."
  }

  assert {
    condition     = aws_eks_node_group.this["cpu"].subnet_ids == toset([aws_subnet.private["use1-az4"].id])
    error_message = "A zone without one of the types may fail the launch."
  }
}
