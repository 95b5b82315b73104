#!/usr/bin/env bash
# Installs Debian's headless Chromium for the browser tests, unless CHROMIUM names a browser.
set -euo pipefail

if [ -z "${CHROMIUM:-}" ] && ! command -v chromium-headless-shell > /dev/null; then
  bash "$(dirname "$0")/apt.sh" chromium-headless-shell
fi

"${CHROMIUM:-chromium-headless-shell}" --version 2> /dev/null
