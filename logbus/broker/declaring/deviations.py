"""What exists with other properties than ours, or may not be declared by us: whether it is used, and what is said."""

import logging

from logbus.broker.refusals import Deviation
from logbus.broker.topology import DEAD, DEAD_MAX_BYTES, SHARED_QUEUES
from logbus.errors import visible

logger = logging.getLogger("logbus.declaring")

_BOUND_IT = f"""rabbitmqctl set_policy logbus-dead '^logs\\.dead$' \
'{{"max-length-bytes": {DEAD_MAX_BYTES}, "overflow": "drop-head"}}' --apply-to queues"""


def will_do(found: Deviation) -> bool:
    """Return True if we can work with what exists as it is."""
    if found.argument == "permission":
        return True
    return found.name in SHARED_QUEUES if found.kind == "queue" else found.argument != "type"


def report(found: Deviation) -> None:
    """Report that something is used as it is; warn only of what may lose it."""
    name, argument = visible(found.name), visible(found.argument)
    if argument == "permission":
        logger.info("may not declare %s: using it as it is", name)
    elif found.kind == "queue":
        hint = f" (to bound it: {_BOUND_IT})" if found.name == DEAD else ""
        logger.info("the queue %s exists with a different %s: using it as it is%s", name, argument, hint)
    else:
        logger.warning(
            "the exchange %s exists with a different %s from Logbus's: using it as it is; a broker restart may "
            "lose it (delete it and let Logbus declare it)",
            name,
            argument,
        )
