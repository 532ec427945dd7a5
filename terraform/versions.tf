terraform {
  # 1.10 brought the lock file of the S3 backend, 1.9 validations that compare two variables.
  required_version = ">= 1.10"

  # 6.25 is what the module is tried with.
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.25"
    }
  }

  # Bucket, key and region come from the build. The state lives in the account of the
  # control plane, never in the account the cluster is made in.
  backend "s3" {
    use_lockfile = true
    encrypt      = true
  }
}

provider "aws" {
  region = var.region

  # A file instead of variables: secrets then appear neither in the state, nor in a plan,
  # nor in an argument list.
  shared_credentials_files = var.credentials_file == null ? null : [var.credentials_file]
  profile                  = var.credentials_file == null ? null : var.credentials_profile

  default_tags {
    tags = local.tags
  }
}
