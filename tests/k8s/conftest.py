"""A running system on the cluster of KUBECONFIG, and the few things a story does with it.

A story stands in a file of its own and asks for `daca` (the kind overlay, ready). From outside it speaks through
port-forwards under the canonical names; inside it runs a script of `inside/` in a container that is there.
"""

import asyncio
import base64
import json
import re
import shutil
import subprocess
import time
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
INSIDE = Path(__file__).parent / "inside"
NAMESPACE = "daca"
NOTES = "http://localhost:8000/mcp"
OUTSIDE = "daca-test"  # a namespace that may use the front doors, as a gateway's may
ORIGINS = {
    "http://localhost:9000": ("auth-server", 9000),
    "http://localhost:8000": ("notes", 8000),
    "http://localhost:8001": ("clock", 8001),
    "http://localhost:8010": ("concierge", 8010),
    "http://localhost:8011": ("researcher", 8011),
    "http://localhost:8012": ("scribe", 8012),
}
APPS = tuple(app for app, _ in ORIGINS.values())
AGENTS = ("concierge", "researcher", "scribe")

Document = dict[str, Any]


class Kubectl:
    """kubectl, with what it says when it fails."""

    def __init__(self, namespace: str = NAMESPACE) -> None:
        self.program = shutil.which("kubectl") or pytest.fail("there is no kubectl")
        self.namespace = namespace

    def command(self, *arguments: str) -> list[str]:
        return [self.program, "--namespace", self.namespace, *arguments]

    def run(self, *arguments: str, stdin: str = "", seconds: float = 240) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), input=stdin, capture_output=True, text=True, timeout=seconds, check=False
        )

    def __call__(self, *arguments: str, stdin: str = "", seconds: float = 240) -> str:
        done = self.run(*arguments, stdin=stdin, seconds=seconds)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)[:200]}: {done.stderr[-2000:]}"
        return done.stdout

    def json(self, *arguments: str) -> Document:
        return json.loads(self(*arguments, "--output", "json"))

    def apply(self, document: Document) -> None:
        self("apply", "--filename", "-", stdin=json.dumps(document))

    def secret(self, name: str) -> dict[str, str]:
        data: dict[str, str] = self.json("get", "secret", name)["data"]
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def pods(self, app: str) -> list[str]:
        """Pods of an app that are not on their way out."""
        found = self.json("get", "pods", "--selector", f"app.kubernetes.io/name={app}")["items"]
        return [pod["metadata"]["name"] for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def ready(self, *apps: str) -> None:
        for app in apps:
            self("rollout", "status", f"deployment/{app}", "--timeout=180s")

    def anew(self, *apps: str) -> None:
        """Kill every pod of these at once, and wait until others are ready in their place."""
        selector = f"app.kubernetes.io/name in ({', '.join(apps)})"
        gone = {pod["metadata"]["uid"] for pod in self.json("get", "pods", "--selector", selector)["items"]}
        self("delete", "pods", "--selector", selector, "--grace-period=0", "--force", "--wait")
        end = time.monotonic() + 240
        while time.monotonic() < end:
            there = self.json("get", "pods", "--selector", selector)["items"]
            named = {pod["metadata"]["labels"]["app.kubernetes.io/name"] for pod in there}
            if named == set(apps) and all(pod["metadata"]["uid"] not in gone and _is_ready(pod) for pod in there):
                return
            time.sleep(0.5)
        pytest.fail(f"not all of {apps} came back in 240 seconds")

    def scale(self, replicas: int, *apps: str) -> None:
        for app in apps:
            self("scale", f"deployment/{app}", f"--replicas={replicas}")
        self.ready(*apps)


def _is_ready(pod: Document) -> bool:
    conditions = {one["type"]: one["status"] for one in pod["status"].get("conditions", ())}
    return conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]


