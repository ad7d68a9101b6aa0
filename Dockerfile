# Two images from one file: `web` (web, beat, migrations; no torch) and `worker` (with torch).

FROM python:3.11-slim-bookworm AS base
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    PATH=/opt/venv/bin:$PATH PYTHONPATH=/app:/app/platform \
    VAR_DIR=/data STATIC_ROOT=/app/collected
WORKDIR /app

FROM base AS install-web
RUN python -m venv /opt/venv
COPY requirements.lock .
RUN pip install --no-cache-dir --requirement requirements.lock

FROM base AS install-worker
# PyTorch's index of CPU builds for hosts without a GPU; empty: the registry's build, with CUDA
ARG TORCH_INDEX_URL=
RUN python -m venv /opt/venv
COPY requirements-train.lock .
RUN pip install --no-cache-dir ${TORCH_INDEX_URL:+--extra-index-url $TORCH_INDEX_URL} --requirement requirements-train.lock

FROM base AS app
# A fixed number, so that a volume's owner is the same in every image; it can write to /data and /tmp only.
RUN groupadd --gid 10001 prefloop && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp prefloop \
    && install --directory --owner 10001 --group 10001 --mode 0700 /data
COPY . .

FROM app AS web
COPY --from=install-web /opt/venv /opt/venv
# A throw-away VAR_DIR: the key that a first start draws must not become part of the image.
RUN VAR_DIR=/tmp/build python manage.py collectstatic --no-input && rm -rf /tmp/build
USER 10001:10001
VOLUME /data
EXPOSE 8000
CMD ["gunicorn", "--config", "config/gunicorn.py", "config.wsgi"]

FROM app AS worker
COPY --from=install-worker /opt/venv /opt/venv
RUN mkdir --parents /app/collected
USER 10001:10001
VOLUME /data
CMD ["celery", "--quiet", "--app", "config", "worker", "--queues", "train", "--concurrency", "1"]
