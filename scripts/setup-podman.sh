#!/usr/bin/env bash
# Installs a container engine and a base image on a bare Debian, as root, without any image registry: Debian's
# packages are enough. For CI; whoever has Docker or Podman needs none of this.
# Afterwards: make test-containers BASE_IMAGE=localhost/python:slim
set -euo pipefail

image=localhost/python:slim
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "This needs root on Debian. Elsewhere install Podman or Docker as their makers say." >&2
  exit 1
fi

export DEBIAN_FRONTEND=noninteractive
packages=(podman runc catatonit netavark aardvark-dns iptables debootstrap ca-certificates)
if ! dpkg --status "${packages[@]}" >/dev/null 2>&1; then
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
fi

# runc, and limits that a machine in a machine may grant: with Podman's own no container starts there.
mkdir -p /etc/containers/containers.conf.d
cat > /etc/containers/containers.conf.d/penstock.conf <<'CONF'
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
[engine]
runtime = "runc"
[network]
network_backend = "netavark"
CONF

podman image exists "$image" && exit 0

# The mirror and the proxy that this machine's apt is set up with, and the certificates that it trusts.
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
# shellcheck disable=SC2016 # the variables are apt's
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Release: $release" | sed -n 1p)
proxy=$(apt-config dump --format '%v' Acquire::http::Proxy)
[ -z "$proxy" ] || export http_proxy="$proxy"
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
debootstrap --variant=minbase --include=python3,python3-venv,python3-pip,ca-certificates \
  "$release" "$root" "$mirror" > "$root.log" || { tail -n 20 "$root.log" >&2; exit 1; }
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
rm -rf "$root.log" "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,locale}/*
tar -C "$root" -c . | podman import --quiet --change 'ENV PATH=/usr/local/bin:/usr/bin:/bin' - "$image" >/dev/null
echo "Podman $(podman version --format '{{.Client.Version}}') is ready, and $image"