class System:
    """The deployed system, as the stories see it."""

    def __init__(self, kubectl: Kubectl) -> None:
        self.kubectl = kubectl
        self.outside = Kubectl(OUTSIDE)

    def deploy(self, overlay: str, *apps: str) -> None:
        """Apply an overlay and wait until its apps serve."""
        self.kubectl("delete", "job", "make-secrets", "--ignore-not-found", "--wait")
        self.kubectl("apply", "--kustomize", str(ROOT / "k8s" / "overlays" / overlay))
        self.kubectl("wait", "--for=condition=Complete", "job/make-secrets", "--timeout=180s")
        self.kubectl("rollout", "status", "statefulset/redis", "--timeout=180s")
        self.kubectl.ready(*(apps or APPS))

    def inside(self, app: str, script: str, *arguments: str, seconds: float = 60) -> Document:
        """Run a script of `inside/` in an app's container; its last line is its finding."""
        return _finding(self.kubectl.run(*_exec(f"deployment/{app}", script, arguments), seconds=seconds))

    def notes(self) -> str:
        """As the agent lists them. Its sidecar looks for a killed pod for a while: 20 seconds, and DNS may for 30."""
        end = time.monotonic() + 60
        while True:
            found = self.inside("researcher", "agent.py", "researcher", NOTES, "list_notes", "{}")
            if "said" in found or time.monotonic() > end:
                return found["said"]

    def beside(self, script: str, *arguments: str, seconds: float = 60) -> Document:
        """The same, in a pod outside the namespace that has no sidecar."""
        return _finding(self.outside.run(*_exec("pod/prober", script, arguments), seconds=seconds))

    @contextmanager
    def traffic(self, where: str, *arguments: str) -> Generator[Callable[[], Document]]:
        """Continuous calls while the block runs; ask for the count inside the block, when all is over."""
        kubectl = self.outside if where == "pod/prober" else self.kubectl
        process = subprocess.Popen(
            kubectl.command(*_exec(where, "traffic.py", arguments)),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

        def stop() -> Document:
            out, error = process.communicate("\n", timeout=60)
            return _finding(subprocess.CompletedProcess([], process.returncode, out, error))

        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "under way\n", process.communicate()
            yield stop
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()

    @asynccontextmanager
    async def front(self) -> AsyncGenerator[httpx2.AsyncClient]:
        """A client outside the cluster to whom the canonical names lead to port-forwards."""
        async with AsyncExitStack() as stack:
            ports = {
                origin: await stack.enter_async_context(port_forward(self.kubectl, f"service/{app}", port))
                for origin, (app, port) in ORIGINS.items()
                if self.kubectl.pods(app)
            }
            yield await stack.enter_async_context(httpx2.AsyncClient(transport=Forwarded(ports), timeout=20))


class Forwarded(httpx2.AsyncBaseTransport):
    """Sends what is for a canonical origin to the port where it is forwarded; the Host stays as it was."""

    def __init__(self, ports: Mapping[str, int]) -> None:
        self._ports = {httpx2.URL(origin).port: port for origin, port in ports.items()}
        self._direct = httpx2.AsyncHTTPTransport(trust_env=False)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        assert request.url.host == "localhost", request.url
        url = request.url.copy_with(host="127.0.0.1", port=self._ports[request.url.port])
        copy = httpx2.Request(
            request.method, url, headers=request.headers, stream=request.stream, extensions=request.extensions
        )
        return await self._direct.handle_async_request(copy)

    async def aclose(self) -> None:
        await self._direct.aclose()


@asynccontextmanager
async def port_forward(kubectl: Kubectl, what: str, port: int) -> AsyncGenerator[int]:
    """A port of this machine that leads to a pod, or to one of a Service's: `pod/NAME`, `service/NAME`."""
    command = kubectl.command("port-forward", what, f":{port}", "--address=127.0.0.1")
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        said = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
        found = re.search(r"127\.0\.0\.1:(\d+)", said)
        assert found, said
        yield int(found[1])
    finally:
        with suppress(ProcessLookupError):  # it ends by itself when its pod does
            process.terminate()
        await process.wait()


def _exec(where: str, script: str, arguments: tuple[str, ...]) -> tuple[str, ...]:
    source = (INSIDE / script).read_text(encoding="utf-8")
    return ("exec", "--stdin", where, "--container", "app", "--", "python", "-c", source, *arguments)


def _finding(done: subprocess.CompletedProcess[str]) -> Document:
    assert done.returncode == 0, f"{done.stdout[-1000:]}\n{done.stderr[-3000:]}"
    return json.loads(done.stdout.strip().splitlines()[-1])


def _prober(image: str) -> Document:
    """A pod like ours but for the sidecar, in the namespace of the gateway."""
    secure = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "prober"},
        "spec": {
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 1,
            "securityContext": {
                "runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [{
                "name": "app", "image": image, "imagePullPolicy": "IfNotPresent", "securityContext": secure,
                "command": ["python", "-c", "import signal; signal.sigwait([signal.SIGTERM])"],
                "volumeMounts": [{"name": "identity", "mountPath": "/identity"}],
            }],
            "volumes": [{"name": "identity", "projected": {"sources": [{"serviceAccountToken": {
                "path": "token", "audience": "http://localhost:9000", "expirationSeconds": 600}}]}}],
        },
    }  # fmt: skip


@pytest.fixture(scope="session")
def daca() -> System:
    """The system of the kind overlay, deployed and ready, with a pod outside it to look from."""
    system = System(Kubectl())
    system.deploy("kind")
    image = system.kubectl.json("get", "deployment", "notes")["spec"]["template"]["spec"]["containers"][0]["image"]
    labels = {"daca.access": "gateway", "pod-security.kubernetes.io/enforce": "restricted"}
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": OUTSIDE, "labels": labels}}
    system.outside.apply(space)
    system.outside("delete", "pod", "prober", "--ignore-not-found", "--wait")
    # The default account appears a moment after its namespace.
    for _ in range(50):
        if system.outside.run("get", "serviceaccount", "default").returncode == 0:
            break
        time.sleep(0.2)
    system.outside.apply(_prober(image))
    system.outside("wait", "--for=condition=Ready", "pod/prober", "--timeout=120s")
    return system


@pytest.fixture
def operator(daca: System) -> tuple[str, str]:
    """The client of whoever runs the system: id and secret."""
    return "operator", daca.kubectl.secret("client-operator")["secret"]
