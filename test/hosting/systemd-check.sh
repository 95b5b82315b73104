#!/usr/bin/env bash
# Follows "Linux, with systemd" of docs/hosting.md in a Debian that a real systemd boots, and checks that the service serves, is
# started again after a kill, and stops cleanly: `npm run test:hosting`, as root on Debian or Ubuntu, about two minutes.
#
# The Debian is in $HOSTING_ROOT, or ~/.cache/invoify/systemd (400 MB), and is kept; the program in it is that of HEAD.
set -euo pipefail
cd "$(dirname "$0")/../.."

[ "$(id -u)" = 0 ] || { echo 'Run this as root.' >&2; exit 1; }
debian="${HOSTING_ROOT:-$HOME/.cache/invoify/systemd}"
command -v debootstrap systemd-nspawn > /dev/null || bash .ci/apt.sh debootstrap systemd-container
[ -e "$debian/sbin/init" ] || debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,curl,procps bookworm "$debian"

# What the documented lines expect: the program, Node, and a certificate in the current folder.
rm -rf "$debian/opt/invoify" "$debian/var/lib/invoify" "$debian/etc/invoify" "$debian"/etc/systemd/system/{invoify.service,*/invoify.service}
mkdir -p "$debian/opt/invoify" "$debian/opt/check"
git archive HEAD | tar -x -C "$debian/opt/invoify"
(cd "$debian/opt/invoify" && npm ci --omit=dev --ignore-scripts --no-audit --no-fund --silent)
cp node_modules/node/bin/node "$debian/usr/bin/node"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout "$debian/opt/invoify/key.pem" \
  -out "$debian/opt/invoify/cert.pem" 2> /dev/null
# The lines themselves, but for the clone and for following the log.
sed -n '/^## Linux, with systemd/,/^## /p' docs/hosting.md | sed -n '/^```/,/^```/p' \
  | sed -e '/^```/d' -e '/^git clone/d' -e 's/ && journalctl .*//' > "$debian/opt/check/documented.sh"
chroot "$debian" userdel invoify 2> /dev/null || true
: > "$debian/etc/machine-id"

cat > "$debian/opt/check/check.sh" << 'END'
set -euo pipefail
cd /opt/invoify
await() { for _ in $(seq 100); do if "$@" > /dev/null 2>&1; then return; fi; sleep 0.2; done; echo "still failing: $*" >&2; exit 1; }
get() { curl --silent --show-error --fail --insecure "https://localhost:4380/api/$1"; }
fail() { echo "$1" >&2; journalctl --boot --unit invoify --no-pager >&2; exit 1; }

await systemctl is-active multi-user.target
bash -e /opt/check/documented.sh <<< 'correct horse battery'
await get ready
pid="$(systemctl show --property MainPID --value invoify)"
[ "$(stat -c %U "/proc/$pid")" = invoify ] || fail 'it does not run as invoify'
nsenter --target "$pid" --mount touch /opt/invoify/x /etc/x 2> /dev/null && fail 'it can write outside of its folder'
[ -z "$(find /var/lib/invoify -perm /077)" ] || fail 'its files can be read by others'
kill -KILL "$pid"
await get ready
[ "$(systemctl show --property MainPID --value invoify)" != "$pid" ] || fail 'it was not started again'
systemctl reload invoify
SECONDS=0
systemctl stop invoify
[ "$SECONDS" -le 10 ] || fail "it took $SECONDS s to stop"
[ "$(systemctl show --property Result --value invoify)" = success ] || fail 'it did not exit with 0'
systemctl start invoify
await get ready
systemd-analyze security invoify --no-pager | tail -n 1
echo 'The service serves, is started again after a kill, and stops cleanly.'
END

# A systemd in a container needs the unified hierarchy; in a mount namespace, whatever the machine itself uses.
inside='mount --make-rprivate /; umount --recursive /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup
  mkdir -p /run/systemd/nspawn; mount -t tmpfs none /run/systemd/nspawn
  exec systemd-nspawn --quiet --directory="$0" --boot --register=no --keep-unit --private-network --console=read-only'
unshare --mount bash -c "$inside" "$debian" > "$debian/opt/check/boot.log" 2>&1 < /dev/null &
container=$!
trap 'kill -TERM "$container" 2> /dev/null; wait "$container" || true' EXIT
init=''
for _ in $(seq 100); do
  init="$(pgrep --parent "$container" || true)"
  [ -z "$init" ] || ! nsenter --target "$init" --mount --root test -e /run/dbus/system_bus_socket || break
  sleep 0.2
done
[ -n "$init" ] || { cat "$debian/opt/check/boot.log" >&2; exit 1; }
nsenter --target "$init" --mount --uts --ipc --net --pid --cgroup --root --wd bash /opt/check/check.sh
