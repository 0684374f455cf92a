# One image for every app: its argument says which one runs.
#   docker run daca auth_server | mcp_server notes | daca_agents researcher | daca …
# For a build that can be repeated to the byte, pin the base: --build-arg BASE=python:3.11-slim-bookworm@sha256:…
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/build && python -m venv --without-pip /opt/daca
# Every file by its hash, and wheels only: nothing is compiled and nothing of a package runs while it is installed.
COPY requirements-run.lock /src/
RUN python -m pip --python /opt/daca/bin/python install --no-compile --only-binary :all: --require-hashes \
      -r /src/requirements-run.lock
ARG HATCHLING=1.27.0
RUN /opt/build/bin/pip install --only-binary :all: hatchling==${HATCHLING}
COPY pyproject.toml README.md LICENSE /src/
COPY auth_server /src/auth_server
COPY resource_server /src/resource_server
COPY oauth_client /src/oauth_client
COPY mcp_server /src/mcp_server
COPY sidecar /src/sidecar
COPY cli /src/cli
COPY agents /src/agents
RUN cd /src && /opt/build/bin/python -m hatchling build -t wheel -d /src/dist \
 && python -m pip --python /opt/daca/bin/python install --no-compile --no-deps /src/dist/*.whl
# Compiled once: the root file system is read-only, and a start takes a second less. For live updates: checked-hash.
ARG BYTECODE=unchecked-hash
RUN python -m compileall -q -j 0 --invalidation-mode ${BYTECODE} /opt/daca/lib

FROM ${BASE}
# The standard library compiled, as the root file system is read-only; pip gone, as nothing is to be installed any more.
RUN python -c "import compileall, sysconfig; compileall.compile_dir(sysconfig.get_path('stdlib'), quiet=2)" \
 && python -m pip uninstall --yes --quiet --root-user-action ignore pip setuptools wheel 2>/dev/null; \
    rm -rf /usr/share/python-wheels /usr/lib/python3*/ensurepip /usr/local/lib/python3*/ensurepip /root/.cache
# Root's, so that no app can change its own code; live updates ask for another owner.
ARG OWNER=0:0
COPY --from=build --chown=${OWNER} /opt/daca /opt/daca
COPY --chmod=0755 scripts/entrypoint /opt/daca/bin/entrypoint
COPY --chown=${OWNER} agents/profiles /app/agents/profiles
COPY identity.yaml /app/identity.yaml
ENV PATH=/opt/daca/bin:/usr/local/bin:/usr/bin:/bin PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    DACA_PROFILES=/app/agents/profiles
WORKDIR /app
USER 65532:65532
LABEL org.opencontainers.image.title="daca" org.opencontainers.image.licenses="Apache-2.0"
ENTRYPOINT ["entrypoint"]
CMD ["daca", "--help"]
