# firstline in an image; how to run it: docs/deploy.md. Build it with: make docker
#
# The base is named by tag, so that building again takes in the security fixes of Python 3.11 and of Debian. For an image
# that is the same bit by bit, write the digest your own registry shows behind the tag: python:3.11-slim-trixie@sha256:...
FROM python:3.11-slim-trixie AS build

# Without pip: nothing is ever installed into the finished image.
RUN python -m venv --without-pip /opt/firstline
WORKDIR /src

# Wheels only, each checked against its hash: no compiler is needed, and no package's setup script runs.
COPY requirements.lock ./
RUN python -m pip --python /opt/firstline/bin/python install --no-cache-dir --disable-pip-version-check \
    --only-binary=:all: --require-hashes -r requirements.lock

COPY pyproject.toml ./
COPY core/ core/
COPY channels/ channels/
COPY bots/ bots/
RUN python -m pip --python /opt/firstline/bin/python install --no-cache-dir --disable-pip-version-check \
    --no-deps --no-build-isolation .

# What can be replaced by a mount. The code is not in here, so a mounted bots/ hides no code.
COPY config.yaml models.yaml /app/
COPY bots/minimal/ /app/bots/minimal/
COPY bots/shop/ /app/bots/shop/
# A checkout made under a strict umask would else be unreadable for the user below.
RUN chmod -R u=rwX,go=rX /app


FROM python:3.11-slim-trixie

LABEL org.opencontainers.image.title="firstline" \
      org.opencontainers.image.description="Support bots for Telegram, WhatsApp and the web" \
      org.opencontainers.image.version="0.1.0"

ENV PATH=/opt/firstline/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

COPY --from=build /opt/firstline /opt/firstline
COPY --from=build /app /app

# The only place firstline writes to: the store and reports.json, beside config.yaml as in a checkout.
RUN install -d -o 10001 -g 10001 -m 0700 /app/data
VOLUME /app/data

# A number, so that an orchestrator can see that it is not root without looking into the image.
USER 10001:10001
WORKDIR /app
EXPOSE 8080

# /readyz and not /healthz: what asks for a container's health is about to send it customers. http.client and not urllib,
# which would go through the proxy that HTTP_PROXY names.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8080, timeout=4); c.request('GET', '/readyz'); raise SystemExit(c.getresponse().status != 200)"]

# No shell in between: SIGTERM reaches firstline itself, which stops listening and finishes answers under way (8 s at most).
# Host and port stand here, so that config.yaml need not know that it runs in a container.
ENTRYPOINT ["firstline"]
CMD ["run", "--host", "0.0.0.0", "--port", "8080"]
