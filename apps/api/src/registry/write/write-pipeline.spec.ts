import assert from 'node:assert/strict';
import { type KubeObject, StatusError } from '#apimachinery';
import { allResources, ResourceCatalog } from '#kinds';
import type { AdmissionRequest } from '../../admission/admission-request.js';
import type { AuthorizationAttributes } from '../../authorization/authorizer.js';
import { evictionResource } from '../../kinds/pods/pod-eviction.js';
import type { ApiRequest } from '../api-request.js';
import type { ApiResult } from '../api-result.js';
import { createRegistry } from '../registry.js';
import { ENDLESS, lifetimeOf } from '../request-lifetime.js';
import { MemoryStore } from '../testing/memory-store.js';
import type { WriteParticipant } from './write-participant.js';

interface Rig {
  admit?(request: AdmissionRequest): void | Promise<void>;
  validate?(request: AdmissionRequest): void;
  mayNot?(attributes: AuthorizationAttributes): boolean;
  participants?: WriteParticipant[];
}

/** A registry over a store in memory that has a namespace. */
function rig({ admit = () => {}, validate = () => {}, mayNot = () => false, participants }: Rig = {}) {
  const store = new MemoryStore();
  store.put('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'web' } });
  const { handler } = createRegistry({
    catalog: new ResourceCatalog(allResources()),
    store,
    authorizer: { authorize: (asked) => ({ decision: mayNot(asked) ? 'Deny' : 'Allow', reason: '' }) },
    admission: { admit, validate },
    virtualResources: [evictionResource()],
    participants,
  });
  const notes = { warnings: [] as string[] };
  const ask = async (
    verb: string,
    path: string,
    body?: object,
    more: Partial<ApiRequest> = {},
  ): Promise<KubeObject> => {
    // `apps/deployments/web/status`, `configmaps/a`
    const parts = path.split('/');
    const group = parts[0] === 'apps' || parts[0] === 'policy' ? parts.shift()! : '';
    const [resource = '', name = '', subresource = ''] = parts;
    const request: ApiRequest = {
      verb,
      group,
      version: 'v1',
      resource,
      subresource,
      namespace: 'web',
      name,
      path: '',
      query: new URLSearchParams(),
      body,
      contentType: verb === 'patch' ? 'application/merge-patch+json' : '',
      userAgent: 'tester/1.0',
      user: { name: 'u', groups: [] },
      lifetime: ENDLESS,
      ...more,
    };
    return objectOf(await handler.handle(await handler.authorize(request), notes));
  };
  return { store, ask, notes };
}

function objectOf(result: ApiResult): KubeObject {
  if (result.kind === 'cached') return result.object.parse() as KubeObject;
  if (result.kind === 'object') return result.object as KubeObject;
  throw new Error(result.kind);
}

const configMap = (metadata: object = {}, data: object = { a: '1' }) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'a', ...metadata },
  data,
});
const deployment = (replicas: number) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    replicas,
    selector: { matchLabels: { app: 'a' } },
    template: { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
  },
});
const APPLY = { contentType: 'application/apply-patch+yaml', query: new URLSearchParams('fieldManager=me') };
const code = (wanted: number) => (error: StatusError) => {
  assert.equal(error.code, wanted, error.message);
  return true;
};
const owned = ({ metadata }: KubeObject) => metadata.managedFields!.map((entry) => JSON.stringify(entry.fieldsV1));

