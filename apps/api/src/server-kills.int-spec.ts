import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import type { KubeObject } from '#apimachinery';
import { HttpClient, loadKubeconfig } from '#client';
import { gvr } from '#kinds';
import { call, startTestPostgres } from '#testing';

const KILLS = 20;
const WRITERS = 6;
/** Acknowledged writes between two kills. */
const WRITES_A_KILL = 25;
const MAIN = fileURLToPath(new URL('./main.js', import.meta.url));

/** The API as its own process on a database that can be killed as well, and clients that write to it over HTTPS. */
class Rig {
  readonly dataDir = mkdtempSync(join(tmpdir(), 'berth-kills-'));
  /** Revision and name of each write that was answered with success. */
  readonly acknowledged = new Map<number, string>();
  /** Names of writes that were answered with an error, or not at all. */
  readonly failed: string[] = [];
  private server!: ChildProcess;
  private port = 0;
  private writing = true;

  constructor(
    readonly databaseUrl: string,
    private readonly components = 'api',
    private readonly more: Record<string, string> = {},
  ) {}

  get running(): boolean {
    return this.server.exitCode === null && this.server.signalCode === null;
  }

  async start(): Promise<void> {
    this.port ||= await freePort();
    const flags = {
      'data-dir': this.dataDir,
      'bind-address': '127.0.0.1',
      'secure-port': this.port,
      'advertise-address': '192.0.2.1',
      'database-url': this.databaseUrl,
      components: this.components,
      ...this.more,
    };
    const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
    this.server = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'ignore', 'ignore'] });
    await this.until('the server answers', async () => {
      await this.client().get(gvr.namespaces, '', 'default');
      return true;
    });
  }

  client(): HttpClient {
    return new HttpClient(loadKubeconfig(join(this.dataDir, 'kubeconfig')));
  }

  private target() {
    const tls = { ca: readFileSync(join(this.dataDir, 'pki', 'ca.crt'), 'utf8'), cert: '', key: '' };
    return { url: `https://127.0.0.1:${this.port}`, tls };
  }

  async readiness(): Promise<{ code: number; text: string }> {
    const { code, body } = await call(this.target(), '/readyz?verbose', { as: 'nobody' });
    return { code, text: body.toString() };
  }

  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** Resolves with the exit code. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    const ended = new Promise<number | null>((resolve) => this.server.once('exit', resolve));
    this.server.kill(signal);
    return ended;
  }

  /** Creates ConfigMaps of ever new names until `stop`. A name is never tried again: what became of it may be unknown. */
  async write(writer: number): Promise<void> {
    const client = this.client();
    for (let i = 0; this.writing; i++) {
      const name = `w-${writer}-${i}`;
      try {
        const made = await client.create<KubeObject>(gvr.configmaps, 'default', {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name },
        });
        const revision = Number(made.metadata.resourceVersion);
        assert.equal(this.acknowledged.has(revision), false, `revision ${revision} was given out twice`);
        this.acknowledged.set(revision, name);
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
        this.failed.push(name);
        await sleep(20);
      }
    }
  }

  /** Reads until `stop`; errors that came. */
  async read(): Promise<Error[]> {
    const client = this.client();
    const errors: Error[] = [];
    for (; this.writing; await sleep(5)) {
      await client.get(gvr.namespaces, '', 'default').catch((error: Error) => errors.push(error));
    }
    return errors;
  }

  /** What a watcher sees that goes on at the last revision it saw whenever it is cut off. */
  async watch(seen: number[], signal: AbortSignal): Promise<void> {
    const client = this.client();
    let from = (await client.list(gvr.configmaps, { namespace: 'default' })).metadata.resourceVersion;
    while (!signal.aborted) {
      try {
        for await (const event of client.watch(gvr.configmaps, {
          namespace: 'default',
          resourceVersion: from,
          signal,
        })) {
          assert.equal(event.type, 'ADDED', JSON.stringify(event));
          from = event.object.metadata.resourceVersion!;
          seen.push(Number(from));
        }
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
      }
      await sleep(20);
    }
  }

  stop(): void {
    this.writing = false;
  }

  close(): void {
    this.stop();
    this.server?.kill('SIGKILL');
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  async until(what: string, check: () => Promise<boolean>): Promise<void> {
    for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(25)) {
      if (await check().catch(() => false)) return;
    }
    throw new Error(`never: ${what}`);
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

for (const victim of ['server', 'PostgreSQL'] as const) {
  test(`${victim} killed ${KILLS} times while clients write over HTTPS: nothing acknowledged is lost, no revision is used twice`, async () => {
    const postgres = await startTestPostgres();
    const rig = new Rig(postgres.url);
    const end = new AbortController();
    try {
      await rig.start();
      const seen: number[] = [];
      const watching = rig.watch(seen, end.signal);
      const reading = rig.read();
      const writers = Array.from({ length: WRITERS }, (_, writer) => rig.write(writer));
      for (let kill = 0; kill < KILLS; kill++) {
        const before = rig.acknowledged.size;
        await rig.until('writes go on', async () => rig.acknowledged.size >= before + WRITES_A_KILL);
        await sleep(Math.random() * 30);
        if (victim === 'server') {
          await rig.kill();
          await rig.start();
        } else {
          await postgres.kill();
          await postgres.start();
        }
      }
      rig.stop();
      await Promise.all(writers);

      const { items } = await rig.client().list(gvr.configmaps, { namespace: 'default' });
      const present = new Map(items.map(({ metadata }) => [metadata.name!, Number(metadata.resourceVersion)]));
      for (const [revision, name] of rig.acknowledged) assert.equal(present.get(name), revision, name);
      // What else is there was written by a request whose answer the kill cut off, and was not called a failure.
      const unanswered = new Set(rig.failed);
      const own = [...present.keys()].filter((name) => name.startsWith('w-'));
      const known = new Set(rig.acknowledged.values());
      assert.deepEqual(
        own.filter((name) => !known.has(name) && !unanswered.has(name)),
        [],
      );
      // The server lived on: it found out what became of every write, and said so; reads waited.
      const errors = await reading;
      if (victim === 'PostgreSQL') assert.deepEqual([rig.failed, errors], [[], []]);

      const revisions = own.map((name) => present.get(name)!).sort((a, b) => a - b);
      await rig.until('the watcher has seen all', async () => seen.length >= revisions.length);
      assert.deepEqual(
        seen.filter((revision) => revisions[0]! <= revision),
        revisions,
      );
      end.abort();
      await watching;
      await assertLogIsWhole(postgres.url);
    } finally {
      end.abort();
      rig.close();
      await postgres.stop();
    }
  });
}

test('a server that is told to end says so first, serves on for the delay, and loses nothing', async () => {
  const postgres = await startTestPostgres();
  const rig = new Rig(postgres.url, 'api,controllers,scheduler', {
    'shutdown-delay-duration': '1500ms',
    'shutdown-send-retry-after': 'true',
  });
  try {
    await rig.start();
    const writers = Array.from({ length: WRITERS }, (_, writer) => rig.write(writer));
    await rig.until('it is ready', async () => (await rig.readiness()).code === 200);
    const begun = Date.now();
    const ended = rig.end('SIGTERM');
    await rig.until('it is not ready', async () => (await rig.readiness()).code === 500);
    assert.match((await rig.readiness()).text, /^\[-\]shutdown failed: reason withheld$/m);
    const [written, failed] = [rig.acknowledged.size, rig.failed.length];
    await rig.until('writes go on', async () => rig.acknowledged.size >= written + WRITERS);
    assert.equal(rig.failed.length, failed);
    assert.equal(await ended, 0);
    assert.ok(Date.now() - begun >= 1500);
    rig.stop();
    await Promise.all(writers);
    await rig.start();
    const { items } = await rig.client().list(gvr.configmaps, { namespace: 'default' });
    const present = new Map(items.map(({ metadata }) => [metadata.name!, Number(metadata.resourceVersion)]));
    for (const [revision, name] of rig.acknowledged) assert.equal(present.get(name), revision, name);
    await assertLogIsWhole(postgres.url);
  } finally {
    rig.close();
    await postgres.stop();
  }
});

test('while PostgreSQL is away for longer than leadership lasts reads go on, and then controllers do', async () => {
  const postgres = await startTestPostgres();
  const rig = new Rig(postgres.url, 'api,controllers,scheduler');
  try {
    await rig.start();
    const client = rig.client();
    const deployment = (name: string) => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name },
      spec: {
        selector: { matchLabels: { app: name } },
        template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      },
    });
    const hasPods = (name: string) =>
      rig.until(`pods of ${name}`, async () => {
        const { items } = await client.list(gvr.pods, { namespace: 'default', labelSelector: `app=${name}` });
        // The scheduler has looked at it: there is no node.
        return items.some((pod) =>
          pod['status'].conditions?.some(({ type }: { type: string }) => type === 'PodScheduled'),
        );
      });
    await client.create(gvr.deployments, 'default', deployment('before'));
    await hasPods('before');
    await postgres.kill();
    // A write waits 30 s, and a leader that cannot renew for 10 s is none any more.
    for (const end = Date.now() + 45_000; Date.now() < end; await sleep(1_000)) {
      assert.ok(rig.running, 'the server lives on');
      const { items } = await client.list(gvr.deployments, { namespace: 'default', resourceVersion: '0' });
      assert.deepEqual(
        items.map(({ metadata }) => metadata.name),
        ['before'],
      );
    }
    // The newest state cannot be told without it.
    await assert.rejects(client.get(gvr.deployments, 'default', 'before'), { reason: 'ServiceUnavailable' });
    await postgres.start();
    await rig.until(
      'writes go on',
      async () => !!(await client.create(gvr.deployments, 'default', deployment('after'))),
    );
    await hasPods('after');
    assert.ok(rig.running);
  } finally {
    rig.close();
    await postgres.stop();
  }
});

/** Revision by revision without a gap, and up to the counter. */
async function assertLogIsWhole(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query(
    `SELECT count(*)::int AS rows, count(DISTINCT revision)::int AS revisions, (max(revision) - min(revision) + 1)::int AS span,
            max(revision)::int AS last, (SELECT value::int FROM berth.revision WHERE name = 'current') AS current
       FROM berth.change`,
  );
  await client.end();
  const [{ rows: count, revisions, span, last, current }] = rows;
  assert.deepEqual([revisions, span, last], [count, count, current]);
}
