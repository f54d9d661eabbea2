import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { startTestPostgres } from '#testing';
import { openStore } from './index.js';
import { creation, write } from './testing/stored-objects.js';

/** A way to PostgreSQL as over a network: it can go dead at one end while the other does not hear of it. */
class Network {
  private readonly pairs = new Set<[near: Socket, far: Socket]>();
  private open = true;
  readonly server: Server;

  constructor(socket: string) {
    this.server = createServer((near) => {
      if (!this.open) {
        near.on('error', () => {});
        return;
      }
      const far = connect(socket);
      const pair: [Socket, Socket] = [near, far];
      this.pairs.add(pair);
      for (const end of pair) end.on('error', () => {});
      near.pipe(far);
      far.pipe(near);
    });
  }

  /** PostgreSQL's ends are closed, the client's stay silent; new connections get no answer. */
  async cut(): Promise<void> {
    this.open = false;
    for (const [near, far] of this.pairs) {
      if (far.closed) continue;
      near.unpipe(far);
      far.unpipe(near);
      const closed = once(far, 'close');
      far.destroy();
      await closed;
    }
  }

  close(): void {
    for (const [near, far] of this.pairs) {
      near.destroy();
      far.destroy();
    }
    this.server.close();
  }
}

let postgres: Awaited<ReturnType<typeof startTestPostgres>>;
beforeAll(async () => {
  postgres = await startTestPostgres();
});
afterAll(() => postgres?.stop());

async function network(url: string): Promise<{ way: Network; remote: string }> {
  const local = new URL(url);
  const way = new Network(`${local.searchParams.get('host')}/.s.PGSQL.5432`);
  way.server.listen(0, '127.0.0.1');
  await once(way.server, 'listening');
  const remote = `postgresql://${local.username}@127.0.0.1:${(way.server.address() as AddressInfo).port}${local.pathname}`;
  return { way, remote };
}

for (const joins of ['over the network', 'beside the database'] as const) {
  test(`who is cut off answers no consistent read once another one, ${joins}, has committed`, async () => {
    const { way, remote } = await network(postgres.url);
    const second = await network(postgres.url);
    const alone = await openStore({ databaseUrl: remote, waitMs: 1_000 });
    await write(alone, creation(`before-${joins}`));
    await way.cut();
    const other = await openStore({
      databaseUrl: joins === 'over the network' ? second.remote : postgres.url,
      waitMs: 30_000,
    });
    const revision = await write(other, creation(`after-${joins}`));
    const read = await alone.readBarrier().catch((error) => error);
    assert.ok(read instanceof Error, `at revision ${read}, after ${revision} was committed`);
    await other.close();
    await alone.close();
    for (const { way } of [second]) way.close();
    way.close();
  });
}

test('one that is alone over a network trusts its cache, as long as PostgreSQL is heard', async () => {
  const { way, remote } = await network(postgres.url);
  const store = await openStore({ databaseUrl: remote, waitMs: 1_000 });
  await write(store, creation('trusted'));
  const asksNobody = async () => (await Promise.race([store.readBarrier(), Promise.resolve('waits')])) !== 'waits';
  assert.ok(await asksNobody());
  await sleep(6_000);
  assert.ok(await asksNobody(), 'it goes on while the connection lives');
  await store.close();
  const begun = performance.now();
  const next = await openStore({ databaseUrl: remote, waitMs: 1_000 });
  assert.ok(performance.now() - begun < 4_000, 'who closed cleanly is not waited for');
  await next.close();
  way.close();
});