describe("managed fields are recorded before admission, so that what a plugin sets is nobody's", () => {
  const set = (request: AdmissionRequest) => {
    request.object!.metadata.labels = { ...request.object!.metadata.labels, plugin: 'yes' };
  };
  const writes: [string, (ask: ReturnType<typeof rig>['ask']) => Promise<KubeObject>][] = [
    ['create', (ask) => ask('create', 'configmaps', configMap())],
    ['update', (ask) => ask('update', 'configmaps/old', configMap({ name: 'old' }, { a: '2' }))],
    ['patch', (ask) => ask('patch', 'configmaps/old', { data: { a: '2' } })],
    ['apply', (ask) => ask('patch', 'configmaps/old', configMap({ name: 'old' }, { b: '2' }), APPLY)],
    ['apply that creates', (ask) => ask('patch', 'configmaps/a', configMap(), APPLY)],
  ];
  for (const [name, write] of writes) {
    test(name, async () => {
      const { ask, store } = rig({ admit: set });
      const managed = { manager: 'm', operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: {} };
      store.put('configmaps', configMap({ name: 'old', namespace: 'web', managedFields: [managed] }) as never);
      const made = await write(ask);
      assert.equal(made.metadata.labels!['plugin'], 'yes');
      assert.doesNotMatch(owned(made).join(), /plugin/);
    });
  }

  test('an entry that a plugin spoils is put back, with a warning', async () => {
    const { ask, notes } = rig({
      admit: ({ object }) => {
        object!.metadata.managedFields = [{ ...object!.metadata.managedFields![0]!, operation: 'Wrong' as never }];
      },
    });
    const made = await ask('create', 'configmaps', configMap());
    assert.equal(made.metadata.managedFields![0]!.operation, 'Update');
    assert.deepEqual(notes.warnings, [
      '.metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating admission controller; please fix your requests: operation must be `Apply` or `Update`',
    ]);
  });
});

test('others have a turn between the expressions of a claim, of which a bad one is refused', async () => {
  const { ask } = rig();
  const claim = (...expressions: string[]) => ({
    apiVersion: 'resource.k8s.io/v1',
    kind: 'ResourceClaim',
    metadata: { name: 'a' },
    spec: {
      devices: {
        requests: [
          {
            name: 'a',
            exactly: { deviceClassName: 'a', selectors: expressions.map((expression) => ({ cel: { expression } })) },
          },
        ],
      },
    },
  });
  const good = Array.from({ length: 20 }, (_, i) => `device.driver == "${i}"`);
  let turns = 0;
  let running = true;
  const turn = () => {
    turns += 1;
    if (running) setImmediate(turn);
  };
  setImmediate(turn);
  const create = (object: object) => ask('create', 'resourceclaims', object, { group: 'resource.k8s.io' });
  await create(claim(...good));
  running = false;
  assert.ok(turns >= good.length, `${turns} turns`);
  await assert.rejects(create(claim(...good, 'device.none')), code(422));
});

test('admission of a scale sees the Scale, and what it makes of that is the object’s', async () => {
  const seen: string[] = [];
  const { ask } = rig({
    admit: ({ kind, subresource, object, oldObject }) => {
      if (subresource === '') return;
      seen.push(`${kind.group}/${kind.version} ${kind.kind} ${oldObject!.spec.replicas} -> ${object!.spec.replicas}`);
      object!.spec.replicas = 4;
    },
    validate: ({ subresource, object, oldObject }) => {
      if (subresource === '') return;
      seen.push(`${object!.kind} ${oldObject!.spec.replicas} -> ${object!.spec.replicas}`);
    },
  });
  await ask('create', 'apps/deployments', deployment(1));
  const scaled = await ask('patch', 'apps/deployments/web/scale', { spec: { replicas: 3 } });
  assert.deepEqual([scaled.kind, scaled.spec], ['Scale', { replicas: 4 }]);
  assert.deepEqual(seen, ['autoscaling/v1 Scale 1 -> 3', 'Scale 1 -> 4']);
});

test('a plugin that waits hears that nobody waits for the answer any more, and nothing is stored', async () => {
  const deadline = new AbortController();
  const { ask, store } = rig({
    admit: ({ signal }) =>
      new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true })),
  });
  const asked = ask('create', 'configmaps', configMap(), { lifetime: lifetimeOf(deadline.signal) });
  deadline.abort();
  await assert.rejects(asked, code(504));
  assert.equal(store.cache('configmaps').get('web', 'a'), undefined);
});

describe("fields that an endpoint resets are nobody's", () => {
  const conditions = [{ type: 'Available', status: 'True' }];

  test('of an update of the object: its status', async () => {
    const { ask } = rig();
    const made = await ask('create', 'apps/deployments', deployment(1));
    const body = { ...structuredClone(made), spec: deployment(2).spec, status: { replicas: 7, conditions } };
    const written = await ask('update', 'apps/deployments/web', body);
    assert.equal(written.spec.replicas, 2);
    assert.doesNotMatch(owned(written).join(), /f:status/);
  });

  test('of an apply to status: the spec, which stays', async () => {
    const { ask } = rig();
    await ask('create', 'apps/deployments', deployment(1));
    const body = { ...deployment(5), status: { replicas: 1, conditions } };
    const written = await ask('patch', 'apps/deployments/web/status', body, APPLY);
    assert.equal(written.spec.replicas, 1);
    assert.equal(written.status.replicas, 1);
    const mine = written.metadata.managedFields!.find(({ operation }) => operation === 'Apply')!;
    assert.deepEqual(Object.keys(mine.fieldsV1!).sort(), ['f:status']);
  });
});

