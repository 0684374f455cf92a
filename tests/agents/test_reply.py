"""What a peer says is kept up to a bound, however it says it."""

from a2a.helpers import new_text_part
from a2a.types import (
    Artifact,
    Message,
    StreamResponse,
    Task,
    TaskArtifactUpdateEvent,
    TaskStatus,
    TaskStatusUpdateEvent,
)

from daca_agents.reply import Reply

LONG = "x" * 30
PIECE = Artifact(artifact_id="answer", parts=[new_text_part(LONG)])


def test_no_way_of_saying_something_is_unbounded() -> None:
    said = Message(parts=[new_text_part(LONG)])
    status = TaskStatus(message=said)
    heard = {
        "message": StreamResponse(message=said),
        "status": StreamResponse(status_update=TaskStatusUpdateEvent(status=status)),
        "artifact": StreamResponse(artifact_update=TaskArtifactUpdateEvent(artifact=PIECE)),
        "task": StreamResponse(task=Task(artifacts=[PIECE], status=status)),
    }
    for happening in heard.values():
        reply = Reply(most=20)
        reply.take(happening)
        assert reply.text == "x" * 20


def test_pieces_of_one_artifact_add_up_to_the_bound_and_no_further() -> None:
    reply = Reply(most=40)
    for append in (False, True, True):
        reply.take(StreamResponse(artifact_update=TaskArtifactUpdateEvent(artifact=PIECE, append=append)))
    assert reply.artifacts == {"answer": "x" * 40}
