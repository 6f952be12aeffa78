#!/bin/bash
# The test that scripts/test-systemd.sh runs inside the emulated machine, after systemd has started the service. A line
# `trial: NOT SO: …` names an expectation that failed.
export TRAINYARD_DATA_DIR=/var/lib/trainyard
failed=

wait_until() { # COMMAND...
  for _ in {1..600}; do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.1
  done
  return 1
}

holds() { # SENTENCE COMMAND...
  local sentence=$1
  shift
  if wait_until "$@"; then echo "trial: $sentence"; else
    echo "trial: NOT SO: $sentence"
    failed=yes
  fi
}

server() { systemctl show -p MainPID --value trainyard; }
is() { trainyard job list | grep -q "^$job .* $1 "; }
has_shims() { [ "$(pgrep -cf '^trainyard shim /var/lib/trainyard/jobs/')" = "$1" ]; }
no_daemon() { ! pgrep -f 'trap : TERM'; }

holds "the service answers" trainyard job list
trainyard centre show
# The job leaves a daemon in a session of its own, which ignores SIGTERM.
job=$(trainyard job create --set resource.memoryGB=0.25 --set stopGraceSeconds=1 --set startCommand='
  (setsid sh -c "trap : TERM; while :; do sleep 1; done" &); echo started; while :; do sleep 1; done')
holds "a job runs" is Running

before=$(server)
systemctl restart trainyard
holds "after a restart of the service the job runs" is Running
[ "$before" != "$(server)" ] || { echo "trial: NOT SO: the restart replaced the server's process"; failed=yes; }
holds "exactly one shim watches the job" has_shims 1

kill -9 "$(server)"
holds "after a SIGKILL systemd starts the server again, and the job runs" is Running
[ "$(systemctl show -p NRestarts --value trainyard)" = 1 ] || { echo "trial: NOT SO: systemd restarted the server exactly once"; failed=yes; }

systemctl stop trainyard
holds "while the service is stopped the job runs on" has_shims 1
systemctl start trainyard
holds "the service answers again" trainyard job list
trainyard job stop "$job"
holds "a stop ends the job" is Stopped
holds "no shim is left" has_shims 0
holds "no daemon is left" no_daemon

echo TRAINYARD_CONFIG=/etc/trainyard.toml >/etc/default/trainyard
systemctl restart trainyard
holds "the service answers with another configuration" trainyard job list
job=$(trainyard job create --set resource.memoryGB=0.25 --set startCommand='id -u; umask')
holds "with the unit's umask, a job that runs as another user succeeds" is Succeeded
[ "$(trainyard job logs "$job" | tr -d ' ')" = $'65534\n0022' ] || { echo "trial: NOT SO: the job has the user and umask of run_as"; failed=yes; }

if [ -n "$failed" ]; then journalctl -u trainyard --no-pager -o cat; echo "trial: failed"; else echo "trial: passed"; fi
systemctl poweroff -ff
