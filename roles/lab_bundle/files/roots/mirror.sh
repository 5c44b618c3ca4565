set -eu
. "$(dirname "$0")/machine.sh"
install -m 0644 "$(dirname "$0")/registry.yml" "$1/etc/docker/registry/config.yml"
install -m 0644 "$(dirname "$0")/mirror.nginx" "$1/etc/nginx/sites-available/default"
