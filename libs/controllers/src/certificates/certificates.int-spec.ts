import assert from 'node:assert/strict';
import { webcrypto, X509Certificate } from 'node:crypto';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import type { KubeObject } from '#apimachinery';
import { type CertificateSigningRequest, type ClusterTrustBundle, gvr } from '#kinds';
import { type ControllerEnvironment, controllerEnvironment } from '#testing';

const NODE_USAGES = ['digital signature', 'client auth'];
const P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const HOUR = 3_600_000;

let env: ControllerEnvironment;
beforeAll(async () => {
  env = await controllerEnvironment();
});
afterAll(() => env.close());

async function pemRequest(subject: x509.JsonName, names: x509.JsonGeneralNames = []): Promise<string> {
  const keys = (await webcrypto.subtle.generateKey(P256, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const extensions = names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : [];
  const parameters = { name: subject, keys, signingAlgorithm: P256, extensions };
  return (await x509.Pkcs10CertificateRequestGenerator.create(parameters, webcrypto as never)).toString('pem');
}

let count = 0;
async function ask(
  spec: { signerName: string; usages: string[]; expirationSeconds?: number; pem: string },
  client = env.client,
): Promise<string> {
  const name = `request-${++count}`;
  const { pem, ...more } = spec;
  await client.create<KubeObject>(gvr.certificatesigningrequests, '', {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name },
    spec: { ...more, request: Buffer.from(pem).toString('base64') },
  });
  return name;
}

const read = (name: string) => env.client.get<CertificateSigningRequest>(gvr.certificatesigningrequests, '', name);

async function answer(name: string, type: 'Approved' | 'Denied'): Promise<void> {
  const request = await read(name);
  const conditions = [{ type, status: 'True', reason: 'Test', message: 'by the test' }];
  const changed = { ...request, status: { ...request.status, conditions } };
  await env.client.update(gvr.certificatesigningrequests, '', changed, { subresource: 'approval' });
}

async function issued(name: string): Promise<X509Certificate> {
  const certificate = await env.until('the certificate', async () => (await read(name)).status?.certificate);
  return new X509Certificate(Buffer.from(certificate, 'base64'));
}

async function failure(name: string) {
  const conditions = await env.until('the failure', async () => {
    const { status } = await read(name);
    return status?.conditions?.some(({ type }) => type === 'Failed') && status.conditions;
  });
  return conditions.find(({ type }) => type === 'Failed')!;
}

describe('a kubelet', () => {
  const subject: x509.JsonName = [{ O: ['system:nodes'] }, { CN: ['system:node:n1'] }];
  const request = async () => ({
    signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
    usages: NODE_USAGES,
    pem: await pemRequest(subject),
  });
  const bind = (role: string, subjectName: string) =>
    env.client.create<KubeObject>(gvr.clusterrolebindings, '', {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: `bootstrap-${++count}` },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: subjectName }],
    });

  it('gets its first certificate by a bootstrap token, once that may have it', async () => {
    await bind('system:node-bootstrapper', 'system:bootstrappers');
    const joining = env.server.client('system:bootstrap:abcdef', ['system:bootstrappers']);
    const name = await ask(await request(), joining);
    await bind('system:certificates.k8s.io:certificatesigningrequests:nodeclient', 'system:bootstrappers');
    const certificate = await issued(name);
    assert.equal(certificate.subject, 'O=system:nodes\nCN=system:node:n1');
    assert.ok(certificate.verify(new X509Certificate(env.server.tls.ca).publicKey));
    const [condition] = (await read(name)).status!.conditions!;
    assert.equal(condition!.reason, 'AutoApproved');
    assert.equal(condition!.message, 'Auto approving kubelet client certificate after SubjectAccessReview.');
  });

  it('renews the certificate by itself', async () => {
    await bind('system:certificates.k8s.io:certificatesigningrequests:selfnodeclient', 'system:nodes');
    const node = env.server.client('system:node:n1', ['system:nodes']);
    const name = await ask(await request(), node);
    await issued(name);
    const [condition] = (await read(name)).status!.conditions!;
    assert.equal(condition!.message, 'Auto approving self kubelet client certificate after SubjectAccessReview.');
  });
});

