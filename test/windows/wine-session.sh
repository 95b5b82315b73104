#!/usr/bin/env bash
# A wine session: runs inside the Debian that wine.sh installed, with this repository at /invoify, and executes the lines on
# its standard input. A line has a file for the output, a timeout in seconds, and a command; the answer is a line with the
# exit code. Output goes to files because wine may keep a pipe open after the process has exited.
set -uo pipefail

export HOME=/root DISPLAY=:99 WINEDEBUG=-all
# Otherwise the installer calls wine's stubs of these two, which always succeed.
export WINEDLLOVERRIDES='powershell.exe=d;findstr.exe=d'
WINEPREFIX="$(mktemp -d /tmp/wine-XXXXXX)"
export WINEPREFIX
trap 'wineserver --kill; wineserver --wait; rm -rf "$WINEPREFIX"' EXIT
cd /invoify

# Writes a line to descriptor 3 once it accepts connections.
coproc display { exec Xvfb :99 -screen 0 1024x768x24 -displayfd 3 3>&1 2> /dev/null; }
read -r _ <&"${display[0]}"
timeout 120 wineboot --init > /dev/null 2>&1
echo "booted $?"

while read -r output seconds command; do
  timeout --kill-after=5 "$seconds" bash -c "exec wine $command" > "$output" 2>&1 < /dev/null
  echo "ended $?"
done
