import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { installation, which } from '#host';
import { testUnless } from '#testing';
import { SystemdV1 } from './systemd-v1.js';

const SECONDS = 240;
const SETUP = `
set -e
export KUBECONFIG=/root/kubeconfig
berth() { ${process.execPath} ${join(installation, 'bin/berth.mjs')} "$@"; }
fail() { echo "FAIL $*"; systemctl list-units --all --no-pager 'berth*'; berth logs -n 20 || true; exit 1; }
# Until the command succeeds.
await() { for try in $(seq 600); do "$@" >/dev/null 2>&1 && return; sleep 0.2; done; berth status || true; fail "never: $*"; }
ip link add eth0 type veth peer name eth0-peer
ip link set eth0 up; ip link set eth0-peer up
ip address add 192.0.2.1/24 dev eth0; ip route add default via 192.0.2.2
`;

const FIRST_BOOT = `${SETUP}
berth up
[ "$(systemctl is-enabled berth.target)" = enabled ] || fail not enabled
for name in postgres server containerd agent dns ingress; do systemctl is-active --quiet berth-$name || fail $name is not active; done
pgrep -x berth-superviso && fail a supervisor runs beside systemd
berth status || fail status
kubectl create configmap kept --from-literal=a=b
# A process that is killed comes back, and only that.
agent=$(systemctl show -P MainPID berth-agent)
kill -9 $(systemctl show -P MainPID berth-server)
came_back() { [ "$(systemctl show -P NRestarts berth-server)" = 1 ] && berth status; }
await came_back
[ "$(systemctl show -P MainPID berth-agent)" = "$agent" ] || fail the agent was restarted
# Nothing changed: nothing is restarted. What changed is.
server=$(systemctl show -P MainPID berth-server)
berth up
[ "$(systemctl show -P MainPID berth-server)" = "$server" ] || fail up restarted the server
berth up --log-level=debug
[ "$(systemctl show -P MainPID berth-server)" != "$server" ] || fail up did not restart the server
berth logs server --lines 5 | grep -q . || fail no log
grep -l DATABASE_URL /etc/systemd/system/berth-* && fail the URL of the database is in a file for all
echo "first boot: ok"`;

const SECOND_BOOT = `${SETUP}
await berth status
[ "$(kubectl get configmap kept -o 'jsonpath={.data.a}')" = b ] || fail the state is lost
berth down
berth status && fail it runs
[ "$(systemctl is-enabled berth.target || true)" = disabled ] || fail still enabled
echo "second boot: ok"`;

const THIRD_BOOT = `${SETUP}
systemctl is-active --quiet berth-server && fail it was started after down
berth up
berth up --process-manager=supervisor
berth status | grep -q '^server *running' || fail not under the supervisor
[ -z "$(ls /etc/systemd/system | grep berth)" ] || fail units are left
berth up --process-manager=auto
berth delete
[ -z "$(ls /etc/systemd/system | grep berth)" ] || fail units are left
[ -z "$(pgrep -f /var/lib/berth)" ] || fail processes are left
echo "third boot: ok"`;

/** What processes of the machine could spoil for all others on the host. */
const hostDevices = () => ['null', 'zero', 'full', 'tty', 'fuse', 'kmsg'].map((name) => statSync(`/dev/${name}`).mode);

const machine = new SystemdV1({ keepsDisk: true });
const missing = machine.missing() ?? (which('kubectl') ? undefined : 'needs kubectl');
testUnless(missing, 'units of systemd run Berth, over reboots and until down', async () => {
  const devices = hostDevices();
  try {
    for (const [boot, script] of Object.entries({ first: FIRST_BOOT, second: SECOND_BOOT, third: THIRD_BOOT })) {
      const { status, output } = await machine.run(script, SECONDS);
      assert.equal(status, 0, output);
      assert.match(output, new RegExp(`^${boot} boot: ok$`, 'm'));
    }
    assert.deepEqual(hostDevices(), devices);
  } finally {
    machine.close();
  }
});
