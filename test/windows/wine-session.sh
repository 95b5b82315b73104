#!/usr/bin/env bash
# One session of wine: runs in the Debian that wine.sh has made, with this repository as /invoify, and obeys lines on its
# standard input. A line names a file for the output, the most seconds it may take, and what to run; the answer is a line
# with its exit code. Output goes to files, as under wine a pipe may stay open behind a process that has ended.
set -uo pipefail

export HOME=/root DISPLAY=:99 WINEDEBUG=-all
# Otherwise wine answers yes to whatever the installer asks these two.
export WINEDLLOVERRIDES='powershell.exe=d;findstr.exe=d'
WINEPREFIX="$(mktemp -d /tmp/wine-XXXXXX)"
export WINEPREFIX
trap 'wineserver --kill; wineserver --wait; rm -rf "$WINEPREFIX"' EXIT
cd /invoify

# Tells by a line on its descriptor 3 that it takes connections.
coproc display { exec Xvfb :99 -screen 0 1024x768x24 -displayfd 3 3>&1 2> /dev/null; }
read -r _ <&"${display[0]}"
timeout 120 wineboot --init > /dev/null 2>&1
echo "booted $?"

while read -r output seconds command; do
  timeout --kill-after=5 "$seconds" bash -c "exec wine $command" > "$output" 2>&1 < /dev/null
  echo "ended $?"
done
