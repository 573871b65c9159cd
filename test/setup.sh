#!/usr/bin/env bash
# Installs what the tests need and the machine lacks, from Debian's packages.
set -euo pipefail

# command:package
NEEDED=(chromium:chromium curl:curl openssl:openssl pgrep:procps php:php-cli promtool:prometheus redis-server:redis-server tmux:tmux)

missing=()
for need in "${NEEDED[@]}"; do
  command -v "${need%%:*}" >/dev/null || missing+=("${need##*:}")
done
if [ "${#missing[@]}" -eq 0 ]; then
  echo 'setup: everything that the tests need is there'
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  as_root=(sudo)
fi
if ! command -v apt-get >/dev/null || ! { [ "${#as_root[@]}" -eq 0 ] || command -v sudo >/dev/null; }; then
  echo "setup: the tests need ${missing[*]}, which cannot be installed here (no apt-get, or neither root nor sudo)." >&2
  echo 'setup: install them by hand, then run: npm test' >&2
  exit 1
fi

echo "setup: installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
# The tests start their own Redis, and no Prometheus; RUNLEVEL keeps Debian from starting them as services.
"${as_root[@]}" env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