describe('an approved request', () => {
  it('becomes a certificate of its names, usages and life', async () => {
    const names: x509.JsonGeneralNames = [
      { type: 'dns', value: 'n1.example.org' },
      { type: 'ip', value: '192.0.2.7' },
    ];
    const pem = await pemRequest([{ O: ['system:nodes'] }, { CN: ['system:node:n1'] }], names);
    const usages = ['server auth', 'digital signature', 'key encipherment'];
    const signerName = 'kubernetes.io/kubelet-serving';
    const name = await ask({ signerName, usages, expirationSeconds: 3600, pem });
    await answer(name, 'Approved');
    const certificate = await issued(name);
    assert.equal(certificate.subjectAltName, 'DNS:n1.example.org, IP Address:192.0.2.7');
    assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.1']);
    assert.equal(certificate.ca, false);
    const life = Date.parse(certificate.validTo) - Date.parse(certificate.validFrom);
    assert.equal(life, HOUR + 5 * 60_000);
  });

  it('may come from anybody for the legacy signer of a client, and lasts a year', async () => {
    const pem = await pemRequest([{ O: ['devs', 'ops'] }, { CN: ['jane'] }]);
    const name = await ask({ signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth'], pem });
    await answer(name, 'Approved');
    const certificate = await issued(name);
    assert.equal(Date.parse(certificate.validTo) - Date.parse(certificate.validFrom), 365 * 24 * HOUR);
    assert.match(certificate.subject, /CN=jane/);
  });

  it('carries one common name alone, whatever was asked for', async () => {
    const pem = await pemRequest([{ CN: ['first'] }, { CN: ['last'] }, { O: ['devs'] }]);
    const name = await ask({ signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth'], pem });
    await answer(name, 'Approved');
    assert.equal((await issued(name)).subject, 'O=devs\nCN=last');
  });

  const refused: [what: string, signer: string, usages: string[], subject: x509.JsonName, message: string][] = [
    ['a user', 'kubelet-serving', NODE_USAGES, [{ CN: ['jane'] }], 'subject organization is not system:nodes'],
    [
      'a server',
      'kube-apiserver-client',
      ['server auth'],
      [{ CN: ['jane'] }],
      'invalid usage for client certificate: server auth',
    ],
    [
      'no purpose',
      'kube-apiserver-client',
      ['digital signature'],
      [{ CN: ['jane'] }],
      'missing required usage for client certificate: client auth',
    ],
    [
      'a node without its name',
      'kube-apiserver-client-kubelet',
      NODE_USAGES,
      [{ O: ['system:nodes'] }, { CN: ['n1'] }],
      'subject common name does not begin with system:node:',
    ],
    [
      'other usages of a node',
      'kube-apiserver-client-kubelet',
      ['client auth'],
      [{ O: ['system:nodes'] }, { CN: ['system:node:n1'] }],
      'usages did not match [client auth digital signature key encipherment]',
    ],
  ];
  for (const [what, signer, usages, subject, message] of refused) {
    it(`fails for ${what}`, async () => {
      const name = await ask({ signerName: `kubernetes.io/${signer}`, usages, pem: await pemRequest(subject) });
      await answer(name, 'Approved');
      const condition = await failure(name);
      assert.equal(condition.reason, 'SignerValidationFailure');
      assert.equal(condition.message, message);
      assert.equal((await read(name)).status?.certificate, undefined);
    });
  }
});

describe('the bundle of this API', () => {
  const bundles = async () => {
    const fieldSelector = 'spec.signerName=kubernetes.io/kube-apiserver-serving';
    return (await env.client.list<ClusterTrustBundle & KubeObject>(gvr.clustertrustbundles, { fieldSelector })).items;
  };

  it('has the authority, alone, and comes back', async () => {
    const [bundle] = await env.until('the bundle', async () => {
      const items = await bundles();
      return items.length === 1 && items;
    });
    assert.equal(bundle!.spec.trustBundle, env.server.tls.ca);
    assert.match(bundle!.metadata.name!, /^kubernetes\.io:kube-apiserver-serving:[0-9a-f]{24}$/);
    const name = 'kubernetes.io:kube-apiserver-serving:other';
    const { apiVersion, kind, spec } = bundle!;
    await env.client.create<KubeObject>(gvr.clustertrustbundles, '', { apiVersion, kind, metadata: { name }, spec });
    await env.until('the other one to go', async () => (await bundles()).every((item) => item.metadata.name !== name));
    await env.client.delete(gvr.clustertrustbundles, '', bundle!.metadata.name!);
    await env.until('the bundle again', async () => (await bundles()).length === 1);
  });
});
