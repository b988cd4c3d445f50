FROM python:3.13-slim-bookworm AS base
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    VENV=/opt/venv
ENV PATH="$VENV/bin:$PATH"

FROM base AS wheels
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN <<EOF
set -eu
apt-get update
apt-get install -y --no-install-recommends build-essential libpq-dev
rm -rf /var/lib/apt/lists/*
EOF
COPY requirements.txt .
RUN --mount=type=secret,id=pip,target=/root/.config/pip/pip.conf,required \
    python -m venv $VENV && pip install -r requirements.txt

FROM base
RUN groupadd --gid 1000 app && useradd --uid 1000 --gid app app
WORKDIR /app
COPY --from=wheels $VENV $VENV
COPY --chown=app:app --exclude=**/*_test.py src ./src
COPY <<-"CONF" <<second /etc/app/
	[app]
	workers = $WORKERS
CONF
for $PYTHONUNBUFFERED
second
USER app
HEALTHCHECK --interval=30s --timeout=3s --start-period=5s --retries=3 \
  CMD curl -fsS http://localhost:8000/health || exit 1
STOPSIGNAL SIGINT
CMD python -m app
