#!/usr/bin/env bash
# Installs Debian's Chromium for the browser tests, unless a browser is installed already.
set -euo pipefail

find_chromium() { command -v chromium || command -v chromium-browser || command -v google-chrome; }

if [ -z "${CHROMIUM:-}" ] && ! find_chromium > /dev/null; then
  bash "$(dirname "$0")/apt.sh" chromium
fi

"${CHROMIUM:-$(find_chromium)}" --version 2> /dev/null
