from aqueduct import Client, op

client = Client()
ondemand_k8s = client.integration("aws").k8s
ondemand_k8s.update(config_delta={
		"keepalive": 1800,
		"max_cpu_node": 10,
})
