#!/bin/busybox sh
# shellcheck shell=dash
# The init process of the machine that scripts/test-vm.sh boots. It runs the tests in each kind of cgroup v2 that a
# server can start in, prints the results to the console, and powers the machine off.
export PATH=/usr/bin:/bin:/sbin
bb() { /bin/busybox "$@"; }
bb mount -t proc proc /proc
bb mount -t sysfs sysfs /sys
bb mount -t devtmpfs devtmpfs /dev
bb mount -t tmpfs tmpfs /tmp
groups=/sys/fs/cgroup
bb mount -t cgroup2 cgroup2 $groups
bb ip link set lo up 2>/dev/null
# shellcheck source=/dev/null
. /etc/tests
echo "vm: Linux $(bb uname -r), controllers: $(cat $groups/cgroup.controllers)"
# Enables the controllers for child groups, as systemd does.
echo "+cpu +memory +pids" >$groups/cgroup.subtree_control
failed=

# NAME GROUP TESTS...: runs tests in a group. Only tests of cgroup v1 may be skipped.
try() {
  name=$1 group=$2
  shift 2
  sh -c "echo \$\$ >$group/cgroup.procs; exec $TESTS --test-threads=1 --nocapture $*" >/tmp/out 2>&1
  status=$?
  cat /tmp/out
  skipped=$(grep -c "skipped: " /tmp/out)
  of_v1=$(grep -c "skipped: this host has no freezer" /tmp/out)
  left=$(bb find $groups -name 'trainyard-*-*' -type d | bb wc -l)
  echo "vm: $name: status $status, skipped $skipped (of version 1: $of_v1), groups left: $left"
  [ "$status" = 0 ] && [ "$skipped" = "$of_v1" ] && [ "$left" = 0 ] || failed="$failed $name"
}

try "the root group" $groups groups:: kill_methods:: limits::

# A service with `Delegate=` and `DelegateSubgroup=server`: the server runs in a subgroup of the delegated group.
mkdir -p $groups/given.service/server
setfattr -n user.delegate -v 1 $groups/given.service
try "a delegated group, from its subgroup" $groups/given.service/server limits:: kill_methods::cgroup_kill

# A group without other processes: the server moves itself into a leaf group.
mkdir $groups/alone
try "a group with no other process" $groups/alone limits:: kill_methods::cgroup_kill
[ -d $groups/alone/trainyard-server ] || failed="$failed no-leaf"

if [ -z "$failed" ]; then echo "vm: passed"; else echo "vm: failed:$failed"; fi
bb poweroff -f
