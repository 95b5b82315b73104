#!/usr/bin/env bash
# Installs what `npm run pack:check` needs to build the tests' installer: NSIS and a C compiler for Windows. The check itself
# downloads the rest from npm, into .windows/.
set -euo pipefail

for program in makensis i686-w64-mingw32-gcc i686-w64-mingw32-windres; do
  if ! command -v "$program" > /dev/null; then
    bash "$(dirname "$0")/apt.sh" nsis gcc-mingw-w64-i686-win32
    break
  fi
done

echo "NSIS $(makensis -VERSION), $(i686-w64-mingw32-gcc --version | head -n 1)"
