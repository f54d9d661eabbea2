import assert from 'node:assert/strict';
import fc from 'fast-check';
import { compareObjects } from './field-compare.js';
import { compareSteps } from './field-compare-steps.js';
import * as sets from './field-set.js';
import { deepFreeze } from './json.js';
import { managerFromUserAgent, ownershipSteps, updateManagedFields } from './managed-fields.js';
import type { KubeObject, ManagedFieldsEntry } from './meta.js';
import { workload } from './schema.fixture.js';
import { atOnce, Pace } from './steps.js';

const element = fc.constantFrom('f:a', 'f:b', 'k:{"name":"x"}', 'v:1');
const path = fc.array(element, { minLength: 1, maxLength: 3 });
const fieldSet = fc.array(path, { maxLength: 6 }).map((paths) => setOfPaths(paths));

function setOfPaths(paths: Iterable<readonly string[]>): sets.FieldSet | undefined {
  let set: sets.FieldSet | undefined;
  for (const path of paths) {
    const one = path.reduceRight<sets.FieldSet>((inner, element) => ({ [element]: inner }), {});
    if (path.length > 0) set = sets.unionSets(set, one);
  }
  return set;
}

function hasMember(set: sets.FieldSet | undefined, path: readonly string[]): boolean {
  return sets.pathsOf(set).some((member) => member.join('/') === path.join('/'));
}

function members(set: sets.FieldSet | undefined): Set<string> {
  return new Set(sets.pathsOf(set).map((item) => item.join('/')));
}

test('set operations do what sets do', () => {
  fc.assert(
    fc.property(fieldSet, fieldSet, (a, b) => {
      deepFreeze(a);
      deepFreeze(b);
      const left = members(a);
      const right = members(b);
      assert.deepEqual([...members(sets.unionSets(a, b))].sort(), [...new Set([...left, ...right])].sort());
      assert.deepEqual([...members(sets.subtractSets(a, b))].sort(), [...left].filter((x) => !right.has(x)).sort());
      assert.deepEqual([...members(sets.intersectSets(a, b))].sort(), [...left].filter((x) => right.has(x)).sort());
      const below = (x: string) => [...right].some((y) => x === y || x.startsWith(`${y}/`));
      assert.deepEqual([...members(sets.subtractRecursively(a, b))].sort(), [...left].filter((x) => !below(x)).sort());
      assert.equal(sets.equalSets(a, b), left.size === right.size && [...left].every((x) => right.has(x)));
    }),
  );
});

test('sets that do not change are the same objects', () => {
  const a = setOfPaths([['f:a', 'f:b'], ['f:a']])!;
  assert.equal(sets.unionSets(a, setOfPaths([['f:a']])), a);
  assert.equal(sets.subtractSets(a, setOfPaths([['f:z']])), a);
});

const start = new Date('2026-01-01T00:00:00Z');
const later = new Date('2026-01-01T00:01:00Z');

function deployment(): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'd', uid: 'u', labels: { app: 'web' }, generation: 1 },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: 'web' } },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } },
      containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80, protocol: 'TCP' }], resources: {} }],
    },
  };
}

function write(
  old: KubeObject | undefined,
  current: KubeObject,
  manager: string,
  options: { subresource?: string; now?: Date } = {},
): ManagedFieldsEntry[] | undefined {
  deepFreeze(old);
  return updateManagedFields({
    old,
    current,
    manager,
    apiVersion: 'apps/v1',
    subresource: options.subresource ?? '',
    now: options.now ?? start,
    schema: workload,
  });
}

function created(): KubeObject {
  const object = deployment();
  object.metadata.managedFields = write(undefined, object, 'kubectl')!;
  return object;
}

function edit(object: KubeObject, change: (copy: KubeObject) => void): KubeObject {
  const copy = structuredClone(object);
  change(copy);
  return copy;
}

test('the creator owns everything but identity', () => {
  assert.deepEqual(created().metadata.managedFields, [
    {
      manager: 'kubectl',
      operation: 'Update',
      apiVersion: 'apps/v1',
      time: '2026-01-01T00:00:00Z',
      fieldsType: 'FieldsV1',
      fieldsV1: {
        'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
        'f:spec': {
          'f:containers': {
            'k:{"name":"c"}': {
              '.': {},
              'f:image': {},
              'f:name': {},
              'f:ports': {
                '.': {},
                'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {}, 'f:protocol': {} },
              },
              'f:resources': {},
            },
          },
          'f:replicas': {},
          'f:selector': {},
          'f:strategy': { 'f:rollingUpdate': { '.': {}, 'f:maxSurge': {} }, 'f:type': {} },
        },
      },
    },
  ]);
});

