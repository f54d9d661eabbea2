import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { isNotFound, type KubeObject } from '#apimachinery';
import { type ConfigMap, gvr, type Secret, type ServiceAccount } from '#kinds';
import { type ControllerEnvironment, call, controllerEnvironment } from '#testing';

const MERGE = 'application/merge-patch+json';
const LAST_USED = 'kubernetes.io/legacy-token-last-used';

let env: ControllerEnvironment;
beforeAll(async () => {
  env = await controllerEnvironment();
});
afterAll(() => env.close());

const text = (secret: Secret, key: string) => Buffer.from(secret.data?.[key] ?? '', 'base64').toString();
const readSecret = (namespace: string, name: string) => env.client.get<Secret>(gvr.secrets, namespace, name);
const gone = (namespace: string, name: string) =>
  readSecret(namespace, name).then(
    () => false,
    (error) => isNotFound(error),
  );

async function createAccount(namespace: string, more: object = {}): Promise<ServiceAccount> {
  const metadata = { name: 'app', namespace };
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata, ...more };
  return env.client.create<ServiceAccount>(gvr.serviceaccounts, namespace, account);
}

async function createTokenSecret(namespace: string, account = 'app'): Promise<void> {
  const annotations = { 'kubernetes.io/service-account.name': account };
  await env.client.create<KubeObject>(gvr.secrets, namespace, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'token', annotations },
    type: 'kubernetes.io/service-account-token',
  });
}

async function filled(namespace: string): Promise<Secret> {
  return env.until('the token', async () => {
    const secret = await readSecret(namespace, 'token');
    return secret.data?.['token'] ? secret : undefined;
  });
}

/** Who a token is, as the server says; the code when it does not. */
async function whoIs(token: string): Promise<string | number> {
  const answer = await call(env.server, '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
    as: 'nobody',
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
  });
  return answer.code === 201 ? answer.json.status.userInfo.username : answer.code;
}

describe('a Secret for the token of a ServiceAccount', () => {
  it('gets the token, the authority and the namespace; the token says who comes', async () => {
    const ns = await env.namespace();
    const account = await createAccount(ns);
    await createTokenSecret(ns);
    const secret = await filled(ns);
    assert.equal(text(secret, 'ca.crt'), env.server.tls.ca);
    assert.equal(text(secret, 'namespace'), ns);
    assert.equal(secret.metadata.annotations?.['kubernetes.io/service-account.uid'], account.metadata.uid);
    assert.equal(await whoIs(text(secret, 'token')), `system:serviceaccount:${ns}:app`);
    const labels = await env.until('the last use', async () => {
      const { metadata } = await readSecret(ns, 'token');
      return metadata.labels?.[LAST_USED] ? metadata.labels : undefined;
    });
    assert.equal(labels[LAST_USED], new Date().toISOString().slice(0, 10));
  });

  it('gets back what somebody takes away', async () => {
    const ns = await env.namespace();
    await createAccount(ns);
    await createTokenSecret(ns);
    const before = text(await filled(ns), 'token');
    await env.client.patch(gvr.secrets, ns, 'token', MERGE, { data: { 'ca.crt': null, token: null } });
    const again = await env.until('a token again', async () => {
      const secret = await readSecret(ns, 'token');
      return secret.data?.['token'] && secret.data['ca.crt'] ? secret : undefined;
    });
    assert.equal(await whoIs(text(again, 'token')), `system:serviceaccount:${ns}:app`);
    assert.equal(text(again, 'token'), before);
  });

  it('ends with its account, and its token with it', async () => {
    const ns = await env.namespace();
    await createAccount(ns);
    await createTokenSecret(ns);
    const token = text(await filled(ns), 'token');
    await env.client.delete(gvr.serviceaccounts, ns, 'app');
    await env.until('the Secret to go', () => gone(ns, 'token'));
    assert.equal(await whoIs(token), 401);
  });

  it('goes at once when there is no such account', async () => {
    const ns = await env.namespace();
    await createTokenSecret(ns, 'nobody');
    await env.until('the Secret to go', () => gone(ns, 'token'));
  });

  it('leaves the list of its account when it goes', async () => {
    const ns = await env.namespace();
    await createAccount(ns, { secrets: [{ name: 'token' }, { name: 'other' }] });
    await createTokenSecret(ns);
    await filled(ns);
    await env.client.delete(gvr.secrets, ns, 'token');
    await env.until('the shorter list', async () => {
      const { secrets } = await env.client.get<ServiceAccount>(gvr.serviceaccounts, ns, 'app');
      return secrets?.map(({ name }) => name).join() === 'other';
    });
  });

  it('opens nothing once it is marked as invalid, or holds another token', async () => {
    const ns = await env.namespace();
    await createAccount(ns);
    await createTokenSecret(ns);
    const token = text(await filled(ns), 'token');
    const label = 'kubernetes.io/legacy-token-invalid-since';
    await env.client.patch(gvr.secrets, ns, 'token', MERGE, { metadata: { labels: { [label]: '2020-01-01' } } });
    assert.equal(await whoIs(token), 401);
    await env.client.patch(gvr.secrets, ns, 'token', MERGE, { metadata: { labels: { [label]: null } } });
    assert.equal(await whoIs(token), `system:serviceaccount:${ns}:app`);
    const other = Buffer.from('another').toString('base64');
    await env.client.patch(gvr.secrets, ns, 'token', MERGE, { data: { token: other } });
    assert.equal(await whoIs(token), 401);
  });
});

