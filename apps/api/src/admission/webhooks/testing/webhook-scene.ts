import assert from 'node:assert/strict';
import { type Answer, call, request, type Sent, type TestServer, testServer } from '#testing';
import { localNetwork, type WebhookServer, webhookServer } from '../../../webhook-client/testing/webhook-server.js';

export const CONFIGURATIONS = '/apis/admissionregistration.k8s.io/v1';
export const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';

export const configMap = (name: string, more: object = {}, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  ...more,
});
export const on = (resources: string[], operations = ['CREATE'], more: object = {}) => ({
  ...{ operations, apiGroups: ['*'], apiVersions: ['*'], resources },
  ...more,
});
export const patchOf = (...operations: object[]) => ({
  allowed: true,
  patchType: 'JSONPatch',
  patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
});
export const addData = (key: string, value = 'yes') => patchOf({ op: 'add', path: `/data/${key}`, value });
export const reply = (response: object) => (body: any) => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  response: { uid: body.request.uid, ...response },
});

type Kind = 'mutating' | 'validating';

/** A server with a webhook server beside it, for the tests of a file: each begins without configurations. */
export class WebhookScene {
  api!: TestServer;
  hook!: WebhookServer;
  readonly network = localNetwork();

  constructor() {
    beforeAll(async () => {
      this.hook = await webhookServer();
      this.api = await testServer({ proxyNetwork: this.network });
      // Pods need it, and no controllers run.
      is(await this.post('/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } }), 201);
    });
    afterAll(async () => {
      await this.api.close();
      await this.hook.close();
    });
    beforeEach(() => {
      this.hook.received.length = 0;
      this.hook.paths.length = 0;
      this.hook.handle = reply({ allowed: true });
    });
    afterEach(async () => {
      for (const kind of ['mutating', 'validating']) {
        const gone = await call(this.api, `${CONFIGURATIONS}/${kind}webhookconfigurations`, { method: 'DELETE' });
        assert.equal(gone.code, 200);
      }
    });
  }

  readonly client = (path = '') => ({ url: `${this.hook.url}${path}`, caBundle: this.hook.caBundle });
  readonly post = (path: string, body: object, sent: Sent = {}) =>
    request(this.api, path, { method: 'POST', body, ...sent });

  /** A webhook of its own configuration; it is asked from the next request on. */
  readonly register = async (kind: Kind, name: string, more: object = {}, ...others: object[]): Promise<void> => {
    const webhook = (webhookName: string, parts: object) => ({
      name: `${webhookName}.example.com`,
      clientConfig: this.client(`/${webhookName}`),
      rules: [on(['configmaps'])],
      sideEffects: 'None',
      admissionReviewVersions: ['v1'],
      ...parts,
    });
    const webhooks = [more, ...others].map((parts, i) => webhook(i === 0 ? name : `${name}-${i}`, parts));
    const answer = await this.post(`${CONFIGURATIONS}/${kind}webhookconfigurations`, { metadata: { name }, webhooks });
    assert.equal(answer.code, 201, answer.body.toString());
    assert.equal(answer.headers['warning'], undefined);
  };
}

export function is(answer: Answer, code: number, message?: string | RegExp): void {
  assert.equal(answer.code, code, answer.body.toString());
  if (typeof message === 'string') assert.equal(answer.json.message, message);
  else if (message) assert.match(answer.json.message, message);
}

export const failing = (name: string, why: string) =>
  `Internal error occurred: failed calling webhook "${name}.example.com": ${why}`;
