"""One event for each decision that a person makes about a call of this agent's: who decided, where, on which tool."""

from collections.abc import Iterator

from daca_agents.approvals import Resumed
from daca_agents.errand import Event
from daca_agents.profile import Profile
from resource_server import Caller
from sidecar.audit import Audit, decision


def note_decisions(resumed: Resumed, caller: Caller, profile: Profile, audit: Audit) -> Iterator[Event]:
    """Write each down, and give it back as a step of the run. What a peer's call is about, the peer writes down."""
    for approval in resumed.paused.open:
        outcome = "approved" if resumed.decisions[str(approval["call"])] == "approve" else "declined"
        said = decision(
            outcome=outcome,
            subject=caller.subject,
            actors=caller.actors,
            client=caller.client_id,
            resource=profile.resource,
            tool=str(approval["tool"]),
            jti=str(caller.claims.get("jti", "")),
        )
        audit.tell("approval", said)
        data = {"call": approval["call"], "tool": approval["tool"], "by": caller.subject, "at": [profile.client_id]}
        yield Event(kind=outcome, data=data)
