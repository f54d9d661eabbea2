// The reference's etcd, kube-apiserver and kube-controller-manager on the loopback interface, for `npm run bench -- controllers`.
import { spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const PROGRAMS = ['etcd', 'kube-apiserver', 'kube-controller-manager'];
const ETCD = 'http://127.0.0.1:22379';
const PEER = 'http://127.0.0.1:22380';
const PORT = 16444;
/** Requests a second that the controller manager may send: by default it sends 20, and would measure that. */
const CLIENT_RATE = '5000';
const START_LIMIT = 60_000;

/** Names of the programs that are not in the folder. */
export function missingPrograms(folder) {
  return PROGRAMS.filter((name) => !existsSync(join(folder, name)));
}

/** Admission, authorization, TLS and fsync are those of a production cluster, as in Berth. */
export function referenceControlPlane(folder) {
  const directory = mkdtempSync(join(tmpdir(), 'reference-bench-'));
  const kubeconfig = join(directory, 'kubeconfig');
  const running = [];

  const start = (name, args) => {
    const log = openSync(join(directory, `${name}.log`), 'a');
    const child = spawn(join(folder, name), args, { stdio: ['ignore', log, log] });
    closeSync(log);
    running.unshift(child);
  };

  return {
    name: 'reference',
    kubeconfig,
    pids: () => running.map(({ pid }) => pid),
    async up() {
      const token = randomBytes(16).toString('hex');
      const keys = writeKeys(directory);
      writeFileSync(join(directory, 'tokens.csv'), `${token},admin,admin,system:masters\n`, { mode: 0o600 });
      writeFileSync(kubeconfig, kubeconfigOf(token), { mode: 0o600 });
      start('etcd', [
        `--data-dir=${join(directory, 'etcd')}`,
        ...[`--listen-client-urls=${ETCD}`, `--advertise-client-urls=${ETCD}`, `--listen-peer-urls=${PEER}`],
        ...[`--initial-advertise-peer-urls=${PEER}`, `--initial-cluster=default=${PEER}`],
      ]);
      start('kube-apiserver', [
        `--etcd-servers=${ETCD}`,
        ...['--bind-address=127.0.0.1', `--secure-port=${PORT}`, `--cert-dir=${join(directory, 'certificates')}`],
        ...['--service-cluster-ip-range=10.0.0.0/16', '--authorization-mode=Node,RBAC'],
        ...[
          `--token-auth-file=${join(directory, 'tokens.csv')}`,
          '--service-account-issuer=https://kubernetes.default.svc',
        ],
        ...[`--service-account-key-file=${keys.public}`, `--service-account-signing-key-file=${keys.private}`],
      ]);
      await untilReady(kubeconfig);
      start('kube-controller-manager', [
        ...[`--kubeconfig=${kubeconfig}`, '--leader-elect=false', '--secure-port=0'],
        ...[`--kube-api-qps=${CLIENT_RATE}`, `--kube-api-burst=${CLIENT_RATE}`],
        `--service-account-private-key-file=${keys.private}`,
      ]);
    },
    async down() {
      for (const child of running) {
        const ended = child.exitCode !== null || child.signalCode !== null;
        if (ended) continue;
        const gone = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGTERM');
        await gone;
      }
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function writeKeys(directory) {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const paths = { public: join(directory, 'service-account.pub'), private: join(directory, 'service-account.key') };
  writeFileSync(paths.public, publicKey.export({ type: 'spki', format: 'pem' }));
  writeFileSync(paths.private, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  return paths;
}

function kubeconfigOf(token) {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'reference', cluster: { server: `https://127.0.0.1:${PORT}`, 'insecure-skip-tls-verify': true } },
    ],
    users: [{ name: 'admin', user: { token } }],
    contexts: [{ name: 'reference', context: { cluster: 'reference', user: 'admin' } }],
    'current-context': 'reference',
  });
}

async function untilReady(kubeconfig) {
  const { HttpClient, loadConfig } = await import('#client');
  const client = new HttpClient(loadConfig({ path: kubeconfig }));
  for (const end = Date.now() + START_LIMIT; ; await sleep(500)) {
    const answer = await client.transport.request({ method: 'GET', path: '/readyz' }).catch((error) => error);
    if (answer.status === 200) break;
    if (Date.now() > end) throw new Error(`kube-apiserver is not ready: ${answer.body ?? answer.message}`);
  }
  client.close();
}