describe('a write that others are faster than', () => {
  const bump = (store: MemoryStore) => {
    let data = 100;
    return () => {
      data += 1;
      store.put('configmaps', configMap({ namespace: 'web' }, { a: String(data) }) as never);
    };
  };
  const retried: [string, string, object | undefined][] = [
    ['patch', 'configmaps/a', { data: { b: '1' } }],
    ['update', 'configmaps/a', configMap()],
    ['delete', 'configmaps/a', undefined],
  ];
  for (const [verb, path, body] of retried) {
    test(`is made again, behind a barrier: ${verb}`, async () => {
      const { ask, store } = rig();
      bump(store)();
      let left = 3;
      store.onCommit = () => {
        if (left-- > 0) bump(store)();
      };
      await ask(verb, path, body);
      assert.ok(store.barriers >= 3);
    });

    test(`is a conflict after twenty times: ${verb}`, async () => {
      const { ask, store } = rig();
      bump(store)();
      let commits = 0;
      store.onCommit = () => {
        commits += 1;
        bump(store)();
      };
      const before = store.currentRevision();
      await assert.rejects(ask(verb, path, body), code(409));
      // A refused patch is judged once more as a whole, since this replica was behind.
      assert.equal(commits, verb === 'patch' ? 40 : 20);
      assert.ok(store.currentRevision() > before);
    });
  }

  test('is a conflict at once when it names its revision', async () => {
    const { ask, store } = rig();
    const made = await ask('create', 'configmaps', configMap());
    store.onCommit = bump(store);
    await assert.rejects(ask('update', 'configmaps/a', { ...made, data: { c: '1' } }), code(409));
    assert.equal(store.committed.length, 1);
  });

  test('sees the state that its replica had not seen before it refuses for a precondition', async () => {
    const { ask, store } = rig();
    bump(store)();
    const next = store.currentRevision() + 1;
    store.onBarrier = () => {
      store.onBarrier = () => {};
      bump(store)();
    };
    await ask('update', 'configmaps/a', configMap({ resourceVersion: String(next) }, { z: '1' }));
  });
});

describe('a request that nobody waits for any more', () => {
  const ending = () => {
    const lifetime = { ended: false, signal: new AbortController().signal };
    return lifetime;
  };

  test('is not committed when its time is up in admission', async () => {
    const lifetime = ending();
    const { ask, store } = rig({
      admit: async () => {
        lifetime.ended = true;
      },
    });
    await assert.rejects(ask('create', 'configmaps', configMap(), { lifetime }), code(504));
    assert.equal(store.committed.length, 0);
  });

  test('is answered when its time is up in the commit', async () => {
    const lifetime = ending();
    const { ask, store } = rig();
    store.onCommit = () => {
      lifetime.ended = true;
    };
    assert.equal((await ask('create', 'configmaps', configMap(), { lifetime })).metadata.name, 'a');
  });
});

describe('admission', () => {
  test('is told kinds, resources and options, and may replace the object', async () => {
    const seen: AdmissionRequest[] = [];
    const { ask } = rig({
      admit: (request) => {
        seen.push(request);
        if (request.object) request.object = { ...request.object, data: { replaced: 'yes' } };
        request.annotate('plugin/key', 'value');
      },
    });
    const made = await ask('create', 'configmaps', configMap(), { query: new URLSearchParams('fieldManager=me') });
    assert.deepEqual(made.data, { replaced: 'yes' });
    await ask('delete', 'configmaps/a', { gracePeriodSeconds: 3 });
    const [create, remove] = seen as [AdmissionRequest, AdmissionRequest];
    assert.deepEqual(create.kind, { group: '', version: 'v1', kind: 'ConfigMap' });
    assert.deepEqual(create.requestResource, { group: '', version: 'v1', resource: 'configmaps' });
    const { kind, apiVersion, fieldManager } = create.options;
    assert.deepEqual([kind, apiVersion, fieldManager], ['CreateOptions', 'meta.k8s.io/v1', 'me']);
    assert.equal(create.annotations!.get('plugin/key'), 'value');
    assert.equal(remove.options['kind'], 'DeleteOptions');
    assert.equal(remove.object, undefined);
    assert.equal(remove.oldObject!.metadata.name, 'a');
  });
});

