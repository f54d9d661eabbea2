import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { testUnless } from '#testing';
import {
  PostgresError,
  postgresCommand,
  postgresLayout,
  preparePostgres,
  startPostgres,
  stopPostgres,
} from './index.js';

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'berth-pg-'));
  await chmod(root, 0o755);
});

afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

test('a first start, a second one that adopts, a stop, and a start that finds the data', async () => {
  const dir = join(root, 'a');
  const first = await startPostgres(dir);
  assert.equal(first.adopted, false);
  const client = new pg.Client({ connectionString: first.url });
  await client.connect();
  await client.query('CREATE TABLE kept AS SELECT 1 AS one');
  const { rows } = await client.query(
    `SELECT current_setting('fsync') AS fsync, current_setting('listen_addresses') AS tcp`,
  );
  assert.deepEqual(rows[0], { fsync: 'on', tcp: '' });
  await client.end();
  const second = await startPostgres(dir);
  assert.equal(second.adopted, true);
  assert.equal(second.pid, first.pid);
  await stopPostgres(dir);
  const third = await startPostgres(dir);
  const again = new pg.Client({ connectionString: third.url });
  await again.connect();
  assert.equal((await again.query('SELECT one FROM kept')).rows[0].one, 1);
  await again.end();

  // A killed server leaves its lock file and children behind.
  process.kill(third.pid, 'SIGKILL');
  const hold = setInterval(() => {}, 1_000);
  await third.exited;
  clearInterval(hold);
  await (await startPostgres(dir)).stop();
});

test('a lock file with the number of a process that is no PostgreSQL does not keep the server from starting', async () => {
  const dir = join(root, 'a');
  const { layout, runningPid } = await preparePostgres(dir);
  assert.equal(runningPid, undefined);
  const lock = join(layout.data, 'postmaster.pid');
  await writeFile(lock, `${process.pid}\n${layout.data}\n`);
  assert.equal((await preparePostgres(dir)).runningPid, undefined);
  await assert.rejects(readFile(lock), { code: 'ENOENT' });
});

testUnless(
  process.getuid?.() === 0 ? false : 'only root can give files away',
  'data of a system user that was removed is taken over by the new one',
  async () => {
    const dir = join(root, 'a');
    spawnSync('chown', ['-R', '65534:65534', postgresLayout(dir).data]);
    await (await startPostgres(dir)).stop();
  },
);

testUnless(
  process.getuid?.() === 0 ? false : 'only root can act as another user',
  'other users of the machine reach neither the socket nor what lies beside it',
  async () => {
    const dir = join(root, 'a');
    const layout = postgresLayout(dir);
    // As an earlier version left them.
    for (const path of [layout.root, layout.run, layout.conf]) await chmod(path, 0o755);
    const server = await startPostgres(dir);
    const asNobody = (script: string) =>
      spawnSync('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, '-e', script], {
        encoding: 'utf8',
        cwd: '/',
      }).stdout.trim();
    const socket = JSON.stringify(join(layout.run, '.s.PGSQL.5432'));
    const connects = `require('net').connect(${socket}).on('connect', function () { console.log('connected'); this.destroy(); }).on('error', (e) => console.log(e.code))`;
    assert.equal(asNobody(connects), 'EACCES');
    for (const path of [layout.root, layout.run, layout.conf, layout.data]) {
      const lists = `try { console.log(require('fs').readdirSync(${JSON.stringify(path)})) } catch (e) { console.log(e.code) }`;
      assert.equal(asNobody(lists), 'EACCES', path);
    }
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    const { rows } = await client.query(`SELECT current_setting('authentication_timeout') AS patience`);
    assert.equal(rows[0].patience, '5s');
    await client.end();
    await server.stop();
  },
);

test('an interrupted set-up is repeated', async () => {
  const dir = join(root, 'b');
  const layout = postgresLayout(dir);
  await mkdir(join(`${layout.data}.new`, 'base'), { recursive: true });
  await mkdir(join(layout.server, '.0.0.0-interrupted'), { recursive: true });
  const { argv, stopSignal } = await postgresCommand(dir);
  assert.equal(stopSignal, 'SIGINT');
  assert.ok(argv.some((argument) => argument.endsWith('bin/postgres')));
  const server = await startPostgres(dir, { durable: false, binaries: join(root, 'a', 'server') });
  await server.stop();
});

test('the server ends with the process that started it, however that dies', async () => {
  const dir = join(root, 'a');
  const door = new URL('./index.js', import.meta.url).href;
  const program = `const { startPostgres } = await import(${JSON.stringify(door)});
    console.log((await startPostgres(${JSON.stringify(dir)})).pid); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pid = await new Promise<number>((resolve) => child.stdout.once('data', (line) => resolve(Number(line))));
  child.kill('SIGKILL');
  for (let i = 0; isAlive(pid); i++) {
    assert.ok(i < 500, 'the server is still there');
    await sleep(20);
  }
});

test('what cannot work is said in one line', async () => {
  const cases: [string, RegExp][] = [
    [join(root, 'x'.repeat(100)), /socket is \d+ bytes long and a unix socket takes 107/],
    [join('/sys', 'berth'), /cannot set up PostgreSQL in \/sys\/berth: /],
    [join(root, 'file', 'postgres'), /a part of the path is not a directory/],
    [join(root, 'foreign'), /is no PostgreSQL data directory/],
  ];
  await writeFile(join(root, 'file'), '');
  await mkdir(join(root, 'foreign', 'data'), { recursive: true });
  if (process.getuid?.() === 0) {
    await mkdir(join(root, 'closed'), { mode: 0o700 });
    cases.push([join(root, 'closed', 'postgres'), /cannot enter .*closed: choose another data directory/]);
  }
  for (const [dir, message] of cases) {
    await assert.rejects(preparePostgres(dir, { binaries: join(root, 'a', 'server') }), (error: Error) => {
      assert.ok(error instanceof PostgresError);
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /\n/);
      return true;
    });
  }
});

test('data of another major version is refused', async () => {
  const dir = join(root, 'old');
  await mkdir(join(dir, 'data'), { recursive: true });
  await writeFile(join(dir, 'data', 'PG_VERSION'), '14\n');
  await assert.rejects(preparePostgres(dir, { binaries: join(root, 'a', 'server') }), /was made by PostgreSQL 14/);
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