describe('a bootstrap token', () => {
  const create = (id: string, expiration?: string) => {
    const data = {
      'token-id': id,
      'token-secret': '0123456789abcdef',
      'usage-bootstrap-signing': 'true',
      ...(expiration && { expiration }),
    };
    return env.client.create<KubeObject>(gvr.secrets, 'kube-system', {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: `bootstrap-token-${id}` },
      type: 'bootstrap.kubernetes.io/token',
      data: Object.fromEntries(
        Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
      ),
    });
  };
  const info = () => env.client.get<ConfigMap>(gvr.configmaps, 'kube-public', 'cluster-info');

  it('signs where the cluster is, for anybody to read, until it goes', async () => {
    await create('abcdef');
    const data = await env.until('the signature', async () => {
      const { data } = await info();
      return data?.['jws-kubeconfig-abcdef'] ? data : undefined;
    });
    const [header, content, signature] = data['jws-kubeconfig-abcdef']!.split('.');
    assert.equal(Buffer.from(header!, 'base64url').toString(), '{"alg":"HS256","kid":"abcdef"}');
    assert.equal(content, '');
    const signed = `${header}.${Buffer.from(data['kubeconfig']!).toString('base64url')}`;
    assert.equal(signature, createHmac('sha256', '0123456789abcdef').update(signed).digest('base64url'));
    const path = '/api/v1/namespaces/kube-public/configmaps';
    const answer = await call(env.server, `${path}/cluster-info`, { as: 'nobody' });
    assert.match(answer.json.data.kubeconfig, /server: "https:\/\/192\.0\.2\.1:/);
    assert.equal((await call(env.server, path, { as: 'nobody' })).code, 403);
    await env.client.delete(gvr.secrets, 'kube-system', 'bootstrap-token-abcdef');
    await env.until('no signature', async () => (await info()).data?.['jws-kubeconfig-abcdef'] === undefined);
  });

  it('goes when it has expired, or nobody can read when it does', async () => {
    await create('aaaaaa', '2020-01-01T00:00:00Z');
    await create('bbbbbb', 'tomorrow');
    await create('cccccc', new Date(Date.now() + 1500).toISOString());
    await create('dddddd', '2099-01-01T00:00:00Z');
    for (const id of ['aaaaaa', 'bbbbbb', 'cccccc']) {
      await env.until(`${id} to go`, () => gone('kube-system', `bootstrap-token-${id}`));
    }
    assert.ok(!(await gone('kube-system', 'bootstrap-token-dddddd')));
  });
});