describe('an update that creates', () => {
  test('takes the permission to create', async () => {
    const asked: string[] = [];
    const { ask, store } = rig({
      mayNot: ({ verb }) => {
        asked.push(verb);
        return verb === 'create';
      },
    });
    await assert.rejects(ask('patch', 'configmaps/a', configMap(), APPLY), code(403));
    assert.deepEqual(asked.slice(0, 2), ['patch', 'create']);
    assert.equal(store.committed.length, 0);
  });
});

describe('participants', () => {
  const ticket = (name: string) => ({ resource: 'berth.internal/tickets', namespace: '', name });
  let next = 0;
  const tickets = (taken: string[]): WriteParticipant => ({
    resources: new Set(['configmaps']),
    partIn: ({ object, old }) => {
      if (object === undefined) return { writes: [] };
      if (old !== undefined) return undefined;
      next += 1;
      object.data = { ...object.data, ticket: String(next) };
      taken.push(String(next));
      return { writes: [{ op: 'create', key: ticket(String(next)), uid: 't', body: Buffer.from('{"metadata":{}}') }] };
    },
    retries: ({ resource }) => resource === 'berth.internal/tickets',
  });

  test('write in the set of the object, each its part, and again with another number', async () => {
    const taken: string[] = [];
    const all: string[] = [];
    const everywhere: WriteParticipant = {
      partIn: ({ resource }) => {
        all.push(resource);
        return undefined;
      },
      retries: () => false,
    };
    const { ask, store } = rig({ participants: [tickets(taken), everywhere] });
    let first = true;
    store.onCommit = (set) => {
      const key = set.writes[1]?.key;
      if (first && key) store.put(key.resource, { metadata: { name: key.name } } as never);
      first = false;
    };
    const made = await ask('create', 'configmaps', configMap());
    assert.equal(taken.length, 2);
    assert.equal(made.data!['ticket'], taken[1]);
    assert.equal(store.committed[0]!.writes.length, 2);
    await ask('create', 'secrets', { metadata: { name: 's' } });
    assert.ok(all.includes('secrets'));
  });

  test('give up when every number is taken', async () => {
    const taken: string[] = [];
    const { ask, store } = rig({ participants: [tickets(taken)] });
    store.onCommit = (set) => {
      const key = set.writes[1]?.key;
      if (key) store.put(key.resource, { metadata: { name: key.name } } as never);
    };
    await assert.rejects(ask('create', 'configmaps', configMap()), code(409));
    assert.equal(taken.length, 32);
  });
});

describe('counters', () => {
  const counting = (error?: WriteParticipant['exceeded']): WriteParticipant => ({
    resources: new Set(['configmaps']),
    partIn: ({ object, old }) => {
      const delta = object === undefined ? -1 : old === undefined ? 1 : 0;
      return { counters: [{ counter: { namespace: 'web', name: 'count/configmaps' }, delta, limit: 1 }] };
    },
    retries: () => false,
    exceeded: error,
  });

  test('go with the write, are given back with the object, and their limit is a 403', async () => {
    const { ask, store } = rig({ participants: [counting()] });
    await ask('create', 'configmaps', configMap());
    await assert.rejects(ask('create', 'configmaps', configMap({ name: 'b' })), (error: StatusError) => {
      assert.equal(error.code, 403);
      const why = 'requested: count/configmaps=1, used: count/configmaps=1, limited: count/configmaps=1';
      assert.equal(error.message, `configmaps "b" is forbidden: exceeded limits, ${why}`);
      return true;
    });
    await ask('delete', 'configmaps/a');
    assert.equal(store.counters.get('web/count/configmaps'), 0);
    await ask('create', 'configmaps', configMap({ name: 'b' }));
  });

  test('their participant says what the limit is', async () => {
    const own = counting(([counter]) => new StatusError({ code: 403, message: `used ${counter!.used}` } as never));
    const { ask } = rig({ participants: [own] });
    await ask('create', 'configmaps', configMap());
    await assert.rejects(ask('create', 'configmaps', configMap({ name: 'b' })), /used 1/);
  });
});

