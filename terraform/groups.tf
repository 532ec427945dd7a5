# The two node groups as data. nodes.tf and autoscaler.tf carry it out, so that the labels a
# node really has and those the autoscaler expects of a node yet to come cannot differ.

locals {
  tags = {
    "ondemand-eks:integration" = var.integration_id
    "ondemand-eks:cluster"     = var.cluster_id
    "ondemand-eks:generation"  = tostring(var.generation)
  }

  gpu = try(one([for gpu in data.aws_ec2_instance_type.group["gpu"].gpus : gpu]), null)

  # A type that is offered nowhere here makes no group; one of several makes one, which then says what is wrong.
  has_gpus = anytrue([for candidate, offered in local.offered : offered if local.candidates[candidate].group == "gpu"])

  # What the GPUs are called; types with different ones may share a group.
  gpu_names = distinct(flatten([
    for candidate, type in data.aws_ec2_instance_type.group : type.gpus[*].name if local.candidates[candidate].group == "gpu"
  ]))

  all_groups = {
    cpu = {
      min        = var.min_cpu_node
      max        = var.max_cpu_node
      first_size = max(1, var.min_cpu_node) # CoreDNS and the autoscaler must run somewhere
      image      = "STANDARD"
      disk_gib   = 50
      labels     = { "ondemand-eks/node-group" = "cpu" }
      taints     = {}
      resources  = {}
    }

    gpu = {
      min        = var.min_gpu_node
      max        = var.max_gpu_node
      first_size = var.min_gpu_node # usually 0: a lack of GPU capacity then fails a job, not the cluster
      image      = "NVIDIA"
      disk_gib   = 100 # the driver, and wheels built for CUDA, are big
      labels = {
        "ondemand-eks/node-group"       = "gpu"
        "k8s.amazonaws.com/accelerator" = length(local.gpu_names) == 1 ? "nvidia-${lower(replace(local.gpu_names[0], " ", "-"))}" : "nvidia"
      }
      taints    = { "nvidia.com/gpu" = "present" }
      resources = { "nvidia.com/gpu" = try(local.gpu.count, 0) }
    }
  }

  groups = { for key, group in local.all_groups : key => group if key != "gpu" || local.has_gpus }

  # What the types of a group are like, in words: one, unless they do not belong together.
  shapes = {
    for group in keys(local.groups) : group => distinct([
      for candidate, type in data.aws_ec2_instance_type.group :
      join(", ", concat(
        [local.architecture[candidate], "${type.default_vcpus} vCPUs"],
        group == "gpu" ? ["${sum(concat([0], [for gpu in type.gpus : gpu.count]))} GPUs"] : ["${type.memory_size} MiB"],
      ))
      if local.candidates[candidate].group == group
    ])
  }

  # Graviton types need an image of their own.
  architecture = {
    for candidate, type in data.aws_ec2_instance_type.group :
    candidate => contains(type.supported_architectures, "arm64") ? "ARM_64" : "x86_64"
  }
}
