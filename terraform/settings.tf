# The seven settings a user can change. Their names, descriptions and defaults are part of
# the public interface; the control plane checks them first, these validations are the last line.

variable "keepalive" {
  description = "How long (in seconds) does the cluster need to remain idle before it is deleted."
  type        = number
  default     = 1200 # 20 minutes

  validation {
    condition     = var.keepalive >= 1 && floor(var.keepalive) == var.keepalive
    error_message = "keepalive must be a whole number of seconds, at least 1."
  }
}

variable "cpu_node_type" {
  description = "The EC2 instance type of the CPU node group."
  type        = string
  default     = "t3.xlarge"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*\\.[a-z0-9-]+$", var.cpu_node_type))
    error_message = "cpu_node_type must be an EC2 instance type, such as \"t3.xlarge\"."
  }
}

variable "min_cpu_node" {
  description = "Minimum number of nodes in the CPU node group."
  type        = number
  default     = 1

  validation {
    condition     = var.min_cpu_node >= 0 && floor(var.min_cpu_node) == var.min_cpu_node
    error_message = "min_cpu_node must be a whole number of at least 0."
  }
}

variable "max_cpu_node" {
  description = "Maximum number of nodes in the CPU node group."
  type        = number
  default     = 1

  validation {
    condition     = var.max_cpu_node >= 1 && floor(var.max_cpu_node) == var.max_cpu_node
    error_message = "max_cpu_node must be a whole number of at least 1."
  }

  validation {
    condition     = var.max_cpu_node >= var.min_cpu_node
    error_message = "max_cpu_node must not be less than min_cpu_node."
  }
}

variable "gpu_node_type" {
  # The default is the documented one. EKS has no GPU image for P2 any more, so the
  # control plane always passes a type of its own choice: the nearest supported successor.
  description = "The EC2 instance type of the GPU node group."
  type        = string
  default     = "p2.xlarge"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*\\.[a-z0-9-]+$", var.gpu_node_type))
    error_message = "gpu_node_type must be an EC2 instance type, such as \"g4dn.xlarge\"."
  }
}

variable "min_gpu_node" {
  description = "Minimum number of nodes in the GPU node group."
  type        = number
  default     = 0

  validation {
    condition     = var.min_gpu_node >= 0 && floor(var.min_gpu_node) == var.min_gpu_node
    error_message = "min_gpu_node must be a whole number of at least 0."
  }
}

variable "max_gpu_node" {
  description = "Maximum number of nodes in the GPU node group."
  type        = number
  default     = 1

  validation {
    condition     = var.max_gpu_node >= 1 && floor(var.max_gpu_node) == var.max_gpu_node
    error_message = "max_gpu_node must be a whole number of at least 1."
  }

  validation {
    condition     = var.max_gpu_node >= var.min_gpu_node
    error_message = "max_gpu_node must not be less than min_gpu_node."
  }
}
