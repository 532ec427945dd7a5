# Identity: who asked for this cluster, and which of its lives this is.

variable "region" {
  description = "The AWS region the cluster is made in."
  type        = string
}

variable "cluster_name" {
  description = "The name of the EKS cluster, unique per generation. Everything else is named after it."
  type        = string

  validation {
    # The longest name derived from it, "<cluster_name>-autoscaler", must fit the 64 characters of an IAM role.
    condition     = can(regex("^[0-9A-Za-z][0-9A-Za-z-]{0,49}$", var.cluster_name))
    error_message = "cluster_name must be 1 to 50 letters, digits and hyphens, and must not start with a hyphen."
  }
}

variable "integration_id" {
  description = "The integration this cluster belongs to; a tag on everything."
  type        = string
}

variable "cluster_id" {
  description = "The cluster's id in the control plane; a tag on everything."
  type        = string
}

variable "generation" {
  description = "How many times this cluster has been created; a tag on everything."
  type        = number

  validation {
    condition     = var.generation >= 1 && floor(var.generation) == var.generation
    error_message = "generation must be a whole number of at least 1."
  }
}

variable "credentials_file" {
  description = "Path of an AWS shared credentials file for the target account. Null uses the default credential chain."
  type        = string
  default     = null
}

variable "credentials_profile" {
  description = "The profile of credentials_file to use."
  type        = string
  default     = "target"
}

variable "kubernetes_version" {
  description = "The Kubernetes version of a new cluster, such as \"1.34\". Null takes the newest in standard support."
  type        = string
  default     = null

  validation {
    condition     = var.kubernetes_version == null || can(regex("^1\\.[0-9]{2}$", var.kubernetes_version))
    error_message = "kubernetes_version must look like \"1.34\"."
  }
}
