import { setTimeout as sleep } from 'node:timers/promises';
import { webhookServer } from '../../apps/api/src/webhook-client/testing/webhook-server.js';
import { type Attempt, anyAnswer, clientError, codes, type Expected, forbidden } from './attack.js';
import type { ControlPlane } from './control-plane.js';
import { OWN } from './identities.js';
import type { PlaneRow } from './stage.js';

const area = 'custom resources';
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const GROUP = 'hostile.example.com';
const TRAPS = `/apis/${GROUP}/v1/namespaces/${OWN}/traps`;
/** Nothing of this costs more than an ordinary request. Milliseconds. */
const SOON = 25_000;

const version = (name: string, schema: object, more: object = {}) => ({
  ...{ name, served: true, storage: name === 'v1', schema: { openAPIV3Schema: schema } },
  ...more,
});
const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
const definition = (schema: object, more: object = {}, group = GROUP) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `traps.${group}` },
  spec: {
    group,
    scope: 'Namespaced',
    names: { plural: 'traps', kind: 'Trap' },
    versions: [version('v1', { type: 'object', properties: { spec: schema } })],
    ...more,
  },
});
const trap = (spec: unknown, name = 'trap') => ({
  ...{ apiVersion: `${GROUP}/v1`, kind: 'Trap', metadata: { name }, spec },
});

/** `levels` objects in each other. */
function deep(levels: number): object {
  let schema: object = { type: 'string' };
  for (let i = 0; i < levels; i++) schema = { type: 'object', properties: { a: schema } };
  return schema;
}

const list = (items: object) => ({ type: 'array', items });
const rule = (text: string) => ({ 'x-kubernetes-validations': [{ rule: text }] });
const wide = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`property${i}`, { type: 'string' }]));

/** Schemas that are no good, and what becomes of them. */
const REFUSED: [what: string, schema: object][] = [
  [
    'an expression over lists of lists without bounds',
    {
      ...list(list(list({ type: 'string' }))),
      ...rule('self.all(a, self.all(b, self.all(c, a == b || b == c)))'),
    },
  ],
  ['a pattern that is none', { type: 'string', pattern: '(' }],
  ['a rule that does not compile', { type: 'string', ...rule('self.') }],
  ['a reference', { $ref: '#/definitions/x' }],
  ['a default that is a prototype', { type: 'object', default: JSON.parse('{"__proto__":{"a":1}}') }],
];
const ENDURED: [what: string, schema: object][] = [
  ['500 levels', deep(500)],
  ['2000 levels', deep(2000)],
  ['5000 properties', { type: 'object', properties: wide }],
  ['an enum of 10,000', { type: 'string', enum: Array.from({ length: 10_000 }, (_, i) => `value${i}`) }],
  ['100 rules', { type: 'string', 'x-kubernetes-validations': Array(100).fill({ rule: 'self.size() >= 0' }) }],
];

/** Creates the definition, and waits until its resource is served. */
async function establish(plane: ControlPlane, body: object): Promise<void> {
  await plane.create(CRDS, body);
  for (const deadline = Date.now() + SOON; ; await sleep(50)) {
    const crd = await plane.json(`${CRDS}/traps.${GROUP}`);
    const conditions = (crd.status?.conditions ?? []) as { type: string; status: string }[];
    if (conditions.some(({ type, status }) => type === 'Established' && status === 'True')) return;
    if (Date.now() > deadline) throw new Error(`not established: ${JSON.stringify(crd.status)}`);
  }
}

/** Deletes the definition, if there is one, and waits until it is gone. */
async function remove(plane: ControlPlane, name = `traps.${GROUP}`): Promise<void> {
  const path = `${CRDS}/${name}`;
  await plane.requester.send(plane.admin, { method: 'DELETE', path });
  for (const deadline = Date.now() + SOON; ; await sleep(50)) {
    const { code } = await plane.requester.send(plane.admin, { path });
    if (code === 404) return;
    if (Date.now() > deadline) throw new Error(`${name} does not go`);
  }
}

async function isWell(attempt: Attempt, plane: ControlPlane, note: string): Promise<void> {
  await attempt.try(plane.admin, { path: '/api/v1/namespaces/default', note, timeoutMs: SOON }, codes(200));
}

