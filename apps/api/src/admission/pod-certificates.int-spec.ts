import 'reflect-metadata';
import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { formatTime, type KubeObject } from '#apimachinery';
import type { Client } from '#client';
import { gvr, type PodCertificateRequest } from '#kinds';
import { type TestServer, testServer } from '#testing';

const SIGNER = 'example.com/signer';
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const HOUR = 3_600_000;

let server: TestServer;
let admin: Client;
let node: Client;
let keys: webcrypto.CryptoKeyPair;
let stubPKCS10Request: string;
const uids: Record<string, string> = {};

const object = (apiVersion: string, kind: string, name: string, rest: object = {}): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name },
  ...rest,
});

beforeAll(async () => {
  server = await testServer();
  admin = server.client();
  node = server.client('system:node:n1', ['system:nodes']);
  keys = (await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const request = await x509.Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm: ALGORITHM });
  stubPKCS10Request = Buffer.from(request.rawData).toString('base64');
  const made = async (key: string, where: (typeof gvr)[keyof typeof gvr], namespace: string, item: KubeObject) => {
    uids[key] = (await admin.create<KubeObject>(where, namespace, item)).metadata.uid!;
  };
  await made('namespace', gvr.namespaces, '', object('v1', 'Namespace', 'ns'));
  await made('account', gvr.serviceaccounts, 'ns', object('v1', 'ServiceAccount', 'web'));
  await made('node', gvr.nodes, '', object('v1', 'Node', 'n1'));
  const pod = (name: string, sources: object[]) =>
    object('v1', 'Pod', name, {
      spec: {
        nodeName: 'n1',
        serviceAccountName: 'web',
        containers: [{ name: 'c', image: 'i' }],
        volumes: [{ name: 'tls', projected: { sources } }],
      },
    });
  const podCertificate = { signerName: SIGNER, keyType: 'ECDSAP256', keyPath: 'key' };
  await made('pod', gvr.pods, 'ns', pod('mounting', [{ podCertificate }]));
  await made('plain', gvr.pods, 'ns', pod('plain', []));
});
afterAll(() => server.close());

const request = (change: object = {}): PodCertificateRequest => ({
  apiVersion: 'certificates.k8s.io/v1',
  kind: 'PodCertificateRequest',
  metadata: { generateName: 'req-' },
  spec: {
    ...{ signerName: SIGNER, stubPKCS10Request },
    ...{ podName: 'mounting', podUID: uids['pod']!, nodeName: 'n1', nodeUID: uids['node']! },
    ...{ serviceAccountName: 'web', serviceAccountUID: uids['account']! },
    ...change,
  },
});
const create = (client: Client, change: object = {}) =>
  client.create<PodCertificateRequest>(gvr.podcertificaterequests, 'ns', request(change));

async function issued(item: PodCertificateRequest): Promise<PodCertificateRequest> {
  const now = Math.floor(Date.now() / 1000) * 1000;
  const [notBefore, notAfter] = [new Date(now), new Date(now + 24 * HOUR)];
  const leaf = await x509.X509CertificateGenerator.createSelfSigned({
    ...{ keys, signingAlgorithm: ALGORITHM, notBefore, notAfter },
  });
  const time = formatTime(notBefore);
  const condition = { type: 'Issued', status: 'True', reason: 'R', message: '', lastTransitionTime: time };
  const status = {
    conditions: [condition],
    certificateChain: leaf.toString('pem'),
    notBefore: time,
    notAfter: formatTime(notAfter),
    beginRefreshAt: formatTime(new Date(now + HOUR)),
  };
  return { ...item, status };
}

