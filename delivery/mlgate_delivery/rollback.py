"""Rolling back: the release that was stable before gets the traffic again, by the evidence it was promoted with."""

from __future__ import annotations

from mlgate.digests import short
from mlgate.environment import Environment
from mlgate.service import Service
from mlgate_delivery.guarded_update import update_back
from mlgate_delivery.promote import carried_out, move_traffic
from mlgate_delivery.recover import clear
from mlgate_delivery.stack import LocalStack
from mlgate_delivery.store import require_servable
from mlgate_delivery.turn import turn
from mlgate_evidence.history import Promotion
from mlgate_evidence.ledger import Ledger
from mlgate_evidence.locks import current_user
from mlgate_evidence.traffic import require_former
from mlgate_tools.tool import Progress


def rollback(environment: Environment, service: Service, reason: str, progress: Progress) -> Promotion:
    """Brings the former stable release up again, moves the traffic to it with no failed request, and ends the one that had it.

    A candidate is withdrawn with it. A rollback that was interrupted is finished, not done twice. Raises RefusedError where there is
    nothing to go back to or its evidence no longer verifies, EvidenceError where the model store cannot serve it any more, UsageError
    without a reason, BusyError and StackError as `promote`.
    """
    with turn(environment, f"rolling {service.name} back"):
        stack = LocalStack.open(environment, progress)
        clear(stack, progress)
        ledger = Ledger.of(environment)
        stable = ledger.stable(service.name, environment.name)
        if stable and stable.reason is not None and not carried_out(environment, stable):
            progress(f"the rollback to {short(stable.release)} was begun before: finishing that")
        else:
            former = require_former(environment, service=service.name)
            require_servable(environment, former)
            stable = ledger.record_rollback(
                service=service.name,
                stage=environment.name,
                release=former.release,
                configuration=former.configuration,
                by=current_user(),
                reason=reason,
            )
        move_traffic(stack, stable, progress, update_back)
        return stable
