"""What the agents keep in their state, over every store: tasks that replicas move, and conversations."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from a2a.server.cluster.task_store import ConcurrentTaskModificationError
from a2a.server.cluster.version import TaskVersion
from a2a.server.context import ServerCallContext
from a2a.types import ListTasksRequest, Message, Task, TaskState, TaskStatus, TaskStatusUpdateEvent
from agents.items import TResponseInputItem

from daca_agents.memory import memory_of
from daca_agents.replica import Tasks, tasks_in
from daca_agents.requests import context_of
from daca_agents.task_events import StateEventStream
from resource_server import Caller
from sidecar.connect import connect
from tests.sidecar.conftest import Sidecars, Store


def whose(subject: str = "ada", client_id: str = "desk") -> ServerCallContext:
    caller = Caller(subject=subject, client_id=client_id, scopes=frozenset(), claims={}, token="")
    return context_of(caller)


def task_of(store: Store, state: TaskState = TaskState.TASK_STATE_WORKING) -> Task:
    task = Task(id=f"task-{store.key}", context_id="context", status=TaskStatus(state=state))
    task.status.timestamp.FromSeconds(int(store.clock()))
    return task


def replicas(store: Store) -> Sequence[Tasks]:
    return [tasks_in(state) for state in store.replicas]


async def save(tasks: Tasks, task: Task, after: TaskVersion, context: ServerCallContext | None = None) -> TaskVersion:
    event = TaskStatusUpdateEvent(task_id=task.id, context_id=task.context_id, status=task.status)
    return await tasks.store.save(task, event=event, prev=None, prev_version=after, context=context or whose())


async def test_a_task_is_there_for_its_owner_at_every_replica_and_for_nobody_else(store: Store) -> None:
    one, other = replicas(store)
    task = task_of(store)
    me = whose(f"ada-{store.key}")
    version = await save(one, task, TaskVersion.MISSING, me)
    found = await other.store.get(task.id, me)
    assert found is not None
    assert (found.task, found.version) == (task, version)
    for stranger in (whose(f"bob-{store.key}"), whose(f"ada-{store.key}", "another")):
        assert await other.store.get(task.id, stranger) is None
        assert list((await other.store.list(ListTasksRequest(), stranger)).tasks) == []
    assert [one.id for one in (await other.store.list(ListTasksRequest(), me)).tasks] == [task.id]


@pytest.mark.parametrize("strange", ["a||b", "", "x" * 65, "../x", "a b"])
async def test_what_can_be_no_id_is_no_task(store: Store, strange: str) -> None:
    assert await replicas(store)[0].store.get(strange, whose()) is None


async def test_two_replicas_do_not_both_move_a_task(store: Store) -> None:
    one, other = replicas(store)
    task = task_of(store)
    version = await save(one, task, TaskVersion.MISSING)
    with pytest.raises(ConcurrentTaskModificationError):
        await save(other, task, TaskVersion.MISSING)

    async def move(tasks: Tasks) -> bool:
        try:
            await save(tasks, task, version)
        except ConcurrentTaskModificationError:
            return False
        return True

    moved = await asyncio.gather(*(move(tasks) for tasks in (one, other) * 4))
    assert moved.count(True) == 1


async def test_one_replica_of_all_takes_a_task_that_waits(store: Store) -> None:
    one, other = replicas(store)
    task = task_of(store, TaskState.TASK_STATE_INPUT_REQUIRED)
    await save(one, task, TaskVersion.MISSING)
    assert await one.store.claim(task.id, whose("bob")) is False
    taken = await asyncio.gather(*(tasks.store.claim(task.id, whose()) for tasks in (one, other) * 4))
    assert taken.count(True) == 1


async def test_a_cancellation_comes_after_anything_that_goes_on_and_ends_it(store: Store) -> None:
    one, other = replicas(store)
    version = await save(one, task_of(store), TaskVersion.MISSING)
    await save(other, task_of(store, TaskState.TASK_STATE_CANCELED), TaskVersion.MISSING)
    for state in (TaskState.TASK_STATE_WORKING, TaskState.TASK_STATE_CANCELED):
        with pytest.raises(ConcurrentTaskModificationError):
            await save(one, task_of(store, state), version)


async def test_what_a_replica_that_is_gone_worked_on_has_failed(store: Store) -> None:
    one, other = replicas(store)
    task = task_of(store)
    await save(one, task, TaskVersion.MISSING)
    store.clock.now += 15
    found = await other.store.get(task.id, whose())
    assert found is not None
    assert found.task.status.state == TaskState.TASK_STATE_WORKING
    store.clock.now += 10
    found = await other.store.get(task.id, whose())
    assert found is not None
    assert found.task.status.state == TaskState.TASK_STATE_FAILED
    with pytest.raises(ConcurrentTaskModificationError):
        await save(one, task, TaskVersion(2))


async def test_a_task_that_waits_for_a_person_outlives_every_replica(store: Store) -> None:
    one, other = replicas(store)
    task = task_of(store, TaskState.TASK_STATE_INPUT_REQUIRED)
    await save(one, task, TaskVersion.MISSING)
    store.clock.now += 3600
    found = await other.store.get(task.id, whose())
    assert found is not None
    assert found.task.status.state == TaskState.TASK_STATE_INPUT_REQUIRED


async def test_each_step_is_heard_in_order_at_another_replica(store: Store) -> None:
    one, other = replicas(store)
    task = task_of(store)
    version = await save(one, task, TaskVersion.MISSING)
    for number in range(3):
        task.status.message.CopyFrom(Message(message_id=f"step-{number}"))
        version = await save(one, task, version)
    task.status.state = TaskState.TASK_STATE_COMPLETED
    await save(one, task, version)
    events = StateEventStream(store.other, other.store)
    heard = [event.event async for event in events.subscribe(task.id, after=TaskVersion(1))]
    assert all(isinstance(event, TaskStatusUpdateEvent) for event in heard)
    said = [event.status.message.message_id for event in heard if isinstance(event, TaskStatusUpdateEvent)]
    assert said == ["step-0", "step-1", "step-2", "step-2"]


def _item(text: str) -> TResponseInputItem:
    return {"role": "user", "content": text}


@pytest.mark.needs("daprd")
async def test_a_conversation_is_remembered_by_every_replica_behind_its_sidecar(
    sidecars: Sidecars, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for said in (0, 1):
        spec = sidecars.start("researcher").spec
        environ = {
            "DAPR_HTTP_PORT": str(spec.http_port),
            "DAPR_GRPC_PORT": str(spec.grpc_port),
            "DAPR_API_TOKEN": spec.api_token,
        }
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        async with (
            connect(environ, app_id="researcher", data=tmp_path, routes={}) as sidecar,
            memory_of(sidecar, tmp_path, "researcher") as memory,
            memory.of("ada") as mine,
            memory.of("bob") as anothers,
        ):
            assert await mine.get_items() == [_item("0")] * said
            assert await anothers.get_items() == []
            await mine.add_items([_item(str(said))])


async def test_a_conversation_is_remembered_in_a_file_of_this_users_and_the_latest_part_of_it(tmp_path: Path) -> None:
    async with connect({}, app_id="researcher", data=tmp_path, routes={}) as sidecar:
        for _ in range(2):
            async with memory_of(sidecar, tmp_path, "researcher") as memory, memory.of("ada") as mine:
                await mine.add_items([_item(str(number)) for number in range(150)])
        async with memory_of(sidecar, tmp_path, "researcher") as memory, memory.of("ada") as mine:
            assert len(await mine.get_items()) == 200
        async with memory_of(sidecar, tmp_path, "researcher") as memory, memory.of("bob") as anothers:
            assert await anothers.get_items() == []
    assert (tmp_path / "conversations-researcher.db").stat().st_mode & 0o777 == 0o600