const without = (text: string): Expected => ({
  says: `200 without ${text}`,
  accepts: (answer) => answer.code === 200 && !answer.text.includes(text),
});

/** Makes of the honest answer what a webhook says instead. */
type Lie = (objects: any[]) => unknown;
const LIES: [what: string, lie: Lie, expected: Expected][] = [
  ['another name', rename({ name: 'other' }), codes(500)],
  ['another namespace', rename({ namespace: 'victim' }), codes(500)],
  ['another uid', rename({ uid: 'mine' }), codes(500)],
  ['another kind', (objects) => objects.map((object) => ({ ...object, kind: 'Secret' })), codes(500)],
  ['another group', (objects) => objects.map((object) => ({ ...object, apiVersion: 'v1' })), codes(500)],
  ['no object', () => [], codes(500)],
  ['one more', (objects) => [...objects, ...objects], codes(500)],
  ['no metadata', (objects) => objects.map(({ metadata: _, ...object }) => object), codes(500)],
  ['labels that none may have', rename({ labels: { 'bad key': '' } }), codes(500)],
  ['finalizers', rename({ finalizers: ['lie.example.com/x'] }), without('lie.example.com')],
  ['owners', rename({ ownerReferences: [{ name: 'lie-of-webhook' }] }), without('lie-of-webhook')],
  ['a revision', rename({ resourceVersion: '987654321' }), without('987654321')],
  [
    'a prototype',
    (objects) => JSON.parse(JSON.stringify(objects).replace('"spec":{', '"spec":{"__proto__":{"lie":1},')),
    anyAnswer,
  ],
];

function rename(metadata: object): Lie {
  return (objects) => objects.map((object) => ({ ...object, metadata: { ...object.metadata, ...metadata } }));
}

