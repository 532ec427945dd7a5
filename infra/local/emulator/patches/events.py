"""Makes EventBridge schedules usable in a demonstration of a minute.

EMULATOR_TICK_SECONDS  how often schedules are looked at (default 2)
EMULATOR_RATE_SECONDS  the period of rate(1 minute); that of every other rate(...) in proportion
"""

import os

from patches import private, replace


def apply():
    from ministack.services import eventbridge

    parse = private(eventbridge, "_parse_rate_seconds")
    forced = os.environ.get("EMULATOR_RATE_SECONDS")

    def rate_seconds(expression):
        said = parse(expression)
        return float(forced) / 60 * said if forced and said is not None else said

    replace(eventbridge, "_parse_rate_seconds", rate_seconds)
    replace(eventbridge, "_SCHEDULER_TICK_INTERVAL", float(os.environ.get("EMULATOR_TICK_SECONDS", "2")))
