# What every lab machine has; $1 is its root directory.
install -m 0755 "$(dirname "$0")/lab-init" "$1/usr/local/sbin/lab-init"
# mmdebstrap brought these over from the machine it ran on
rm -f "$1/etc/hostname" "$1/etc/resolv.conf" "$1/etc/machine-id"
printf '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n' > "$1/etc/hosts"
: > "$1/etc/machine-id"
# there is no console
chroot "$1" systemctl --quiet mask getty@tty1.service console-getty.service
