"""A user of the SDK whose cluster cannot be created: prints what they are told.

The environment is that of the suite, and ONDEMAND_ENGINE names the cluster.
"""

import logging
import os

import aqueduct
from aqueduct.error import UnprocessableEntityError

ADDRESS = f"{os.environ['ONDEMAND_API']}/sdk/{os.environ['SDK_VERSION']}"
client = aqueduct.Client(os.environ["ONDEMAND_KEY"], ADDRESS)
logging.getLogger().setLevel(logging.ERROR)


@aqueduct.op(engine=os.environ["ONDEMAND_ENGINE"], requirements=[])
def answer():
    return 42


try:
    answer()
# What the server refuses is no AqueductError.
except (aqueduct.error.AqueductError, UnprocessableEntityError) as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise SystemExit("no exception")
