import assert from 'node:assert/strict';
import type { KubeObject } from '#apimachinery';
import { silentLogger } from '#client';
import { FakeClock } from '#testing';
import { UsageScraper } from './usage-scraper.js';

describe('scraping nodes for their usage', () => {
  let clock: FakeClock;
  let stop: AbortController;
  let read: string[];
  let nodes: KubeObject[];
  let scraper: UsageScraper;

  const node = (name: string): KubeObject => ({ apiVersion: 'v1', kind: 'Node', metadata: { name } });

  beforeEach(() => {
    clock = new FakeClock();
    stop = new AbortController();
    read = [];
    nodes = [node('a'), node('b')];
    scraper = new UsageScraper({
      lister: { list: () => nodes },
      read: async ({ metadata }) => {
        read.push(metadata.name!);
        if (metadata.name === 'b') throw new Error('away');
        const now = clock.now();
        // Half a core.
        return `node_cpu_usage_seconds_total ${now / 2000} ${now}\nnode_memory_working_set_bytes 1 ${now}\n`;
      },
      clock,
      logger: silentLogger,
      signal: stop.signal,
    });
  });
  afterEach(() => stop.abort());

  test('begins with the first that asks, who waits for two scrapes, whatever a node that is away does', async () => {
    await clock.advance(60_000);
    assert.deepEqual(read, []);
    let answered = false;
    const asked = scraper.current().then(() => {
      answered = true;
    });
    await clock.advance(1_400);
    assert.deepEqual([read.length, answered], [2, false]);
    await clock.advance(200);
    await asked;
    assert.equal(read.length, 4);
    assert.equal(scraper.points.node('a')?.nanoCores, 500_000_000);
    assert.equal(scraper.points.node('b'), undefined);
    await scraper.current();
    assert.equal(read.length, 4);
  });

  test('goes on every 15 s while somebody asks, and ends when nobody does', async () => {
    const asked = scraper.current();
    await clock.advance(1_500);
    await asked;
    nodes = [node('a')];
    for (let i = 0; i < 20; i += 1) {
      await scraper.current();
      await clock.advance(15_000);
    }
    assert.equal(read.length, 24);
    await clock.advance(150_000);
    const end = read.length;
    await clock.advance(600_000);
    assert.equal(read.length, end);
    assert.equal(scraper.points.node('a'), undefined);
    const again = scraper.current();
    await clock.advance(1_500);
    await again;
    assert.equal(scraper.points.node('a')?.window, 1_500);
  });
});
