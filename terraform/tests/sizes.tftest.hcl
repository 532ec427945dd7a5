# The size of a CPU group where there is one already, which has grown to seven nodes unless a run says otherwise.

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

override_data {
  target = data.aws_autoscaling_groups.present["cpu"]
  values = { names = ["eks-cpu"] }
}

override_data {
  target = data.aws_autoscaling_group.present["eks-cpu"]
  values = { desired_capacity = 7 }
}

# A group that is made in the place of another is as large as that one, within its limits.

run "in_place_of_a_group_smaller_than_the_minimum" {
  command = plan

  variables {
    min_cpu_node = 3
    max_cpu_node = 5
  }

  override_data {
    target = data.aws_autoscaling_group.present["eks-cpu"]
    values = { desired_capacity = 1 }
  }

  assert {
    condition     = one(aws_eks_node_group.this["cpu"].scaling_config).desired_size == 3
    error_message = "EKS refuses a minimum above the size, so the size must rise with it."
  }
}

run "in_place_of_a_group_that_has_grown" {
  command = plan

  variables {
    max_cpu_node = 10
  }

  assert {
    condition     = one(aws_eks_node_group.this["cpu"].scaling_config).desired_size == 7
    error_message = "A changed type must not make the group smaller."
  }
}

run "in_place_of_a_group_larger_than_the_maximum" {
  command = plan

  variables {
    max_cpu_node = 2
  }

  assert {
    condition     = one(aws_eks_node_group.this["cpu"].scaling_config).desired_size == 2
    error_message = "EKS refuses a size above the maximum."
  }
}

# A group that is there keeps its size, whatever Terraform takes it to be.

run "there_is_a_group" {
  command = apply

  override_data {
    target = data.aws_autoscaling_groups.present["cpu"]
    values = { names = [] }
  }

  assert {
    condition     = one(aws_eks_node_group.this["cpu"].scaling_config).desired_size == 1
    error_message = "A new group begins with one node."
  }
}

run "which_has_grown_since" {
  command = plan

  variables {
    min_cpu_node = 2
    max_cpu_node = 10
  }

  assert {
    condition = one(aws_eks_node_group.this["cpu"].scaling_config) == {
      min_size = 2, max_size = 10, desired_size = 1
    }
    error_message = "The size is the autoscaler's: the plan must say what else is to change, and nothing of the size."
  }
}
