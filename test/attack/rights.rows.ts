import { allResources, type ResourceDefinition } from '#kinds';
import { type Attempt, codes, each, forbidden, refused, unauthorized } from './attack.js';
import { OWN, TARGET, VICTIM } from './identities.js';
import type { Identity } from './requester.js';
import { collectionOf, differences, stateOfOthers } from './scenery.js';
import { requestsOf } from './scope.rows.js';
import type { PlaneRow, Stage } from './stage.js';

const area = 'rights';
/** What every authenticated user may create: questions about oneself. */
const ABOUT_ONESELF = new Set(['selfsubjectreviews', 'selfsubjectaccessreviews', 'selfsubjectrulesreviews']);
/** What every ServiceAccount may read: authorities are no secrets. */
const READABLE_BY_ACCOUNTS = 'clustertrustbundles';
const WRITES = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

/** The honest paths: in the namespace for what has one. */
const everything = (namespace: string, among: (definition: ResourceDefinition) => boolean = () => true) =>
  allResources()
    .filter(among)
    .flatMap((definition) =>
      requestsOf(definition, collectionOf(definition, definition.namespaced ? namespace : '')).map((request) => ({
        ...request,
        definition,
      })),
    );

/** What the attackers do in their own namespace is their own affair; all else is as it was. */
export async function othersAreUnchanged(attempt: Attempt, { plane, untouched }: Stage): Promise<void> {
  const changed = differences(untouched, await stateOfOthers(plane));
  attempt.check(
    'all attackers',
    'all requests so far',
    'nothing outside of their namespace changed',
    changed.length === 0,
    changed,
  );
}

async function allForbidden(attempt: Attempt, identities: Identity[], namespace: string): Promise<void> {
  await each(everything(namespace), async ({ definition, ...request }) => {
    if (ABOUT_ONESELF.has(definition.plural)) return;
    const readable = definition.plural === READABLE_BY_ACCOUNTS && !WRITES.has(request.note ?? '');
    for (const identity of identities) {
      if (!readable || identity.name === 'anonymous') await attempt.try(identity, request, forbidden);
    }
  });
}

/** What Berth serves beside the resources of the release. */
const OWN_PATHS = [
  `/berth/history?resource=secrets&namespace=${VICTIM}&name=${TARGET}`,
  `/berth/history?resource=secrets&namespace=${OWN}&name=${TARGET}`,
  '/berth/history?resource=__proto__&name=x',
  '/berth/history',
  `/apis/metrics.k8s.io/v1beta1/namespaces/${VICTIM}/pods`,
  `/apis/metrics.k8s.io/v1beta1/namespaces/${VICTIM}/pods/${TARGET}`,
  '/apis/metrics.k8s.io/v1beta1/pods',
  '/apis/metrics.k8s.io/v1beta1/nodes',
  '/apis/metrics.k8s.io/v1beta1/nodes/x',
];

