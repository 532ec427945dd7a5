# A private subnet in every usable zone, and one public subnet for the NAT gateway, which is
# all that needs one. Subnets cost nothing, and a fixed set of them means that no change of
# settings ever moves the network under running work. Without a NAT gateway the "private"
# ones lead straight outside, and each node has a public address; the cluster's security
# group lets nobody in from there either way.

locals {
  cidr = "10.0.0.0/16"

  # The zone's own number picks its range ("use1-az4" takes the fourth), so a zone that AWS
  # adds one day leaves the others where they are. Range 0 is the public subnet's.
  private_cidrs = {
    for zone in local.zones :
    zone => cidrsubnet(local.cidr, 4, tonumber(regex("az([0-9]+)$", zone)[0]))
  }
}

#trivy:ignore:AVD-AWS-0178
resource "aws_vpc" "this" {
  #checkov:skip=CKV2_AWS_11:flow logs would outlive the network they tell of
  #checkov:skip=CKV2_AWS_12:nothing uses the default security group; EKS makes one of its own
  cidr_block           = local.cidr
  enable_dns_hostnames = true # nodes find the private endpoint by name

  tags = { Name = var.cluster_name }
}

resource "aws_subnet" "private" {
  for_each = local.private_cidrs

  vpc_id               = aws_vpc.this.id
  availability_zone_id = each.key
  cidr_block           = each.value

  map_public_ip_on_launch = var.nat == "none"

  tags = { Name = "${var.cluster_name}-private-${each.key}" }

  timeouts {
    delete = "5m" # what keeps it longer stays, and the build looks for it
  }
}

resource "aws_subnet" "public" {
  vpc_id               = aws_vpc.this.id
  availability_zone_id = local.zones[0]
  cidr_block           = cidrsubnet(local.cidr, 4, 0)

  tags = { Name = "${var.cluster_name}-public" }

  lifecycle {
    ignore_changes = [availability_zone_id] # never move the NAT gateway
  }
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id

  tags = { Name = var.cluster_name }
}

resource "aws_eip" "nat" {
  count = var.nat == "single" ? 1 : 0

  domain = "vpc"

  tags = { Name = "${var.cluster_name}-nat" }
}

# One for all zones: the loss of its zone ends running jobs, which a cluster that lives for
# an hour can bear; one per zone would triple the cost of an idle cluster.
resource "aws_nat_gateway" "this" {
  count = var.nat == "single" ? 1 : 0

  allocation_id = aws_eip.nat[0].id
  subnet_id     = aws_subnet.public.id

  tags = { Name = var.cluster_name }

  depends_on = [aws_internet_gateway.this]
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.cluster_name}-public" }
}

resource "aws_route" "internet" {
  route_table_id         = aws_route_table.public.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id
}

resource "aws_route_table_association" "public" {
  subnet_id      = aws_subnet.public.id
  route_table_id = aws_route_table.public.id
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.cluster_name}-private" }
}

resource "aws_route" "nat" {
  route_table_id         = aws_route_table.private.id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = one(aws_nat_gateway.this[*].id)
  gateway_id             = var.nat == "none" ? aws_internet_gateway.this.id : null
}

resource "aws_route_table_association" "private" {
  for_each = local.private_cidrs # not the subnets: these may be unknown while one is imported

  subnet_id      = aws_subnet.private[each.key].id
  route_table_id = aws_route_table.private.id
}
