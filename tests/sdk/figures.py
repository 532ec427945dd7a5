"""How long a flow takes on an Active cluster, seen through the published SDK. Prints a table; it asserts nothing.

- `documented flow`: from the call of `publish_flow` until `latest()` has succeeded, for the two functions of the
  documents, one with and one without a GPU.
- `cold chain`, `warm chain`: from the end of one function to the start of the next in a chain of 20 that do nothing.
  Cold, every function needs one small library that its node has never installed; warm, the same flow runs again.

The functions note the time themselves. What lies between two of them is told in three parts:

- `report`: the value is stored and the control plane has heard of it,
- `start`: Job, pod, runner, inputs and requirements, until the next function is announced,
- `call`: its interpreter starts and reads the inputs.
"""

import contextlib
import datetime
import io
import statistics
import time
import uuid

from aqueduct import op
from suite import world

LINKS = 20
LIBRARY = "python-slugify==8.0.1"


def main():
    client = world.client()
    if world.ENGINE not in client.list_integrations():
        file = {"config_file_path": world.CREDENTIALS, "config_file_profile": "default"}
        client.connect_integration(name="aws", service="AWS", config=file)
    k8s = world.cluster()
    with contextlib.redirect_stdout(io.StringIO()):
        k8s.create()
    world.status_of(k8s, "Active")
    print(f"{'seconds':<24}{'median':>8}{'least':>8}{'most':>8}{'count':>7}", flush=True)
    documented(client)
    chain(client)


def documented(client):
    @op(engine=world.ENGINE, requirements=[])
    def run_on_cpu():
        return "This operator only requires CPU to run."

    @op(engine=world.ENGINE, requirements=[], resources={"gpu_resource_name": "nvidia.com/gpu"})
    def run_on_gpu():
        return "This operator requires GPU to run."

    artifacts = [run_on_cpu.lazy(), run_on_gpu.lazy()]
    taken = []
    # The first one adds a GPU node and installs what values need; it is not counted.
    for _ in range(6):
        with contextlib.redirect_stdout(io.StringIO()):
            start = time.monotonic()
            flow = client.publish_flow(name=world.unique("documented"), artifacts=artifacts)
            world.succeeded(flow, pause=0.05)
            taken.append(time.monotonic() - start)
    row("documented flow", taken[1:])


def chain(client):
    nonce = uuid.uuid4().int % 10**9
    value = client.create_param("times", default=[])
    for number in range(LINKS):
        # A marker that always holds makes these the requirements of nobody else.
        requirements = [f'{LIBRARY}; python_version < "{4 + nonce}.{number}"']

        @op(engine=world.ENGINE, requirements=requirements, outputs=[f"time {number}"])
        def link(times):
            import time

            return times + [time.time()]

        value = link.lazy(value)
    with contextlib.redirect_stdout(io.StringIO()):
        flow = world.publish("chain", value)
        cold = links(world.succeeded(flow))
        world.trigger(flow)
        warm = links(world.succeeded(flow, runs=2))
    rows("cold chain", *cold)
    rows("warm chain", *warm)


def links(run):
    """When each function ran, and the timelines of their operators in the same order."""
    shown = world.get(f"/v1/runs/{run.id()}").json()["operators"]
    timelines = sorted(
        (operator["timeline"] for operator in shown if operator["name"] == "link"), key=lambda line: line["started_at"]
    )
    return run.artifact(f"time {LINKS - 1}").get(), timelines


def rows(name, times, timelines):
    at = [{what: seconds(line[what]) for what in ("queued_at", "started_at", "ended_at")} for line in timelines]
    parts = {
        "": [after - before for before, after in zip(times, times[1:])],
        "  report": [line["ended_at"] - called for line, called in zip(at, times[:-1])],
        "  start": [line["started_at"] - line["queued_at"] for line in at[1:]],
        "  call": [called - line["started_at"] for line, called in zip(at[1:], times[1:])],
    }
    for part, taken in parts.items():
        row(part or name, taken)


def seconds(text):
    whole, _, fraction = text.rstrip("Z").partition(".")
    moment = datetime.datetime.fromisoformat(whole).replace(tzinfo=datetime.timezone.utc)
    return moment.timestamp() + float(f"0.{fraction or 0}")


def row(name, taken):
    print(f"{name:<24}{statistics.median(taken):>8.2f}{min(taken):>8.2f}{max(taken):>8.2f}{len(taken):>7}", flush=True)


if __name__ == "__main__":
    main()