export const rightsRows: PlaneRow[] = [
  {
    area,
    finding: 'history and usage are for those who were given them',
    run: (attempt, { who }) =>
      each(OWN_PATHS, async (path) => {
        const attackers = [who.anonymous, who.nobody, who.viewer, who.editor, who.namespaceAdmin, who.owner];
        for (const identity of [...attackers, who.collector, who.node, who.pod]) {
          for (const method of ['GET', 'POST', 'DELETE']) {
            await attempt.try(identity, { method, path }, method === 'GET' ? forbidden : refused);
          }
        }
      }),
  },
  {
    area,
    finding: 'every identity of the suite works and is who it says',
    run: async (attempt, { who }) => {
      const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
      const account = (name: string) => `system:serviceaccount:${OWN}:${name}`;
      const names: [Identity, string][] = [
        [who.administrator, 'kubernetes-admin'],
        [who.nobody, account('nobody')],
        [who.viewer, account('viewer')],
        [who.editor, account('editor')],
        [who.namespaceAdmin, account('administrator')],
        [who.owner, account('owner')],
        [who.collector, account('collector')],
        [who.pod, account('app')],
        [who.node, 'system:node:x'],
        [who.otherNode, 'system:node:y'],
      ];
      for (const [identity, name] of names) {
        const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
        const answer = await attempt.try(identity, { method: 'POST', path, body: review }, codes(201));
        attempt.check(identity.name, 'who am I', name, answer.text.includes(`"username":"${name}"`), answer.text);
      }
      const ok = codes(200);
      for (const identity of [who.viewer, who.editor, who.namespaceAdmin, who.owner]) {
        await attempt.try(identity, { path: `/api/v1/namespaces/${OWN}/pods/runner` }, ok);
      }
      const label = { metadata: { labels: { worked: 'true' } } };
      for (const identity of [who.editor, who.namespaceAdmin, who.owner]) {
        const path = `/api/v1/namespaces/${OWN}/configmaps/own`;
        await attempt.try(identity, { method: 'PATCH', path, body: label }, ok);
      }
      await attempt.try(who.owner, { path: `/api/v1/namespaces/${OWN}/secrets` }, ok);
      await attempt.try(who.node, { path: '/api/v1/nodes/x' }, ok);
      await attempt.try(who.node, { path: `/api/v1/namespaces/${OWN}/pods/runner` }, ok);
    },
  },
  {
    area,
    finding: 'nobody without rights reads or changes anything',
    run: (attempt, { who }) => allForbidden(attempt, [who.anonymous, who.nobody, who.pod], VICTIM),
  },
  {
    area,
    finding: 'rights in a namespace end with it',
    run: async (attempt, { who }) => {
      const identities = [who.viewer, who.editor, who.namespaceAdmin, who.owner];
      await allForbidden(attempt, identities, VICTIM);
      await each(
        allResources().filter(({ namespaced, verbs }) => namespaced && verbs.includes('list')),
        async (definition) => {
          // Across all namespaces, by a plain list, a watch and the older watch path.
          const all = collectionOf(definition);
          const watch = all.replace(/^(.*)\/([^/]+)$/, '$1/watch/$2');
          for (const path of [all, `${all}?watch=1&timeoutSeconds=1`, `${watch}?timeoutSeconds=1`]) {
            for (const identity of identities) await attempt.try(identity, { path }, forbidden);
          }
          await attempt.try(who.owner, { method: 'DELETE', path: all }, refused);
        },
      );
    },
  },
  {
    area,
    finding: 'a viewer writes nothing and reads no secrets, roles or processes',
    run: async (attempt, { who }) => {
      const inside = everything(OWN, ({ namespaced }) => namespaced);
      const secret = new Set(['secrets', 'roles', 'rolebindings']);
      await each(inside, async ({ definition, ...request }) => {
        const stream = /\/(exec|attach|portforward|proxy)$/.test(request.path);
        if (WRITES.has(request.note ?? '') || stream || secret.has(definition.plural)) {
          await attempt.try(who.viewer, request, forbidden);
        }
      });
    },
  },
  {
    area,
    finding: 'an editor touches no roles, quotas, endpoints or statuses',
    run: async (attempt, { who }) => {
      const closed = new Set(['roles', 'rolebindings']);
      const readOnly = new Set(['limitranges', 'resourcequotas', 'endpoints', 'endpointslices', 'bindings']);
      await each(
        everything(OWN, ({ namespaced }) => namespaced),
        async ({ definition, ...request }) => {
          const writes = WRITES.has(request.note ?? '');
          const status = request.path.endsWith('/status');
          if (closed.has(definition.plural) || (writes && (readOnly.has(definition.plural) || status))) {
            await attempt.try(who.editor, request, forbidden);
          }
        },
      );
      for (const plural of ['limitranges', 'resourcequotas', 'endpoints']) {
        const path = `/api/v1/namespaces/${OWN}/${plural}/${TARGET}`;
        await attempt.try(who.namespaceAdmin, { method: 'PATCH', path, body: {} }, forbidden);
      }
      await attempt.try(
        who.namespaceAdmin,
        { method: 'PATCH', path: `/api/v1/namespaces/${OWN}`, body: {} },
        forbidden,
      );
    },
  },
  {
    area,
    finding: 'a node reads and changes only what its own pods need',
    run: async (attempt, { who }) => {
      // What any node may ask, whomever it concerns: the reference's node authorizer and role.
      const readable = new Set([
        'services',
        'runtimeclasses',
        'csidrivers',
        'endpointslices',
        'endpoints',
        'servicecidrs',
      ]);
      const questions = new Set(['tokenreviews', 'subjectaccessreviews', 'localsubjectaccessreviews']);
      const asked = new Set(['certificatesigningrequests', 'clustertrustbundles', 'events', 'resourceslices']);
      await each(everything(VICTIM), async ({ definition, ...request }) => {
        const { plural } = definition;
        const reads = !WRITES.has(request.note ?? '');
        if (ABOUT_ONESELF.has(plural) || questions.has(plural) || asked.has(plural)) return;
        if (reads && readable.has(plural)) return;
        await attempt.try(who.node, request, forbidden);
      });
    },
  },
  {
    area,
    finding: 'exec, attach and portforward take more than get',
    run: async (attempt, { who, plane }) => {
      const upgrade = {
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
      };
      await plane.create('/apis/rbac.authorization.k8s.io/v1/namespaces/attack/roles', {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'Role',
        metadata: { name: 'getter' },
        rules: [
          { apiGroups: [''], resources: ['pods/exec', 'pods/attach', 'pods/portforward', 'pods'], verbs: ['get'] },
        ],
      });
      await plane.create('/apis/rbac.authorization.k8s.io/v1/namespaces/attack/rolebindings', {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata: { name: 'getter' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'getter' },
        subjects: [{ kind: 'ServiceAccount', namespace: OWN, name: 'app' }],
      });
      for (const stream of ['exec?command=id&stdout=1', 'attach?stdout=1', 'portforward']) {
        const path = `/api/v1/namespaces/${OWN}/pods/runner/${stream}`;
        await attempt.try(who.pod, { path, headers: upgrade }, forbidden);
        await attempt.try(who.pod, { method: 'POST', path }, forbidden);
      }
      await attempt.try(who.pod, { path: `/api/v1/namespaces/${OWN}/pods/runner` }, codes(200));
    },
  },
  {
    area,
    finding: 'names in rules and selectors narrow what is read',
    run: async (attempt, { who, plane }) => {
      const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${OWN}`;
      await plane.json(`${rbac}/roles/getter`, {
        method: 'PATCH',
        body: {
          rules: [
            { apiGroups: [''], resources: ['configmaps'], resourceNames: ['own'], verbs: ['get', 'list', 'watch'] },
          ],
        },
      });
      await plane.create(`/api/v1/namespaces/${OWN}/configmaps`, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'private', labels: { private: 'true' } },
        data: { text: 'the-private-text' },
      });
      const base = `/api/v1/namespaces/${OWN}/configmaps`;
      const selectors = [
        '',
        'fieldSelector=metadata.name%3Dprivate',
        'fieldSelector=metadata.name!%3Down',
        'fieldSelector=metadata.name%3Down,metadata.name%3Dprivate',
        'fieldSelector=metadata.name%3Dprivate,metadata.name%3Down',
        'fieldSelector=metadata.namespace%3Dattack',
        'labelSelector=private',
        'fieldSelector=metadata.name%3Down%2Fprivate',
        'fieldSelector=metadata.name%3Down&fieldSelector=metadata.name%3Dprivate',
        'fieldSelector=metadata.name%3Dprivate&fieldSelector=metadata.name%3Down',
        'fieldSelector=metadata.name%3D%3Dprivate',
        'resourceVersion=0',
        'limit=1&continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJhIn0',
      ];
      await attempt.try(who.pod, { path: `${base}/own` }, codes(200));
      await attempt.try(who.pod, { path: `${base}?fieldSelector=metadata.name%3Down` }, codes(200));
      await attempt.try(who.pod, { path: `${base}/private` }, forbidden);
      for (const selector of selectors) {
        for (const path of [`${base}?${selector}`, `${base}?${selector}&watch=1&timeoutSeconds=1`]) {
          const { text } = await plane.requester.send(who.pod, { path });
          attempt.check(who.pod.name, path, 'no private text', !text.includes('the-private-text'), text);
        }
      }
    },
  },
  {
    area,
    finding: 'the documents and metrics of the server are not for everybody',
    run: async (attempt, { who }) => {
      for (const path of [
        '/metrics',
        '/logs/',
        '/debug/pprof/',
        '/configz',
        '/openapi/v2',
        '/openapi/v3',
        '/api',
        '/apis',
      ]) {
        await attempt.try(who.anonymous, { path }, codes(401, 403, 404));
      }
      for (const path of ['/metrics', '/logs/', '/debug/pprof/', '/configz']) {
        await attempt.try(who.nobody, { path }, codes(403, 404));
      }
      await attempt.try(
        { name: 'bad token', headers: { Authorization: 'Bearer x' } },
        { path: '/version' },
        unauthorized,
      );
      for (const path of ['/version', '/healthz', '/livez', '/readyz'])
        await attempt.try(who.anonymous, { path }, codes(200));
    },
  },
];
