"""A folder of k8s/ rendered as `kubectl apply -k` would, by whichever renderer is here."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent


def render(folder: str) -> list[dict[str, Any]]:
    """The documents of a folder under k8s/."""
    kubectl, kustomize = shutil.which("kubectl"), shutil.which("kustomize") or shutil.which(str(ROOT / "bin/kustomize"))
    if kubectl is None and kustomize is None:
        pytest.skip("neither kubectl nor kustomize is on this machine")
    command = [kubectl, "kustomize"] if kubectl else [str(kustomize), "build"]
    done = subprocess.run([*command, str(ROOT / "k8s" / folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]
