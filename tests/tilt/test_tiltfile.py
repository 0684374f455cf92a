"""The tiltfile as far as it can be proved without Tilt.

Evaluated by a Starlark interpreter of the same language: every path it names is there, every object and workload it
names is in the rendered overlay, every port-forward makes a canonical name true, every button's
program is there, the image's arguments are the Dockerfile's.

Not proved here: that Tilt's built-ins and the two extensions take these arguments, that Dapr's chart can be fetched,
that a live update reaches a container, and that ports are in fact forwarded.
"""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.tilt.conftest import Tilt

ROOT = Path(__file__).resolve().parent.parent.parent
WORKLOADS = {"Deployment", "StatefulSet", "Job"}


def _workloads(rendered: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {d["metadata"]["name"]: d for d in rendered if d["kind"] in WORKLOADS}


def test_every_path_is_there(tilt: Tilt) -> None:
    synced = [positional[0] for positional, _ in tilt.of("sync")]
    watched = [path for positional, _ in tilt.of("fall_back_on") for path in positional[0]]
    (_, build), (overlay, _) = tilt.of("docker_build_with_restart")[0], tilt.of("kustomize")[0]
    values = [flag.removeprefix("--values=") for flag in _dapr(tilt)["flags"] if flag.startswith("--values=")]
    paths = [*synced, *watched, *values, *_dapr(tilt)["deps"], build["dockerfile"], overlay[0]]
    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert len(paths) > 10


def _dapr(tilt: Tilt) -> dict[str, Any]:
    ((_, named),) = tilt.of("helm_resource")
    return named


def test_every_room_that_the_image_holds_is_synced_into_it(tilt: Tilt) -> None:
    copied = set(re.findall(r"^COPY (\w+) /src/\w+$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE))
    synced = {positional[0].split("/")[0] for positional, _ in tilt.of("sync")}
    assert synced == copied


def test_a_synced_room_lands_where_the_image_runs_it(tilt: Tilt) -> None:
    for positional, _ in tilt.of("sync"):
        source, target = positional
        if target.startswith("/opt/daca/"):
            assert target == f"/opt/daca/lib/python3.11/site-packages/{source.split('/')[-1]}"


def test_every_workload_that_is_named_is_in_the_overlay_and_none_is_left_out(
    tilt: Tilt, rendered: list[dict[str, Any]]
) -> None:
    named = {positional[0] for positional, _ in tilt.of("k8s_resource") if positional}
    assert named == set(_workloads(rendered))


def test_every_object_that_is_named_is_in_the_overlay(tilt: Tilt, rendered: list[dict[str, Any]]) -> None:
    objects = {f"{d['metadata']['name']}:{d['kind'].lower()}" for d in rendered}
    named = [name for _, call in tilt.of("k8s_resource") for name in call.get("objects", ())]
    assert [name for name in named if name not in objects] == []


def test_everything_that_needs_daprs_definitions_waits_for_dapr(tilt: Tilt, rendered: list[dict[str, Any]]) -> None:
    custom = {
        f"{d['metadata']['name']}:{d['kind'].lower()}" for d in rendered if d["apiVersion"].startswith("dapr.io/")
    }
    after = [call for _, call in tilt.of("k8s_resource") if "dapr" in call.get("resource_deps", ())]
    waiting = {name for call in after for name in call["objects"]}
    assert waiting == custom


def test_everything_that_is_waited_for_exists(tilt: Tilt) -> None:
    calls = [*tilt.of("k8s_resource"), *tilt.of("local_resource"), *tilt.of("helm_resource")]
    waited = {name for _, call in calls for name in call.get("resource_deps", ())}
    assert waited - tilt.named() == set()


def test_nothing_waits_for_itself_however_far_round(tilt: Tilt) -> None:
    needs = {
        (call.get("new_name") or positional[0]): set(call.get("resource_deps", ()))
        for name in ("k8s_resource", "local_resource", "helm_resource")
        for positional, call in tilt.of(name)
    }
    while ready := {name for name, rest in needs.items() if not rest & needs.keys()}:
        needs = {name: rest for name, rest in needs.items() if name not in ready}
    assert needs == {}


def test_the_forwarded_ports_make_the_canonical_names_true(tilt: Tilt, rendered: list[dict[str, Any]]) -> None:
    forwards = {
        positional[0]: call["port_forwards"] for positional, call in tilt.of("k8s_resource") if "port_forwards" in call
    }
    for app, (forward,) in forwards.items():
        here, there = forward.split(":")
        (port,) = _workloads(rendered)[app]["spec"]["template"]["spec"]["containers"][0]["ports"]
        assert there == str(port["containerPort"])
        assert here == there
    identity = yaml.safe_load((ROOT / "identity.yaml").read_text(encoding="utf-8"))
    wanted = {int(uri.split(":")[2].split("/")[0]) for uri in (r["uri"] for r in identity["resources"])} | {9000}
    assert {int(forward.split(":")[0]) for (forward,) in forwards.values()} == wanted


def test_the_image_is_the_overlays_and_its_arguments_are_the_dockerfiles(
    tilt: Tilt, rendered: list[dict[str, Any]]
) -> None:
    (((image, context), build),) = tilt.of("docker_build_with_restart")
    images = {
        d["spec"]["template"]["spec"]["containers"][0]["image"].split(":")[0] for d in _workloads(rendered).values()
    }
    assert image in images
    assert context == "."
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert set(build["build_args"]) <= set(re.findall(r"^ARG (\w+)", text, re.MULTILINE))
    assert f'ENTRYPOINT ["{build["entrypoint"][0]}"]' in text


def test_containers_take_arguments_and_no_command_so_that_the_restart_wrapper_holds(
    tilt: Tilt, rendered: list[dict[str, Any]]
) -> None:
    for name, workload in _workloads(rendered).items():
        if workload["kind"] == "Deployment":
            container = workload["spec"]["template"]["spec"]["containers"][0]
            assert "command" not in container, name
            assert container["securityContext"]["readOnlyRootFilesystem"] is False


def test_only_contexts_of_a_laptop_are_allowed(tilt: Tilt) -> None:
    ((contexts,), _) = tilt.of("allow_k8s_contexts")[0]
    assert all(context.startswith("kind-") for context in contexts)


def test_every_button_is_pressed_by_hand(tilt: Tilt) -> None:
    for _, call in tilt.of("local_resource"):
        assert (call["auto_init"], call["trigger_mode"]) == (False, "manual")


def test_every_button_runs_programs_that_are_there_with_arguments_that_they_know(tilt: Tilt) -> None:
    for (name,), call in tilt.of("local_resource"):
        words = [word for word in shlex.split(call["cmd"].replace("$(", "").replace(')"', '"')) if "=" not in word]
        ours = [word for word in words if word.startswith((".venv/", "scripts/", "tests/"))]
        assert ours or words[0] == "kubectl", name
        assert [path for path in ours if not (ROOT / path).exists()] == []


def test_dapr_is_the_version_that_the_manifests_are_held_against(tilt: Tilt) -> None:
    (version,) = [flag.removeprefix("--version=") for flag in _dapr(tilt)["flags"] if flag.startswith("--version=")]
    assert (ROOT / "tests" / "manifests" / f"dapr-{version}.json").is_file()


@pytest.mark.parametrize("name", ["rotate-keys", "clients"])
def test_a_button_for_administration_runs_daca_where_the_state_is(tilt: Tilt, name: str) -> None:
    command = next(call["cmd"] for (button,), call in tilt.of("local_resource") if button == name)
    assert command.startswith("kubectl --namespace daca exec deployment/auth-server --container app -- daca ")
