"""Starts ministack as the local AWS, with the changes of patches/ applied.

The interface is the environment: GATEWAY_PORT (required), GATEWAY_SOCKET (the
number of an open file: a socket that is bound to that port, so that nobody else
can have taken it), BIND_HOST, AWS_ENDPOINT_URL, STATE_DIR, S3_DATA_DIR, TMPDIR, LOCAL_ACCOUNT_URL,
BUILD_LOG_DIR and what faults.py and the modules in patches/ document.

It ends on SIGTERM, on SIGINT and when its parent is gone, and takes every
Lambda and build with it.
"""

import asyncio
import os
import signal
import sys
import threading

import lifeline

BUILD_GRACE_SECONDS = 5


def main():
    prepare_environment()
    try:
        end_children = apply_patches()
    except ImportError as error:  # patches.Mismatch is one
        sys.exit(f"emulator: {error}; install the versions pinned in infra/local/emulator/requirements.txt")

    once = threading.Lock()

    def end():
        if once.acquire(blocking=False):
            end_children()
            # Not sys.exit: it would wait for ministack's worker threads, some of
            # which wait for hours for a task token.
            os._exit(0)

    lifeline.when_orphaned(end)
    serve_until(end)


def prepare_environment():
    port = os.environ.get("GATEWAY_PORT", "")
    if not port.isdigit():
        sys.exit("emulator: GATEWAY_PORT must be the port to listen on")
    defaults = {
        "BIND_HOST": "127.0.0.1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)


def apply_patches():
    """Patches ministack; returns what ends the children that it will have."""
    from patches import codebuild, eks, events, executions, lambdas, latency, logs, nodegroups, stepfunctions, sts, tagging
    from patches import private, replace

    for patch in (latency, logs, lambdas, codebuild, stepfunctions, executions, eks, nodegroups, events, sts, tagging):
        patch.apply()

    from ministack.core import lambda_runtime

    stop_lambdas = private(lambda_runtime, "reset")
    private(lambda_runtime.ProvidedWorker, "_spawn")

    def refuse(_worker, **_):
        raise RuntimeError("the emulator is ending")

    def end_children():
        replace(lambda_runtime.ProvidedWorker, "_spawn", refuse)
        codebuild.stop_all(BUILD_GRACE_SECONDS)
        stop_lambdas()

    return end_children


def serve_until(end):
    """Runs ministack's main; a signal calls `end` at once.

    hypercorn's own handling would first wait for open requests, long polls included.
    """
    import hypercorn.asyncio
    import ministack.app

    from front import Front

    serve = hypercorn.asyncio.serve

    async def serve_with_our_signals(app, config):
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, lambda: threading.Thread(target=end).start())
        if bound := os.environ.get("GATEWAY_SOCKET"):
            config.bind = [f"fd://{bound}"]
        await serve(Front(app), config, shutdown_trigger=asyncio.Event().wait)

    hypercorn.asyncio.serve = serve_with_our_signals
    ministack.app.main()


if __name__ == "__main__":
    main()
