# What goes beyond the seven settings. The defaults are what the settings alone mean.

variable "cpu_node_types" {
  description = "EC2 instance types of the CPU node group, all of one size: AWS starts whichever it has. Null takes cpu_node_type alone."
  type        = list(string)
  default     = null

  validation {
    condition     = var.cpu_node_types == null || try(length(distinct(var.cpu_node_types)) == length(var.cpu_node_types) && length(var.cpu_node_types) >= 1 && length(var.cpu_node_types) <= 20, false)
    error_message = "cpu_node_types must be 1 to 20 different types."
  }

  validation {
    condition     = alltrue([for type in coalesce(var.cpu_node_types, []) : can(regex("^[a-z][a-z0-9-]*\\.[a-z0-9-]+$", type))])
    error_message = "cpu_node_types must be EC2 instance types, such as [\"m6i.xlarge\", \"m5.xlarge\"]."
  }
}

variable "gpu_node_types" {
  description = "EC2 instance types of the GPU node group, all of one size and as many GPUs: AWS starts whichever it has. Null takes gpu_node_type alone."
  type        = list(string)
  default     = null

  validation {
    condition     = var.gpu_node_types == null || try(length(distinct(var.gpu_node_types)) == length(var.gpu_node_types) && length(var.gpu_node_types) >= 1 && length(var.gpu_node_types) <= 20, false)
    error_message = "gpu_node_types must be 1 to 20 different types."
  }

  validation {
    condition     = alltrue([for type in coalesce(var.gpu_node_types, []) : can(regex("^[a-z][a-z0-9-]*\\.[a-z0-9-]+$", type))])
    error_message = "gpu_node_types must be EC2 instance types, such as [\"g4dn.xlarge\", \"g5.xlarge\"]."
  }
}

variable "capacity_type" {
  description = "ON_DEMAND, or SPOT: cheaper nodes that AWS may take back within two minutes, and with them the jobs on them."
  type        = string
  default     = "ON_DEMAND"

  validation {
    condition     = contains(["ON_DEMAND", "SPOT"], var.capacity_type)
    error_message = "capacity_type must be \"ON_DEMAND\" or \"SPOT\"."
  }
}

variable "nat" {
  description = "single: nodes have private addresses and share one NAT gateway. none: each has a public address instead, which nothing can connect to from outside."
  type        = string
  default     = "single"

  validation {
    condition     = contains(["single", "none"], var.nat)
    error_message = "nat must be \"single\" or \"none\"."
  }
}
