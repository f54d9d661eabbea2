import assert from 'node:assert/strict';
import fc from 'fast-check';
import { convertEach } from '#kinds';
import { CacheEntry, renderBytes, renderLine } from './cached-object.js';
import { EventRing } from './event-ring.js';
import type { ListResult } from './store.js';
import { podBody, podFields, podKey } from './testing/stored-objects.js';
import { type CacheHost, ObjectCache } from './watch-cache.js';

class TestHost implements CacheHost {
  revision = 0;
  currentRevision = (): number => this.revision;
  compacted = 0;
  compactedRevision = (): number => this.compacted;
  readLog = (): Promise<undefined> => Promise.resolve(undefined);
  now = (): number => 0;
}

function emptyCache(host: TestHost, ringBytes = 1 << 20): ObjectCache {
  const fields = { resource: 'pods', fieldValue: (object: any, label: string) => podFields('pods', object, label) };
  return new ObjectCache(fields, host, { ringBytes, windowMs: 1_000, snapshots: 4 });
}

function put(
  cache: ObjectCache,
  host: TestHost,
  name: string,
  type: 'ADDED' | 'MODIFIED' | 'DELETED',
  label = '',
): void {
  const key = podKey(name, name < 'm' ? 'one' : 'two');
  const revision = ++host.revision;
  cache.apply({ type, ...key, uid: 'u', revision, body: podBody(key, { labels: { label }, nodeName: label }) });
}

const texts = (list: ListResult | undefined): string[] | undefined => list?.items.map((item) => item.bytes.toString());

test('the revision is spliced into metadata, and the watch line holds the same bytes', () => {
  const body = Buffer.from('{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"},"spec":{}}');
  const expected = '{"apiVersion":"v1","kind":"Pod","metadata":{"resourceVersion":"12","name":"a"},"spec":{}}';
  assert.equal(renderBytes(body, 12).toString(), expected);
  const { line, bytes } = renderLine('MODIFIED', body, 12);
  assert.equal(bytes.toString(), expected);
  assert.equal(line.toString(), `{"type":"MODIFIED","object":${expected}}\n`);
  assert.equal(bytes.buffer, line.buffer);
  const bare = Buffer.from('{"kind":"Pod","metadata":{}}');
  assert.equal(renderBytes(bare, 3).toString(), '{"kind":"Pod","metadata":{"resourceVersion":"3"}}');
});

test('parsed objects are frozen all the way down, and other served versions are made once', () => {
  const fields = { resource: 'pods', fieldValue: () => '' };
  const entry = new CacheEntry(fields, 'ns', 'a', 'u', 1, renderBytes(podBody(podKey('a')), 1));
  assert.throws(() => {
    entry.parse().metadata.name = 'b';
  }, TypeError);
  let conversions = 0;
  const conversion = convertEach(
    (object) => object,
    (object) => {
      conversions++;
      return { ...object, apiVersion: 'v2' };
    },
  );
  const version = { apiVersion: 'v2', conversion };
  assert.equal(JSON.parse(entry.bytesFor(version).toString()).apiVersion, 'v2');
  assert.equal(entry.bytesFor(version), entry.bytesFor(version));
  assert.equal(conversions, 1);
});