describe('A node', () => {
  test('requests certificates for its pods that mount them', async () => {
    const { spec } = await create(node);
    assert.equal(spec.maxExpirationSeconds, 86_400);
  });

  const refused: [what: string, change: () => object, message: RegExp][] = [
    ['for another node', () => ({ nodeName: 'n2' }), /which is not the requesting node "n1"/],
    ['with an old node', () => ({ nodeUID: 'old' }), /names node UID "old"/],
    ['for an earlier pod', () => ({ podUID: 'old' }), /contains pod UID \("old"\)/],
    ['for another ServiceAccount', () => ({ serviceAccountName: 'default' }), /differs from running pod \("web"\)/],
    [
      'for a pod that mounts none',
      () => ({ podName: 'plain', podUID: uids['plain'] }),
      /pod "ns\/plain" does not mount a podCertificate projected volume for signer "example.com\/signer"/,
    ],
  ];
  for (const [what, change, message] of refused) {
    test(`does not request them ${what}`, async () => {
      await assert.rejects(create(node, change()), { code: 403, message });
    });
  }

  test('sees its own requests, and all trust bundles', async () => {
    const own = await node.list(gvr.podcertificaterequests, { fieldSelector: 'spec.nodeName=n1' });
    assert.equal(own.items.length, 1);
    await assert.rejects(node.list(gvr.podcertificaterequests), { code: 403 });
    await assert.rejects(node.list(gvr.podcertificaterequests, { fieldSelector: 'spec.nodeName=n2' }), { code: 403 });
    await node.list(gvr.clustertrustbundles, { fieldSelector: `spec.signerName=${SIGNER}` });
  });

  test('does not answer a request', async () => {
    const item = await create(node);
    const status = issued(item).then((answer) =>
      node.update(gvr.podcertificaterequests, 'ns', answer, { subresource: 'status' }),
    );
    await assert.rejects(status, { code: 403 });
  });
});

describe('A signer', () => {
  const answer = async (client: Client, item: PodCertificateRequest) =>
    client.update(gvr.podcertificaterequests, 'ns', await issued(item), { subresource: 'status' });

  test('finds its requests by their signer', async () => {
    await create(admin, { signerName: 'example.com/other', podName: 'another' });
    for (const [fieldSelector, count] of [
      ['spec.signerName=example.com/other', 1],
      ['spec.podName=another', 1],
      ['spec.podName=nobody', 0],
    ] as const) {
      const { items } = await admin.list(gvr.podcertificaterequests, { namespace: 'ns', fieldSelector });
      assert.equal(items.length, count, fieldSelector);
    }
  });

  test('needs the right to sign, beside that to write the status', async () => {
    const bind = async (name: string, rules: object[]) => {
      await admin.create<KubeObject>(
        gvr.clusterroles,
        '',
        object('rbac.authorization.k8s.io/v1', 'ClusterRole', name, { rules }),
      );
      const subjects = [{ kind: 'User', name: 'signer', apiGroup: 'rbac.authorization.k8s.io' }];
      const roleRef = { kind: 'ClusterRole', name, apiGroup: 'rbac.authorization.k8s.io' };
      const binding = object('rbac.authorization.k8s.io/v1', 'ClusterRoleBinding', name, { subjects, roleRef });
      await admin.create<KubeObject>(gvr.clusterrolebindings, '', binding);
    };
    const apiGroups = ['certificates.k8s.io'];
    await bind('answer', [{ apiGroups, resources: ['podcertificaterequests/status'], verbs: ['update'] }]);
    const signer = server.client('signer');
    const item = await create(node);
    const message = `PodCertificateRequest.certificates.k8s.io "${item.metadata.name}" is invalid: spec.signerName: Forbidden: User "signer" is not permitted to "sign" for signer "${SIGNER}"`;
    await assert.rejects(answer(signer, item), { code: 422, message });
    // What changes nothing is no answer.
    await signer.update(gvr.podcertificaterequests, 'ns', item, { subresource: 'status' });
    await bind('sign', [{ apiGroups, resources: ['signers'], resourceNames: ['example.com/*'], verbs: ['sign'] }]);
    const done = (await answer(signer, item)) as PodCertificateRequest;
    assert.equal(done.status?.conditions?.[0]?.type, 'Issued');
    await assert.rejects(answer(signer, done), {
      code: 422,
      message: /status: Invalid value: immutable after PodCertificateRequest is issued, denied, or failed/,
    });
  });

  test('answers by a patch as well', async () => {
    const item = await create(admin);
    const { status } = await issued(item);
    const patch = Object.entries(status!).map(([name, value]) => ({ op: 'add', path: `/status/${name}`, value }));
    const options = { subresource: 'status' };
    const name = item.metadata.name!;
    const done = await admin.patch<PodCertificateRequest>(
      gvr.podcertificaterequests,
      'ns',
      name,
      'application/json-patch+json',
      patch,
      options,
    );
    assert.equal(done.status?.certificateChain, status?.certificateChain);
  });
});
