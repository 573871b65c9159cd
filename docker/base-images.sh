#!/usr/bin/env bash
# Makes the images that docker/ builds upon, under their usual names, for machines that reach
# Debian's packages and the npm registry but no image registry. Elsewhere nobody needs this: Docker
# fetches the real ones. As root, after `npm ci`, with debootstrap installed:
#
#   npm ci && docker/base-images.sh
#
# MIRROR is where Debian's packages come from. A certificate authority of the machine's own, as some
# networks have, is trusted in the images too.
set -euo pipefail
cd "$(dirname "$0")/.."

MIRROR="${MIRROR:-http://deb.debian.org/debian}"
SUITE=bookworm
BASE=feide-gateway-debian

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

has() { docker image inspect "$1" >/dev/null 2>&1; }

# build NAME: the rest of a Dockerfile comes on stdin. Packages are fetched over the host's network.
build() {
  if has "$1"; then
    echo "base images: $1 is there"
    return
  fi
  { echo "FROM $BASE"; cat; } >"$work/Dockerfile"
  docker build --quiet --network host -t "$1" "$work" >/dev/null
  echo "base images: $1 is made"
}

debian() {
  debootstrap --variant=minbase --include=ca-certificates,libatomic1 "$SUITE" "$work/root" "$MIRROR" \
    >"$work/log" || { tail -20 "$work/log" >&2; return 1; }
  local bundle=/etc/ssl/certs/ca-certificates.crt
  if [ -f "$bundle" ]; then cp "$bundle" "$work/root$bundle"; fi
  rm -rf "$work"/root/var/cache/apt/archives/*.deb
  tar -C "$work/root" -c . | docker import - "$BASE" >/dev/null
  rm -rf "$work/root"
}

if ! has "$BASE"; then debian; fi

install() { echo "RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends $1 && rm -rf /var/lib/apt/lists/*"; }

# Node is the package that the tests run on; npm comes from its registry.
cp -L node_modules/.bin/node "$work/node"
npm install --silent --global --prefix "$work/npm" npm@11
build node:26-slim <<'END'
COPY node /usr/local/bin/node
COPY npm/lib/node_modules/npm /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
CMD ["node"]
END
rm -rf "$work/node" "$work/npm"
install redis-server | build redis:7
install php-cli | build php:8-cli