test('a list at any revision that the ring covers is the list that was made then; indexes agree with scans', () => {
  const step = fc.record({ name: fc.constantFrom('a', 'b', 'c', 'n', 'o', 'p'), label: fc.constantFrom('x', 'y') });
  fc.assert(
    fc.property(fc.array(fc.record({ step, remove: fc.boolean() }), { maxLength: 40 }), (steps) => {
      const host = new TestHost();
      const cache = emptyCache(host);
      const then: (string[] | undefined)[] = [texts(cache.list({}))];
      const equalLabel = { key: 'label', value: 'x' };
      for (const { step, remove } of steps) {
        const there = cache.get(step.name < 'm' ? 'one' : 'two', step.name);
        put(cache, host, step.name, there ? (remove ? 'DELETED' : 'MODIFIED') : 'ADDED', step.label);
        then.push(texts(cache.list({})));
        const matches = (object: any): boolean => object.labels?.label === 'x';
        assert.deepEqual(
          texts(cache.list({ filter: { matches, equalLabel } })),
          texts(cache.list({ filter: { matches } })),
        );
        const here = (object: any): boolean => object.field('spec.nodeName') === 'x';
        const equalField = { label: 'spec.nodeName', value: 'x' };
        assert.deepEqual(
          texts(cache.list({ filter: { matches: here, equalField } })),
          texts(cache.list({ filter: { matches: here } })),
        );
      }
      then.forEach((expected, at) => {
        assert.deepEqual(texts(cache.list({ at })), expected);
      });
      assert.equal(cache.list({ at: host.revision + 1 }), undefined);
    }),
    { numRuns: 60 },
  );
});

test('pages put together are the whole list, in every namespace, and count what remains', () => {
  const host = new TestHost();
  const cache = emptyCache(host);
  for (const name of ['d', 'a', 'z', 'c', 'b', 'n', 'o']) put(cache, host, name, 'ADDED');
  for (const namespace of [undefined, 'one', 'two']) {
    const whole = cache.list({ namespace })!;
    for (const limit of [1, 2, 3, 10]) {
      let page = cache.list({ namespace, limit })!;
      const items = [...page.items];
      while (page.next) {
        assert.equal(page.remaining, whole.items.length - items.length);
        page = cache.list({ namespace, limit, after: page.next, at: page.revision })!;
        items.push(...page.items);
      }
      assert.deepEqual(items, whole.items);
    }
  }
});

test('a kept page outlives the ring; a revision that neither has is refused', () => {
  const host = new TestHost();
  const cache = emptyCache(host, 1);
  for (const name of ['a', 'b', 'c']) put(cache, host, name, 'ADDED');
  const first = cache.list({ limit: 1 })!;
  for (const name of ['a', 'b', 'c']) put(cache, host, name, 'MODIFIED');
  const next = cache.list({ limit: 5, after: first.next, at: first.revision })!;
  assert.deepEqual(
    next.items.map((item) => item.revision),
    [2, 3],
  );
  assert.equal(cache.list({ at: first.revision + 1 }), undefined);
  host.compacted = host.revision;
  cache.prune(2_000);
  assert.equal(cache.list({ at: first.revision }), undefined);
});

test('the revision of a page is refused once it is compacted, however often the page was read', () => {
  const host = new TestHost();
  const cache = emptyCache(host);
  for (const name of ['a', 'b', 'c']) put(cache, host, name, 'ADDED');
  const first = cache.list({ limit: 1 })!;
  put(cache, host, 'd', 'ADDED');
  const next = () => cache.list({ at: first.revision, after: first.next, limit: 1 });
  host.compacted = first.revision;
  cache.prune(10);
  assert.equal(next()?.items[0]?.name, 'b');
  host.compacted = first.revision + 1;
  assert.equal(next(), undefined);
  cache.prune(20);
  assert.equal(next(), undefined);
});

test('the ring finds the position after any revision, and knows what it dropped', () => {
  const host = new TestHost();
  const cache = emptyCache(host);
  const ring = new EventRing(0, 2_000, 1_000);
  for (let i = 0; i < 3000; i++) {
    put(cache, host, 'a', i === 0 ? 'ADDED' : 'MODIFIED');
    ring.push(cache.ring.at(cache.ring.end - 1)!);
  }
  assert.ok(ring.start > 2990);
  assert.equal(ring.after(ring.start - 1), undefined);
  for (let revision = ring.start; revision < 3000; revision++) {
    assert.equal(ring.at(ring.after(revision)!)!.revision, revision + 1);
  }
  assert.equal(ring.after(3000), ring.end);
});
