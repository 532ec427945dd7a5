# Each of the seven settings reaches what it sets, and illegal ones are refused by name.

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

run "all_seven" {
  command = plan

  variables {
    keepalive     = 1800
    cpu_node_type = "m6i.2xlarge"
    min_cpu_node  = 2
    max_cpu_node  = 10
    gpu_node_type = "g4dn.xlarge"
    min_gpu_node  = 1
    max_gpu_node  = 4
  }

  assert {
    condition     = aws_eks_cluster.this.tags["ondemand-eks:keepalive"] == "1800"
    error_message = "keepalive must be visible on the cluster."
  }

  assert {
    condition = (
      aws_eks_node_group.this["cpu"].instance_types == tolist(["m6i.2xlarge"]) &&
      can(regex("^cpu-m6i-2xlarge-[0-9]{14}$", aws_eks_node_group.this["cpu"].node_group_name))
    )
    error_message = "cpu_node_type must reach the CPU group and its name."
  }

  assert {
    condition = (
      aws_eks_node_group.this["gpu"].instance_types == tolist(["g4dn.xlarge"]) &&
      can(regex("^gpu-g4dn-xlarge-[0-9]{14}$", aws_eks_node_group.this["gpu"].node_group_name))
    )
    error_message = "gpu_node_type must reach the GPU group and its name."
  }

  assert {
    condition = one(aws_eks_node_group.this["cpu"].scaling_config) == {
      min_size = 2, max_size = 10, desired_size = 2
    }
    error_message = "min_cpu_node and max_cpu_node must reach the CPU group."
  }

  assert {
    condition = one(aws_eks_node_group.this["gpu"].scaling_config) == {
      min_size = 1, max_size = 4, desired_size = 1
    }
    error_message = "min_gpu_node and max_gpu_node must reach the GPU group."
  }
}

run "no_cpu_node_at_least_still_starts_one" {
  command = plan

  variables {
    min_cpu_node = 0
  }

  assert {
    condition = one(aws_eks_node_group.this["cpu"].scaling_config) == {
      min_size = 0, max_size = 1, desired_size = 1
    }
    error_message = "Without a node the autoscaler has nowhere to run and nothing ever scales."
  }
}

run "keepalive_of_nothing" {
  command = plan
  variables {
    keepalive = 0
  }
  expect_failures = [var.keepalive]
}

run "keepalive_of_half_a_second" {
  command = plan
  variables {
    keepalive = 1.5
  }
  expect_failures = [var.keepalive]
}

run "cpu_node_type_that_is_none" {
  command = plan
  variables {
    cpu_node_type = "large"
  }
  expect_failures = [var.cpu_node_type]
}

run "gpu_node_type_that_is_none" {
  command = plan
  variables {
    gpu_node_type = "G4DN.XLARGE"
  }
  expect_failures = [var.gpu_node_type]
}

run "negative_minimum_of_cpu_nodes" {
  command = plan
  variables {
    min_cpu_node = -1
  }
  expect_failures = [var.min_cpu_node]
}

run "no_cpu_node_at_most" {
  command = plan
  variables {
    min_cpu_node = 0
    max_cpu_node = 0
  }
  expect_failures = [var.max_cpu_node]
}

run "more_cpu_nodes_at_least_than_at_most" {
  command = plan
  variables {
    min_cpu_node = 3
    max_cpu_node = 2
  }
  expect_failures = [var.max_cpu_node]
}

run "part_of_a_gpu_node" {
  command = plan
  variables {
    min_gpu_node = 0.5
  }
  expect_failures = [var.min_gpu_node]
}

run "no_gpu_node_at_most" {
  command = plan
  variables {
    max_gpu_node = 0
  }
  expect_failures = [var.max_gpu_node]
}

run "more_gpu_nodes_at_least_than_at_most" {
  command = plan
  variables {
    min_gpu_node = 2
    max_gpu_node = 1
  }
  expect_failures = [var.max_gpu_node]
}

run "a_name_too_long_for_a_role" {
  command = plan
  variables {
    cluster_name = "ondemand-1f1e0abd-g1-and-much-more-than-a-role-can-take"
  }
  expect_failures = [var.cluster_name]
}

run "generation_zero" {
  command = plan
  variables {
    generation = 0
  }
  expect_failures = [var.generation]
}
