set -eu
. "$(dirname "$0")/machine.sh"
# as in a Vagrant box: a user with sudo, a root file system in fstab, and a swap line, which kubelet would mind
chroot "$1" useradd --create-home --shell /bin/bash vagrant
install -d -m 0700 -o 0 -g 0 "$1/home/vagrant/.ssh"
chroot "$1" chown vagrant:vagrant /home/vagrant/.ssh
echo 'vagrant ALL=(ALL) NOPASSWD: ALL' > "$1/etc/sudoers.d/vagrant"
chmod 0440 "$1/etc/sudoers.d/vagrant"
printf '# <file system> <mount point> <type> <options> <dump> <pass>\n/dev/sda2 none swap sw 0 0\n' > "$1/etc/fstab"
rm -f "$1"/etc/ssh/ssh_host_*
