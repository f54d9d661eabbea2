import 'reflect-metadata';
import assert from 'node:assert/strict';
import { createPrivateKey, webcrypto, X509Certificate } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { formatTime, type KubeObject } from '#apimachinery';
import { pemBlocks } from '#kinds';
import { describeUnless } from '#testing';
import { Cluster, clusterMissing, until } from './cluster.js';

const IMAGE = 'berth.local/web:1';
const SIGNER = 'example.com/signer';
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const HOUR = 3_600_000;
/** More than a hundred: as many as a pod of the reference's conformance tests mounts. */
const BUNDLES = 120;

async function authority(name: string) {
  const keys = (await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const extensions = [new x509.BasicConstraintsExtension(true, undefined, true)];
  const parameters = { name: `CN=${name}`, keys, signingAlgorithm: ALGORITHM, extensions };
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(parameters);
  return { keys, certificate, pem: `${certificate.toString('pem')}\n` };
}

const bundle = (name: string, trustBundle: string, labels: object = {}) => ({
  apiVersion: 'certificates.k8s.io/v1',
  kind: 'ClusterTrustBundle',
  metadata: { name: `example.com:signer:${name}`, labels },
  spec: { signerName: SIGNER, trustBundle },
});
const pod = (name: string, sources: object[]) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        name: 'c',
        image: IMAGE,
        command: ['sh', '-c', 'while :; do sleep 1; done'],
        volumeMounts: [{ name: 'tls', mountPath: '/tls' }],
      },
    ],
    volumes: [{ name: 'tls', projected: { sources } }],
  },
});