export const customResourceRows: PlaneRow[] = [
  {
    area,
    finding: 'who runs a namespace defines no kind, changes none, and decides about no names',
    run: async (attempt, { who }) => {
      for (const identity of [who.nobody, who.editor, who.namespaceAdmin, who.owner, who.node, who.pod]) {
        await attempt.try(identity, { method: 'POST', path: CRDS, body: definition(anything) }, forbidden);
        for (const path of [`${CRDS}/traps.${GROUP}`, `${CRDS}/traps.${GROUP}/status`]) {
          await attempt.try(identity, { method: 'PUT', path, body: definition(anything) }, forbidden);
        }
        await attempt.try(identity, { method: 'DELETE', path: CRDS }, forbidden);
      }
    },
  },
  {
    area,
    finding:
      'a schema that would cost too much is refused, and any other costs the server nothing that others would feel',
    run: async (attempt, { plane }) => {
      for (const [note, schema] of REFUSED) {
        const body = definition(schema);
        await attempt.try(plane.admin, { method: 'POST', path: CRDS, body, note, timeoutMs: SOON }, clientError);
      }
      for (const [note, schema] of ENDURED) {
        const body = definition(schema);
        await attempt.try(plane.admin, { method: 'POST', path: CRDS, body, note, timeoutMs: SOON }, anyAnswer);
        await isWell(attempt, plane, note);
        const headers = { Accept: 'application/vnd.kubernetes.protobuf' };
        await attempt.try(plane.admin, { path: CRDS, headers, note: `${note}, read`, timeoutMs: SOON }, codes(200));
        await remove(plane);
      }
    },
  },
  {
    area,
    finding: 'patterns, names of prototypes and deep objects of a custom resource are data, and end',
    run: async (attempt, { plane, who }) => {
      const properties = JSON.parse('{"__proto__":{"type":"string"},"constructor":{"type":"string"}}');
      const schema = {
        type: 'object',
        properties: { ...properties, text: { type: 'string', pattern: '^(a+)+$' }, any: anything },
      };
      Object.defineProperty(schema.properties, '__proto__', { value: { type: 'string' }, enumerable: true });
      await establish(plane, definition(schema));
      try {
        const post = (spec: unknown, note: string, expected: Expected) =>
          attempt.try(
            who.administrator,
            { method: 'POST', path: TRAPS, body: trap(spec), note, timeoutMs: SOON },
            expected,
          );
        await post({ text: `${'a'.repeat(50_000)}!` }, 'a pattern without end', codes(422));
        await post(JSON.parse('{"__proto__":{"text":1},"constructor":{"prototype":{}}}'), 'of wrong types', codes(422));
        const nested = `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`;
        const body = `{"apiVersion":"${GROUP}/v1","kind":"Trap","metadata":{"name":"trap"},"spec":{"any":${nested}}}`;
        const headers = { 'Content-Type': 'application/json' };
        await attempt.try(plane.admin, { method: 'POST', path: TRAPS, body, headers, timeoutMs: SOON }, anyAnswer);
        await isWell(attempt, plane, 'after deep objects');
      } finally {
        await remove(plane);
      }
    },
  },
  {
    area,
    finding: 'a definition takes no name of the server, of its kinds or of its groups',
    run: async (attempt, { plane }) => {
      const document = '/apis/networking.k8s.io/v1';
      const before = JSON.stringify(await plane.json(document));
      const named = (plural: string, kind: string, group: string, approval?: string) => {
        const body = definition(anything, { names: { plural, kind } }, group);
        const annotations = approval && { 'api-approved.kubernetes.io': approval };
        return { ...body, metadata: { name: `${plural}.${group}`, annotations } };
      };
      for (const group of ['rbac.authorization.k8s.io', 'x.kubernetes.io', 'apps', '', 'v1', 'a/../b']) {
        const body = named('traps', 'Trap', group);
        await attempt.try(plane.admin, { method: 'POST', path: CRDS, body, note: `group ${group}` }, codes(422));
      }
      for (const [plural, kind] of [
        ['ingresses', 'Ingress'],
        ['traps', 'Ingress'],
        ['ing', 'Trap'],
      ] as const) {
        const what = `${plural} of kind ${kind}`;
        const body = named(plural, kind, 'networking.k8s.io', 'unapproved, an attack');
        await attempt.try(plane.admin, { method: 'POST', path: CRDS, body, note: what }, codes(201));
        await sleep(300);
        const crd = await plane.json(`${CRDS}/${plural}.networking.k8s.io`);
        const accepted = crd.status?.conditions?.find(({ type }: { type: string }) => type === 'NamesAccepted');
        attempt.check('-', what, 'not accepted', accepted?.status === 'False', accepted);
        const now = JSON.stringify(await plane.json(document));
        attempt.check('-', document, 'as before', now === before, now);
        await remove(plane, `${plural}.networking.k8s.io`);
      }
    },
  },
  {
    area,
    finding: 'a conversion webhook that lies changes nothing but what it converts, and stops nobody else',
    run: async (attempt, { plane }) => {
      const hook = await webhookServer();
      let lie: Lie = (objects) => objects;
      hook.handle = ({ kind, apiVersion, request }) => {
        const objects = request.objects.map((object: object) => ({ ...object, apiVersion: request.desiredAPIVersion }));
        const response = { uid: request.uid, result: { status: 'Success' }, convertedObjects: lie(objects) };
        return { kind, apiVersion, response };
      };
      const webhook = {
        clientConfig: { url: hook.url, caBundle: hook.caBundle },
        conversionReviewVersions: ['v1'],
      };
      const schema = { type: 'object', properties: { spec: anything } };
      await establish(
        plane,
        definition(anything, {
          versions: [version('v1', schema), version('v2', schema)],
          conversion: { strategy: 'Webhook', webhook },
        }),
      );
      try {
        for (const [at, [note, told, expected]] of LIES.entries()) {
          lie = told;
          const name = `trap${at}`;
          await plane.create(TRAPS, trap({ color: 'red' }, name));
          const other = `${TRAPS.replace('/v1/', '/v2/')}/${name}`;
          await attempt.try(plane.admin, { path: other, note, serverErrorAllowed: true }, expected);
          await attempt.try(plane.admin, { path: `${TRAPS}/${name}`, note: `v1 beside ${note}` }, codes(200));
        }
      } finally {
        await remove(plane);
        await hook.close();
      }
    },
  },
];