describe('an eviction', () => {
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'web', labels: { app: 'a' } },
    spec: { nodeName: 'n', containers: [] },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  };
  const budget = (disruptionsAllowed: number) => ({
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'b', namespace: 'web', generation: 1 },
    spec: { selector: { matchLabels: { app: 'a' } } },
    status: { observedGeneration: 1, disruptionsAllowed, currentHealthy: 2, desiredHealthy: 1, expectedPods: 2 },
  });
  const eviction = { metadata: { name: 'p' } };

  test('takes from the budget in the write set that the pod goes with', async () => {
    const { ask, store } = rig();
    store.put('pods', pod as never);
    store.put('policy/poddisruptionbudgets', budget(1) as never);
    await ask('create', 'pods/p/eviction', eviction);
    const [set] = store.committed;
    assert.deepEqual(
      set!.writes.map(({ key }) => key.resource),
      ['pods', 'policy/poddisruptionbudgets'],
    );
    assert.equal(
      (store.cache('policy/poddisruptionbudgets').get('web', 'b')!.parse() as any).status.disruptionsAllowed,
      0,
    );
  });

  test('is judged anew when the pod changes meanwhile, and takes once', async () => {
    const { ask, store } = rig();
    store.put('pods', pod as never);
    store.put('policy/poddisruptionbudgets', budget(1) as never);
    store.onCommit = () => {
      store.onCommit = () => {};
      store.put('pods', { ...pod, metadata: { ...pod.metadata, annotations: { x: '1' } } } as never);
    };
    await ask('create', 'pods/p/eviction', eviction);
    assert.equal(store.committed.length, 1);
  });

  test('gives up on a budget that others write all the time', async () => {
    const { ask, store } = rig();
    store.put('pods', pod as never);
    store.put('policy/poddisruptionbudgets', budget(1) as never);
    store.onCommit = () => store.put('policy/poddisruptionbudgets', budget(1) as never);
    await assert.rejects(ask('create', 'pods/p/eviction', eviction), (error: StatusError) => {
      assert.equal(error.code, 504);
      assert.equal(error.message, 'Timeout: couldn\'t update PodDisruptionBudget "b" due to conflicts');
      return true;
    });
    assert.equal(store.committed.length, 0);
  });
});

describe('what a plugin makes of a new object', () => {
  test('leaves what the server gives it to the server', async () => {
    const admit = ({ object }: AdmissionRequest) => {
      const owned = { uid: 'mine', creationTimestamp: '2001-01-01T00:00:00Z', deletionGracePeriodSeconds: 5 };
      Object.assign(object!.metadata, owned, { deletionTimestamp: '2001-01-01T00:00:00Z' });
    };
    const { ask } = rig({ admit });
    const { metadata } = await ask('create', 'configmaps', configMap());
    assert.notEqual(metadata.uid, 'mine');
    assert.ok(metadata.creationTimestamp! > '2020');
    assert.deepEqual([metadata.deletionTimestamp, metadata.deletionGracePeriodSeconds], [undefined, undefined]);
  });

  test('is validated under the name that it gets, also where the first one was taken', async () => {
    const names: [string, string | undefined][] = [];
    const { ask, store } = rig({ validate: ({ name, object }) => void names.push([name, object?.metadata.name]) });
    let attempts = 0;
    store.onCommit = ({ writes }) => {
      attempts += 1;
      const { key } = writes[0]!;
      if (attempts === 1) store.put('configmaps', configMap({ name: key.name, namespace: 'web' }) as never);
    };
    const made = await ask('create', 'configmaps', configMap({ name: undefined, generateName: 'made-' }));
    assert.equal(names.length, 2);
    assert.notEqual(names[0]![0], names[1]![0]);
    for (const [asked, own] of names) assert.equal(asked, own);
    assert.equal(names[1]![0], made.metadata.name);
  });
});
