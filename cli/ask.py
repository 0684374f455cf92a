"""`daca agent ask`: a talk with an agent, its hops drawn as they happen."""

from typing import Annotated

import typer

from cli.enquiry import Decision, Enquiry
from cli.errors import Failure, Usage
from cli.options import AsJson, Data, Identity, Scopes, settings_here
from cli.settings import Settings
from cli.targets import resolve
from cli.up import until_signal

_Name = Annotated[str, typer.Argument(metavar="NAME", help="The agent: its name, or the URL of any A2A agent.")]
_Words = Annotated[
    list[str] | None, typer.Argument(metavar="[TEXT]", help="What to say; with --approve or --reject, calls.")
]
_Client = Annotated[str | None, typer.Option("--client", metavar="ID", help="A client; without it, you: `daca login`.")]
_SignIn = Annotated[bool, typer.Option("--sign-in", help="Open the browser when sign-in or more scope is needed.")]
_Context = Annotated[str, typer.Option("--context", metavar="ID", help="Go on with this conversation.")]
_Task = Annotated[str, typer.Option("--task", metavar="ID", help="The task that waits for you.")]
_Approve = Annotated[bool, typer.Option("--approve", help="Let what waits in --task run, or the calls named.")]
_Reject = Annotated[bool, typer.Option("--reject", help="Let nothing of it run.")]
_NoStream = Annotated[bool, typer.Option("--no-stream", help="Only the answer, when it is there.")]


def ask(
    context: typer.Context,
    name: _Name,
    words: _Words = None,
    client: _Client = None,
    scope: Scopes = None,
    conversation: _Context = "",
    task: _Task = "",
    approve: _Approve = False,
    reject: _Reject = False,
    no_stream: _NoStream = False,
    sign_in: _SignIn = False,
    data: Data = None,
    identity: Identity = None,
    as_json: AsJson = False,
) -> None:
    """Ask an agent. On the way every hop is drawn: who asks whom, with which token, and what was refused.

    Starts from the agent's card and its door's own refusal, as for any A2A agent that takes OAuth tokens. Where a tool
    needs a person's yes, a terminal asks you; elsewhere it says how to go on. Ctrl-C ends the task at the agent too.
    """
    settings = settings_here(context, data, identity)
    decision = _decision(approve=approve, reject=reject)
    said = words or []
    _check(said, task, conversation, decision)
    enquiry = Enquiry(
        name=name,
        url=resolve(name, settings),
        text="" if decision else said[0],
        client_id=client,
        sign_in=sign_in,
        scopes=scope or (),
        context=conversation,
        task=task,
        decision=decision,
        calls=said if decision else (),
        streams=not no_stream,
    )
    _ask(enquiry, settings, as_json=as_json)


def _ask(enquiry: Enquiry, settings: Settings, *, as_json: bool) -> None:
    # The A2A SDK takes a second to load, and no other command needs it.
    from cli.asking import Asking  # noqa: PLC0415

    asking = Asking(enquiry, settings, as_json=as_json)
    if not until_signal(asking.run):
        raise Failure(asking.stopped())
    asking.finish()


def _decision(*, approve: bool, reject: bool) -> Decision | None:
    if approve and reject:
        raise Usage("--approve and --reject exclude each other")
    if approve:
        return "approve"
    return "reject" if reject else None


def _check(said: list[str], task: str, conversation: str, decision: Decision | None) -> None:
    if decision and not task:
        raise Usage("--approve and --reject go with --task")
    if decision and conversation:
        raise Usage("a decision belongs to its --task alone: leave out --context")
    if not decision and len(said) != 1:
        raise Usage('say one thing, in quotes: daca agent ask NAME "…"')
