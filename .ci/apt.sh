#!/usr/bin/env bash
# Installs Debian packages: `bash .ci/apt.sh chromium nsis`. The lists of packages are fetched where they are missing or
# too old to install from, so one run fetches them once; what fails on the way is tried three times.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

install() { apt-get install -y -qq --no-install-recommends "$@" < /dev/null > /dev/null; }

if install "$@" 2> /dev/null; then exit 0; fi
for pause in 5 15 0; do
  if apt-get update -qq < /dev/null && install "$@"; then exit 0; fi
  sleep "$pause"
done
echo "apt-get could not install: $*" >&2
exit 1