test('a write that changes nothing keeps the very list', () => {
  const old = created();
  const same = edit(old, (copy) => {
    copy.metadata.resourceVersion = '5';
    delete copy.metadata.managedFields;
  });
  assert.equal(write(old, same, 'other', { now: later }), old.metadata.managedFields);
});

test('what a manager changes is its own, and nobody else keeps it', () => {
  const old = created();
  const entries = write(
    old,
    edit(old, (copy) => {
      copy['spec'].replicas = 3;
      copy['spec'].containers[0].env = [{ name: 'A', value: '1' }];
      delete copy.metadata.labels;
    }),
    'hpa',
    { now: later },
  )!;
  assert.deepEqual(
    entries.map(({ manager, time }) => [manager, time]),
    [
      ['kubectl', '2026-01-01T00:00:00Z'],
      ['hpa', '2026-01-01T00:01:00Z'],
    ],
  );
  assert.deepEqual(entries[1]?.fieldsV1, {
    'f:spec': {
      'f:containers': {
        'k:{"name":"c"}': { 'f:env': { '.': {}, 'k:{"name":"A"}': { '.': {}, 'f:name': {}, 'f:value': {} } } },
      },
      'f:replicas': {},
    },
  });
  const first = entries[0]?.fieldsV1 as sets.FieldSet;
  assert.ok(!hasMember(first, ['f:spec', 'f:replicas']));
  assert.ok(!hasMember(first, ['f:metadata', 'f:labels']));
  assert.ok(hasMember(first, ['f:spec', 'f:selector']));
});

test('the same manager grows its entry; a subresource has its own', () => {
  const old = created();
  const changed = edit(old, (copy) => {
    copy['spec'].replicas = 2;
  });
  changed.metadata.managedFields = write(old, changed, 'kubectl', { now: later })!;
  assert.equal(changed.metadata.managedFields.length, 1);
  assert.equal(changed.metadata.managedFields[0]?.time, '2026-01-01T00:01:00Z');
  assert.ok(
    sets.equalSets(
      changed.metadata.managedFields[0]?.fieldsV1 as any,
      old.metadata.managedFields?.[0]?.fieldsV1 as any,
    ),
  );
  const status = edit(changed, (copy) => {
    copy['status'] = { replicas: 2 };
  });
  const entries = write(changed, status, 'kubectl', { subresource: 'status', now: later })!;
  assert.deepEqual(
    entries.map((entry) => [entry.subresource, entry.fieldsV1['f:status']]),
    [
      [undefined, undefined],
      ['status', { 'f:replicas': {} }],
    ],
  );
});

test('an empty list ends tracking, a bad one is ignored', () => {
  const old = created();
  const with_ = (managedFields: any, change: (copy: KubeObject) => void = () => {}) =>
    edit(old, (copy) => {
      copy.metadata.managedFields = managedFields;
      change(copy);
    });
  assert.equal(write(old, with_([]), 'x'), undefined);
  assert.equal(write(old, with_([{ manager: 'a', operation: 'Nope' }]), 'x'), old.metadata.managedFields);
  assert.equal(write(old, with_([]), 'x', { subresource: 'status' }), old.metadata.managedFields);
  const own = [{ ...old.metadata.managedFields![0]!, manager: 'renamed' }];
  assert.deepEqual(write(old, with_(own), 'x'), own);
});

test('the eleventh update manager folds the oldest two', () => {
  let object = created();
  for (let i = 0; i < 12; i++) {
    const next = edit(object, (copy) => {
      copy.metadata.annotations = { ...copy.metadata.annotations, [`a${i}`]: '1' };
    });
    next.metadata.managedFields = write(object, next, `m${i}`, { now: new Date(start.getTime() + i * 1000) })!;
    object = next;
  }
  const managers = object.metadata.managedFields!.map((entry) => entry.manager);
  assert.equal(managers.length, 10);
  assert.ok(managers.includes('ancient-changes'));
  assert.ok(managers.includes('m11') && !managers.includes('kubectl'));
});

