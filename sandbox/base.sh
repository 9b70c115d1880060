#!/bin/sh
# Makes the base image of the docker sandbox without any registry: a minimal Debian with Python, numpy and scipy from
# Debian's own packages. For machines that cannot pull python:3.11-slim, and for continuous integration.
#
#   sudo sandbox/base.sh [IMAGE [PACKAGE ...]]
#
# IMAGE is evolve-base:bookworm unless told. PACKAGEs are more of Debian's to have in it, such as g++ or nodejs, for
# programs that are compiled, or that are not Python.
#
# Needs root (debootstrap makes a root file system), debootstrap and a docker engine that answers. Settings from the
# environment: EVOLVE_DEBIAN_MIRROR, EVOLVE_DEBIAN_SUITE, DOCKER (the command, "podman" works too).
set -eu

image=${1:-evolve-base:bookworm}
[ $# -eq 0 ] || shift
packages=$*
suite=${EVOLVE_DEBIAN_SUITE:-bookworm}
mirror=${EVOLVE_DEBIAN_MIRROR:-http://deb.debian.org/debian}
docker=${DOCKER:-docker}

if [ "$(id -u)" -ne 0 ]; then
    echo "base.sh: debootstrap needs root; run: sudo $0 $image $packages" >&2
    exit 1
fi
for tool in debootstrap "$docker" tar; do
    if ! command -v "$tool" >/dev/null; then
        echo "base.sh: $tool is missing; on Debian and Ubuntu: apt-get install debootstrap docker.io tar" >&2
        exit 1
    fi
done
if ! "$docker" version >/dev/null 2>&1; then
    echo "base.sh: no docker engine answers; start one (systemctl start docker, or dockerd)" >&2
    exit 1
fi

root=$(mktemp -d)
trap 'rm -rf --one-file-system "$root"' EXIT
trap 'exit 130' INT TERM

# debootstrap leaves /proc mounted in the new root on some hosts; a mount namespace of our own takes it away with us
if command -v unshare >/dev/null && unshare --mount true 2>/dev/null; then
    set -- unshare --mount debootstrap
else
    set -- debootstrap
fi
include=$(printf '%s,' python3 python3-numpy python3-scipy $packages)
"$@" --variant=minbase --include="${include%,}" "$suite" "$root" "$mirror" >"$root.log" 2>&1 || {
    tail -n 20 "$root.log" >&2
    echo "base.sh: debootstrap failed; the whole output is in $root.log" >&2
    exit 1
}
rm -f "$root.log"

# Debian's scipy depends on a C++ compiler and boost (for pythran, which compiles; scipy runs without): half a gigabyte.
# Who asks for packages may need some of it.
unneeded='-dev(-bin)?$|^(gcc|g\+\+|cpp|binutils|x86-64-linux-gnu|python3-pythran)(-[0-9].*|-common)?$|^binutils-'
[ -z "$packages" ] || unneeded='^(python3-pythran|libboost.*-dev|python3-dev|libpython3.*-dev)$'
chroot "$root" dpkg-query --show --showformat '${Package}\n' |
    grep -E -- "$unneeded" |
    xargs chroot "$root" dpkg --purge --force-depends >"$root.log" 2>&1 || {
    tail -n 20 "$root.log" >&2
    exit 1
}
rm -f "$root.log"

# What a sandbox has no use for: package lists, documentation, translations, set-uid programs' bits, host names
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/log/* "$root"/usr/share/doc/* \
    "$root"/usr/share/locale/* "$root"/usr/share/man/* "$root"/etc/resolv.conf "$root"/etc/hostname
find "$root" -xdev -perm /6000 -type f -exec chmod a-s {} +

# The label says that nothing has to be fetched to build on this base
tar --create --numeric-owner --one-file-system --directory "$root" . |
    "$docker" import --change 'CMD ["python3"]' --change 'LABEL evolve.base=numpy,scipy' \
        --message "Debian $suite with python3, numpy and scipy" - "$image"
