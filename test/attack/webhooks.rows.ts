import { codes, forbidden } from './attack.js';
import { OWN } from './identities.js';
import type { PlaneRow } from './stage.js';

const area = 'webhooks';
const GROUP = '/apis/admissionregistration.k8s.io/v1';
const KINDS = ['mutating', 'validating'] as const;

const configuration = (kind: (typeof KINDS)[number], webhook: object = {}) => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: `${kind === 'mutating' ? 'Mutating' : 'Validating'}WebhookConfiguration`,
  metadata: { name: 'attack' },
  webhooks: [
    {
      name: 'attack.example.com',
      admissionReviewVersions: ['v1'],
      sideEffects: 'None',
      clientConfig: { url: 'https://192.0.2.1/' },
      rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['*'], resources: ['secrets'] }],
      ...webhook,
    },
  ],
});

/** Addresses that are no HTTPS addresses, or that carry more than an address. */
const URLS = [
  'http://127.0.0.1/',
  'file:///etc/shadow',
  'https://user:password@127.0.0.1/',
  'https://127.0.0.1/?a=b',
  'https://127.0.0.1/#a',
  'unix:///run/berth/containerd/containerd.sock',
];

export const webhookRows: PlaneRow[] = [
  {
    area,
    finding: 'who runs a namespace can have no webhook called, which would see and change what others write',
    run: async (attempt, { who }) => {
      for (const kind of KINDS) {
        const path = `${GROUP}/${kind}webhookconfigurations`;
        for (const identity of [who.nobody, who.editor, who.namespaceAdmin, who.owner, who.node, who.pod]) {
          await attempt.try(identity, { method: 'POST', path, body: configuration(kind) }, forbidden);
          await attempt.try(identity, { method: 'DELETE', path }, forbidden);
        }
      }
    },
  },
  {
    area,
    finding: 'the server is sent to HTTPS addresses alone, without credentials in them',
    run: async (attempt, { who }) => {
      for (const kind of KINDS) {
        const path = `${GROUP}/${kind}webhookconfigurations`;
        for (const url of URLS) {
          const body = configuration(kind, { clientConfig: { url } });
          await attempt.try(who.administrator, { method: 'POST', path, body }, codes(422));
        }
      }
    },
  },
  {
    area,
    finding: 'an expression that never ends neither holds up the server nor lets its request through',
    run: async (attempt, { who }) => {
      const path = `${GROUP}/validatingwebhookconfigurations`;
      const all = 'object.data.all';
      const nested = `${all}(a, ${all}(b, ${all}(c, ${all}(d, ${all}(e, ${all}(f, a + b + c + d + e + f != ''))))))`;
      const webhook = {
        matchConditions: [{ name: 'slow', expression: nested }],
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }],
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': OWN } },
      };
      await attempt.try(
        who.administrator,
        { method: 'POST', path, body: configuration('validating', webhook) },
        codes(201),
      );
      try {
        const data = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, 'x']));
        const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'slow' }, data };
        const maps = `/api/v1/namespaces/${OWN}/configmaps?dryRun=All`;
        await attempt.try(who.owner, { method: 'POST', path: maps, body }, forbidden);
      } finally {
        await attempt.try(who.administrator, { method: 'DELETE', path: `${path}/attack` }, codes(200));
      }
    },
  },
];
