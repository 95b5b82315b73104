#!/usr/bin/env bash
# Installs Debian packages: `bash .ci/apt.sh chromium nsis`. Updates the package lists only if installing fails, and tries
# that three times.
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
