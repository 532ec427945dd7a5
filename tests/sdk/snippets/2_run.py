from aqueduct import Client, op

client = Client()
ondemand_k8s = client.integration("aws").k8s

@op(
    engine=ondemand_k8s.name(),
    requirements=[],
)
def run_on_cpu():
    return "This operator only requires CPU to run."

@op(
    engine=ondemand_k8s.name(),
    requirements=[],
    resources={
        'gpu_resource_name': 'nvidia.com/gpu',
    }
)
def run_on_gpu():
    return "This operator requires GPU to run."

cpu_artifact = run_on_cpu()
gpu_artifact = run_on_gpu()

client.publish_flow(
		name="workflow_with_ondemand_k8s",
		artifacts=[cpu_artifact, gpu_artifact],
)
