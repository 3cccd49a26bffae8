#!/usr/bin/env bash
# Prepares the container's SSH server, prints the host key's fingerprint, and becomes the command it is given.
# KD_AUTHORIZED_KEYS  the public keys that may log in as kd, mounted into the container
set -euo pipefail

authorized_keys=${KD_AUTHORIZED_KEYS:-/run/kdorch/authorized_keys}
host_key=/etc/ssh/host_keys/ssh_host_ed25519_key

fail() {
    printf '%s\n' "$@" >&2
    exit 2
}

if [[ -d $authorized_keys ]]; then
    fail "$authorized_keys is a directory: the file to mount did not exist, and Docker made a folder in its place." \
        "Remove that folder and name the file that holds your public key."
elif [[ ! -r $authorized_keys ]]; then
    fail "No public key was given: mount a file with yours at $authorized_keys, such as" \
        "    docker run -v \"\$HOME/.ssh/id_ed25519.pub:$authorized_keys:ro\" ..."
elif ! ssh-keygen -l -f "$authorized_keys" >/dev/null 2>&1; then
    fail "$authorized_keys holds no public key that ssh-keygen can read."
elif grep -q 'PRIVATE KEY' "$authorized_keys"; then
    fail "$authorized_keys holds a private key; mount the public one, which ends in .pub."
fi

# A copy, because sshd refuses a file that somebody other than root owns, and a mounted one keeps its owner.
install -d -m 0755 /run/sshd /etc/ssh/authorized_keys
install -m 0644 "$authorized_keys" /etc/ssh/authorized_keys/kd

# A volume or folder mounted for the runs may come with another owner.
install -d -o kd -g kd -m 0700 /home/kd/.kdorch-host

# Made at the first start and kept in a volume: a host whose key changes is refused by everyone who trusted it.
install -d -m 0700 "${host_key%/*}"
if [[ ! -s $host_key ]]; then
    rm -f -- "$host_key" "$host_key.pub"
    ssh-keygen -q -t ed25519 -N '' -C "kdorch host $(hostname)" -f "$host_key"
    printf 'New host key.\n'
fi
printf 'Host key of %s, to compare with what "kdorch host trust" shows:\n  ' "$(hostname)"
ssh-keygen -l -f "$host_key.pub"
printf 'May log in as kd:\n'
ssh-keygen -l -f /etc/ssh/authorized_keys/kd | sed 's/^/  /'

exec "$@"