describeUnless(clusterMissing(), 'certificates and trust bundles in pods', () => {
  let cluster: Cluster;
  let signing: Awaited<ReturnType<typeof authority>>;

  const apply = (...items: object[]) => cluster.apply(items.map((item) => JSON.stringify(item)).join('\n'));
  const ready = (name: string) => cluster.kubectl('wait', '--for=condition=Ready', `pod/${name}`, '--timeout=60s');
  const file = (name: string, path: string) => cluster.kubectl('exec', name, '--', 'cat', `/tls/${path}`);
  const subjects = (pem: string) =>
    pemBlocks(pem)
      .map(({ bytes }) => new X509Certificate(bytes).subject)
      .sort();
  const events = async (name: string, reason: string): Promise<string[]> => {
    const selector = `--field-selector=involvedObject.name=${name},reason=${reason}`;
    return (await cluster.json('get', 'events', selector)).items.map(({ message }: { message: string }) => message);
  };
  const requestOf = (podName: string) =>
    until(`${podName} asks for a certificate`, async () => {
      const selector = `--field-selector=spec.podName=${podName}`;
      const { items } = await cluster.json('get', 'podcertificaterequests', selector);
      return items.length > 0 && (items as KubeObject[]);
    });
  const answer = (name: string, status: object) => {
    const options = ['--subresource=status', '--type=merge', '-p', JSON.stringify({ status })];
    return cluster.kubectl('patch', 'podcertificaterequest', name, ...options);
  };
  const condition = (type: string) => ({
    ...{ type, status: 'True', reason: 'Because', message: 'of the test' },
    lastTransitionTime: formatTime(new Date()),
  });

  async function issue({ metadata, ...rest }: KubeObject): Promise<void> {
    const spec = rest['spec'];
    const request = new x509.Pkcs10CertificateRequest(Buffer.from(spec.stubPKCS10Request, 'base64'));
    const now = Math.floor(Date.now() / 1000) * 1000;
    const [notBefore, notAfter] = [new Date(now), new Date(now + spec.maxExpirationSeconds * 1000)];
    const leaf = await x509.X509CertificateGenerator.create({
      ...{ publicKey: request.publicKey, notBefore, notAfter, signingAlgorithm: ALGORITHM },
      subject: `CN=${spec.podName}`,
      issuer: signing.certificate.subject,
      signingKey: signing.keys.privateKey,
    });
    await answer(metadata.name!, {
      conditions: [condition('Issued')],
      certificateChain: `a comment\n${leaf.toString('pem')}\n`,
      notBefore: formatTime(notBefore),
      notAfter: formatTime(notAfter),
      beginRefreshAt: formatTime(new Date(now + HOUR)),
    });
  }

  beforeAll(async () => {
    cluster = new Cluster('podcerts');
    await cluster.up();
    await cluster.importImage(IMAGE, 'page');
    signing = await authority('signing');
  });
  afterAll(() => cluster?.close());

  test('a pod starts with its key, its certificates and the anchors of its signer', async () => {
    await apply(bundle('main', signing.pem));
    await apply(
      pod('mutual', [
        {
          podCertificate: {
            ...{ signerName: SIGNER, keyType: 'ECDSAP384', maxExpirationSeconds: 7200 },
            ...{ credentialBundlePath: 'all.pem', keyPath: 'key.pem', certificateChainPath: 'chain.pem' },
            userAnnotations: { 'example.com/hint': 'x' },
          },
        },
        { clusterTrustBundle: { signerName: SIGNER, labelSelector: {}, path: 'ca.pem' } },
      ]),
    );
    const [request] = await requestOf('mutual');
    assert.deepEqual(request!['spec'].unverifiedUserAnnotations, { 'example.com/hint': 'x' });
    await until('the pod says what it waits for', async () =>
      (await events('mutual', 'FailedMount')).some((text) => text.includes('credential bundle is not issued yet')),
    );
    await issue(request!);
    await ready('mutual');
    const chain = await file('mutual', 'chain.pem');
    const key = await file('mutual', 'key.pem');
    assert.equal(await file('mutual', 'all.pem'), key + chain);
    const leaf = new X509Certificate(chain);
    assert.ok(chain.startsWith('-----BEGIN CERTIFICATE-----\n'));
    assert.ok(leaf.checkPrivateKey(createPrivateKey(key)));
    assert.equal(createPrivateKey(key).asymmetricKeyDetails?.namedCurve, 'secp384r1');
    assert.ok(leaf.verify(new X509Certificate(await file('mutual', 'ca.pem')).publicKey));
    const { message } = (await cluster.json('get', 'podcertificaterequest', request!.metadata.name!)).status
      .conditions[0];
    assert.equal(message, 'of the test');
    const metrics = await cluster.kubectl('get', '--raw', `/api/v1/nodes/${cluster.nodeName}/proxy/metrics`);
    assert.match(metrics, /kubelet_podcertificate_states\{signer_name="example.com\/signer",state="fresh"\} 1/);
  });

  test('a pod whose certificate is denied does not start, and says why', async () => {
    await apply(
      pod('denied', [{ podCertificate: { signerName: SIGNER, keyType: 'ED25519', credentialBundlePath: 'all.pem' } }]),
    );
    const [request] = await requestOf('denied');
    await answer(request!.metadata.name!, { conditions: [condition('Denied')] });
    const denied = await until('the event', async () => (await events('denied', 'Denied'))[0]);
    assert.match(denied, /was denied, reason="Because", message="of the test"$/);
    await until('the mount fails for good', async () =>
      (await events('denied', 'FailedMount')).some((text) => text.includes('was permanently denied')),
    );
    await cluster.kubectl('delete', 'pod', 'denied', '--timeout=60s');
  });

  test('many bundles go into one file and into many, and files follow them', async () => {
    const others = await Promise.all(Array.from({ length: BUNDLES }, (_, i) => authority(`other-${i}`)));
    await apply(...others.map(({ pem }, i) => bundle(`other-${i}`, pem, { part: i < 2 ? 'small' : 'large' })));
    const names = others.map((_, i) => ({
      clusterTrustBundle: { name: `example.com:signer:other-${i}`, path: `by-name/${i}.pem` },
    }));
    const small = { matchLabels: { part: 'small' } };
    await apply(
      pod('trusting', [
        ...names,
        { clusterTrustBundle: { signerName: SIGNER, labelSelector: {}, path: 'all.pem' } },
        { clusterTrustBundle: { signerName: SIGNER, labelSelector: small, path: 'small.pem' } },
        { clusterTrustBundle: { signerName: SIGNER, path: 'nothing.pem', optional: true } },
      ]),
    );
    await ready('trusting');
    assert.equal(subjects(await file('trusting', 'all.pem')).length, BUNDLES + 1);
    assert.deepEqual(subjects(await file('trusting', 'small.pem')), ['CN=other-0', 'CN=other-1']);
    assert.deepEqual(subjects(await file('trusting', `by-name/${BUNDLES - 1}.pem`)), [`CN=other-${BUNDLES - 1}`]);
    assert.equal(await file('trusting', 'nothing.pem'), '');

    await cluster.kubectl('label', 'clustertrustbundle', 'example.com:signer:other-7', 'part=small', '--overwrite');
    await until('the file follows', async () => subjects(await file('trusting', 'small.pem')).length === 3);
  });

  test('a pod waits for a bundle that must be there', async () => {
    await apply(pod('waiting', [{ clusterTrustBundle: { name: 'later', path: 'ca.pem' } }]));
    await until('the event', async () =>
      (await events('waiting', 'FailedMount')).some((text) =>
        text.includes('clustertrustbundle.certificates.k8s.io "later" not found'),
      ),
    );
    const { metadata, spec, ...type } = bundle('x', signing.pem);
    await apply({ ...type, metadata: { ...metadata, name: 'later' }, spec: { trustBundle: spec.trustBundle } });
    await ready('waiting');
    assert.deepEqual(subjects(await file('waiting', 'ca.pem')), ['CN=signing']);
  });
});