const spec = fc.record(
  {
    replicas: fc.integer({ min: 0, max: 2 }),
    containers: fc.uniqueArray(
      fc.record(
        {
          name: fc.constantFrom('a', 'b', 'c'),
          image: fc.constantFrom('i', 'j'),
          command: fc.array(fc.constantFrom('x', 'y'), { maxLength: 2 }),
          resources: fc.constantFrom({}, { limits: { cpu: '1' } }),
        },
        { requiredKeys: ['name'] },
      ),
      { selector: (item) => item.name, maxLength: 3 },
    ),
  },
  { requiredKeys: [] },
);
const anyObject = fc.record({
  metadata: fc.record({ labels: fc.dictionary(fc.constantFrom('x', 'y'), fc.constantFrom('1', '2')) }),
  spec,
});

test('comparing is antisymmetric, and nothing is in two sets', () => {
  fc.assert(
    fc.property(anyObject, anyObject, (a, b) => {
      const there = compareObjects(workload, deepFreeze(a), deepFreeze(b));
      assert.deepEqual(atOnce(compareSteps(workload, a, b, new Pace(2))), there);
      const back = compareObjects(workload, b, a);
      assert.ok(sets.equalSets(there?.added, back?.removed));
      assert.ok(sets.equalSets(there?.modified, back?.modified));
      assert.equal(sets.intersectSets(there?.added, there?.removed), undefined);
      assert.equal(sets.intersectSets(there?.added, there?.modified), undefined);
      assert.equal(compareObjects(workload, a, structuredClone(a)), undefined);
    }),
  );
});

test('no field ever has two owners after updates, and every present leaf has one', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom('m1', 'm2', 'm3'), anyObject), { minLength: 1, maxLength: 4 }),
      (writes) => {
        let old: KubeObject | undefined;
        for (const [manager, content] of writes) {
          const current = structuredClone({ apiVersion: 'v1', kind: 'W', ...content }) as unknown as KubeObject;
          current.metadata.managedFields = undefined;
          const before = old;
          const entries = write(before, current, manager);
          if (before !== undefined && before.metadata.managedFields === undefined) return;
          current.metadata.managedFields = entries;
          old = current;
          const owners = (entries ?? []).map((entry) => entry.fieldsV1 as sets.FieldSet);
          for (let i = 0; i < owners.length; i++) {
            for (let j = 0; j < i; j++) assert.equal(sets.intersectSets(owners[i], owners[j]), undefined);
          }
          const all = owners.reduce<sets.FieldSet | undefined>((sum, set) => sets.unionSets(sum, set), undefined);
          if (content.spec.replicas !== undefined) assert.ok(hasMember(all, ['f:spec', 'f:replicas']));
        }
      },
    ),
  );
});

test('a manager without a name comes from the user agent', () => {
  assert.equal(managerFromUserAgent('kubectl/v1.37.0 (linux)'), 'kubectl');
  assert.equal(managerFromUserAgent('x'.repeat(200)).length, 128);
});

test('zero values of fields that are always written belong to nobody', () => {
  const object = deployment();
  object['spec'].selector = null;
  object['spec'].containers = [];
  object['status'] = {};
  const [entry] = write(undefined, object, 'x')!;
  const owned = entry?.fieldsV1 as any;
  assert.deepEqual(Object.keys(owned), ['f:metadata', 'f:spec']);
  assert.deepEqual(Object.keys(owned['f:spec']), ['f:replicas', 'f:strategy']);
});

test('a large object is compared in slices, to the same end', () => {
  const made = (prefix: string) => {
    const object = deployment();
    object.metadata.labels = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`${prefix}${i}`, 'v']));
    object['spec'].containers = Array.from({ length: 2000 }, (_, i) => ({ name: `${prefix}${i}`, image: 'i' }));
    return object;
  };
  const update = { manager: 'm', apiVersion: 'apps/v1', subresource: '', now: start, schema: workload };
  const old = made('a');
  old.metadata.managedFields = updateManagedFields({ ...update, old: undefined, current: old })!;
  const change = { ...update, manager: 'other', old, current: made('b') };
  const steps = ownershipSteps(change);
  let pauses = 0;
  let result = steps.next();
  for (; !result.done; result = steps.next()) pauses += 1;
  assert.deepEqual(result.value, updateManagedFields(change));
  assert.ok(pauses > 5, `${pauses} pauses`);
});
