#!/usr/bin/env bash
# Boots this machine's own tree under a real systemd, over a layer of memory: nothing is written to the machine.
# Usage: boot.sh FOLDER. Prints the leader's pid to FOLDER/leader; ends when the system is powered off. Needs root.
set -eu
folder=$1
cat > "$folder/inner.sh" <<I
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd "$folder/layer"
mount -t tmpfs tmpfs "$folder/layer"
mkdir -p "$folder/layer/upper" "$folder/layer/work" "$folder/layer/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/layer/upper,workdir=$folder/layer/work" "$folder/layer/root"
root=$folder/layer/root
ln -sf /lib/systemd/system/multi-user.target "\$root/etc/systemd/system/default.target"
for unit in mosquitto victoria-metrics influxdb postgresql postgresql@15-main redis-server nginx systemd-networkd \
  systemd-networkd-wait-online systemd-timesyncd systemd-resolved console-getty apt-daily.timer apt-daily-upgrade.timer; do
  case \$unit in *.*) ;; *) unit=\$unit.service ;; esac
  ln -sf /dev/null "\$root/etc/systemd/system/\$unit"
done
exec systemd-nspawn -q -D "\$root" --register=no --keep-unit --bind-ro=/etc/resolv.conf --boot --console=read-only
I
exec timeout 280 unshare -m --propagation private bash "$folder/inner.sh" > "$folder/console" 2>&1 < /dev/null
