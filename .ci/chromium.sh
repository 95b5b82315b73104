#!/usr/bin/env bash
# Installs Debian's Chromium for the tests that drive a browser, unless there is one already.
set -euo pipefail

find_chromium() { command -v chromium || command -v chromium-browser || command -v google-chrome; }

if [ -z "${CHROMIUM:-}" ] && ! find_chromium > /dev/null; then
  for attempt in 1 2 3; do
    if apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium > /dev/null; then
      break
    fi
    if [ "$attempt" = 3 ]; then
      echo 'Chromium could not be installed with apt-get.' >&2
      exit 1
    fi
    sleep 5
  done
fi

"${CHROMIUM:-$(find_chromium)}" --version 2> /dev/null
