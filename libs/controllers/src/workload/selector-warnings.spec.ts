import assert from 'node:assert/strict';
import { type EventRecorder, Informer, realClock, silentLogger } from '#client';
import { type Deployment, gvr } from '#kinds';
import { MemoryClient } from '#testing';
import { SelectorWarnings } from './selector-warnings.js';

const deployment = (
  name: string,
  matchLabels: Record<string, string>,
  more: Record<string, string> = {},
): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { namespace: 'default', name, uid: `uid-${name}`, generation: 1 },
  spec: { selector: { matchLabels }, template: { metadata: { labels: { ...matchLabels, ...more } } } },
});

describe('warnings of selectors', () => {
  const events: string[] = [];
  let stop: AbortController;
  beforeEach(() => {
    events.length = 0;
    stop = new AbortController();
  });
  afterEach(() => stop.abort());

  async function warningsOf(...objects: Deployment[]) {
    const client = new MemoryClient();
    for (const object of objects) client.put(gvr.deployments, object);
    const context = { client, clock: realClock, random: () => 0, logger: silentLogger };
    const informer = new Informer<Deployment>(gvr.deployments, context);
    void informer.run(stop.signal);
    await informer.whenSynced();
    const recorder: EventRecorder = {
      event: (_object, type, reason, message) => events.push(`${type} ${reason}: ${message}`),
    };
    return new SelectorWarnings(recorder, informer, ({ spec }) => spec.selector, 'deployment');
  }

  it('leaves one alone that selects all pods, and says so once', async () => {
    const all = deployment('all', {});
    const warnings = await warningsOf(all);
    assert.deepEqual([warnings.check(all), warnings.check(all)], [true, true]);
    assert.deepEqual(events, [
      'Warning SelectingAll: This deployment is selecting all pods. A non-empty selector is required.',
    ]);
  });

  it('names the others whose selectors choose its pods, once for each change of the spec', async () => {
    const wide = deployment('wide', { app: 'web' });
    const narrow = deployment('narrow', { app: 'web', tier: 'front' });
    const warnings = await warningsOf(wide, narrow, deployment('other', { app: 'db' }));
    assert.deepEqual([warnings.check(wide), warnings.check(narrow), warnings.check(narrow)], [false, false, false]);
    const expected = 'Warning SelectorOverlap: The selectors of these deployments choose pods of this one, too: wide';
    assert.deepEqual(events, [expected]);
    warnings.check({ ...narrow, metadata: { ...narrow.metadata, generation: 2 } });
    assert.deepEqual(events, [expected, expected]);
  });

  it('says nothing of namespaces that have nothing to do with each other', async () => {
    const here = deployment('here', { app: 'web' });
    const there = deployment('there', { app: 'web' });
    const warnings = await warningsOf(here, { ...there, metadata: { ...there.metadata, namespace: 'else' } });
    warnings.check(here);
    assert.deepEqual(events, []);
  });
});
