import assert from 'node:assert/strict';
import type { LabelSelector } from '#apimachinery';
import { SharedInformers, silentLogger } from '#client';
import { type ClusterTrustBundle, gvr, pemBlocks } from '#kinds';
import { MemoryClient } from '../testing/memory-client.js';
import { aPod } from '../testing/pod-builders.js';
import { mayMount, TrustBundles } from './trust-bundles.js';

const anchor = (text: string) =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(text).toString('base64')}\n-----END CERTIFICATE-----\n`;
const bundle = (name: string, signerName: string | undefined, labels: Record<string, string>, ...texts: string[]) =>
  ({
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'ClusterTrustBundle',
    metadata: { name, labels },
    spec: { signerName, trustBundle: `of ${name}\n${texts.map(anchor).join('\nand\n')}` },
  }) as ClusterTrustBundle;
const long = 'a certificate of more than one line of base64, as they all are'.repeat(2);

describe('Trust bundles', () => {
  const one = 'example.com/one';
  let client: MemoryClient;
  let stop: AbortController;
  let changed: string[];
  let trust: TrustBundles;

  beforeEach(async () => {
    client = new MemoryClient();
    stop = new AbortController();
    changed = [];
    const informers = new SharedInformers(client, { logger: silentLogger });
    informers.start(stop.signal);
    trust = new TrustBundles(informers, stop.signal, ({ metadata }) => void changed.push(metadata.name!));
    for (const item of [
      bundle('example.com:one:a', one, { alive: 'true' }, 'A', 'B'),
      bundle('example.com:one:b', one, { alive: 'true' }, 'B', long),
      bundle('example.com:one:c', one, { alive: 'false' }, 'C'),
      bundle('example.com:two:d', 'example.com/two', { alive: 'true' }, 'D'),
      bundle('plain', undefined, {}, 'P'),
    ]) {
      await client.create(gvr.clustertrustbundles, '', item);
    }
  });
  afterEach(() => stop.abort());

  const texts = (pem: string) =>
    pemBlocks(pem)
      .map(({ bytes }) => bytes.toString())
      .sort();

  const bySigner: [what: string, selector: LabelSelector | undefined, expected: string[]][] = [
    ['no selector selects nothing', undefined, []],
    ['an empty one selects all of the signer', {}, ['A', 'B', 'C', long]],
    ['labels select some', { matchLabels: { alive: 'true' } }, ['A', 'B', long]],
    [
      'expressions do as well',
      { matchExpressions: [{ key: 'alive', operator: 'NotIn', values: ['true'] }] } as LabelSelector,
      ['C'],
    ],
    ['others select none', { matchLabels: { alive: 'perhaps' } }, []],
  ];
  for (const [what, selector, expected] of bySigner) {
    test(`of a signer: ${what}`, async () => {
      assert.deepEqual(texts(await trust.bySigner(one, selector, true)), expected.sort());
      if (expected.length > 0) return;
      await assert.rejects(trust.bySigner(one, selector, false), {
        message: 'combination of signerName and labelSelector matched zero ClusterTrustBundles',
      });
    });
  }

  test('by name: all of one bundle, with or without signer, or nothing if it is optional', async () => {
    assert.equal(await trust.byName('plain', false), anchor('P'));
    assert.deepEqual(texts(await trust.byName('example.com:one:a', false)), ['A', 'B']);
    assert.equal(await trust.byName('none', true), '');
    await assert.rejects(trust.byName('none', false), {
      message: 'while getting ClusterTrustBundle: clustertrustbundle.certificates.k8s.io "none" not found',
    });
  });

  test('are written in lines, in an order that stays', async () => {
    const first = await trust.bySigner(one, {}, false);
    assert.equal(await trust.bySigner(one, {}, false), first);
    assert.ok(first.split('\n').every((line) => line.length <= 64));
    const changedBundle = bundle('example.com:one:c', one, { alive: 'false' }, 'C', 'E');
    await client.update(gvr.clustertrustbundles, '', changedBundle);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(changed.slice(5), ['example.com:one:c']);
    const withoutNew = (await trust.bySigner(one, {}, false)).replace(anchor('E'), '');
    assert.equal(withoutNew, first);
  });

  test('are not watched before a pod asks, and are not known while nobody answers', async () => {
    assert.deepEqual(changed, []);
    client.away = true;
    await assert.rejects(trust.byName('plain', true), { message: 'ClusterTrustBundle informer has not yet synced' });
  });

  test('concern the pods that may mount them', () => {
    const [a, plain] = [bundle('example.com:one:a', one, {}), bundle('plain', undefined, {})];
    const mounting = (clusterTrustBundle: object) =>
      aPod({
        volumes: [
          { name: 'e', emptyDir: {} },
          { name: 'v', projected: { sources: [{ clusterTrustBundle: { path: 'p', ...clusterTrustBundle } }] } },
        ],
      });
    const table: [object, boolean, boolean][] = [
      [{ name: 'plain' }, false, true],
      [{ name: 'example.com:one:a' }, true, false],
      [{ signerName: one, labelSelector: {} }, true, false],
      [{ signerName: 'example.com/two' }, false, false],
    ];
    for (const [wanted, ofSigner, ofPlain] of table) {
      assert.deepEqual([mayMount(mounting(wanted), a), mayMount(mounting(wanted), plain)], [ofSigner, ofPlain]);
    }
    assert.equal(mayMount(aPod(), a), false);
  });
});
