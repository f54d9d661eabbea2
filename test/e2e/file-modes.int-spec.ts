import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { installation } from '#host';
import { wrongModes } from './file-modes.js';

const directory = mkdtempSync(join(tmpdir(), 'berth-modes-'));
const dataDir = join(directory, 'data');
// PostgreSQL's own user passes through it.
chmodSync(directory, 0o755);

afterAll(async () => {
  await berth('down').catch(() => {});
  rmSync(directory, { recursive: true, force: true });
});

function berth(verb: string, ...args: string[]): Promise<unknown> {
  const { DATABASE_URL: _, ...environment } = process.env;
  // A generous umask: modes must not depend on it.
  const command = `umask 000; exec "$0" "$@"`;
  const program = [process.execPath, join(installation, 'bin', 'berth.mjs'), verb, `--data-dir=${dataDir}`, ...args];
  return promisify(execFile)('sh', ['-c', command, ...program], {
    env: { ...environment, HOME: directory, KUBECONFIG: join(directory, 'user-kubeconfig') },
    timeout: 180_000,
  });
}

async function up(): Promise<void> {
  const port = await freePort();
  await berth('up', '--no-node', '--bind-address=127.0.0.1', '--node-ip=127.0.0.1', `--secure-port=${port}`);
}

it('files of a control plane are closed to others, also those that an earlier version left open', async () => {
  await up();
  assert.deepEqual(wrongModes(dataDir), []);
  for (const path of ['run/supervisor.sock', 'run/processes/server.json', 'postgres/run/.s.PGSQL.5432', 'pki/ca.key']) {
    assert.ok(existsSync(join(dataDir, path)), `${path} was looked at`);
  }

  await berth('down');
  for (const path of ['.', 'logs', 'run', 'run/processes', 'postgres', 'postgres/run', 'postgres/conf']) {
    chmodSync(join(dataDir, path), 0o755);
  }
  for (const name of readdirSync(join(dataDir, 'logs'))) chmodSync(join(dataDir, 'logs', name), 0o644);
  for (const name of ['settings.json', 'supervisor.json', 'kubeconfig', 'pki/ca.key']) {
    chmodSync(join(dataDir, name), 0o644);
  }
  assert.ok(wrongModes(dataDir).length > 10, 'the table sees what is open');
  await up();
  assert.deepEqual(wrongModes(dataDir), []);

  writeFileSync(join(dataDir, 'surprise'), '', { mode: 0o600 });
  assert.match(wrongModes(dataDir).join(), /^file surprise .* is in no row$/);
});

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
