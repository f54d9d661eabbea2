import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeUnless } from '#testing';
import { createAuthority, issueCertificate } from '../../apps/api/src/pki/certificate-issuer.js';
import { Cluster, clusterMissing, until } from './cluster.js';

const IMAGE = 'berth.local/web:1';
const PROGRAM = join(dirname(fileURLToPath(import.meta.url)), 'admission-webhook.js');

describeUnless(clusterMissing(), 'webhooks in pods', () => {
  let cluster: Cluster;
  let caBundle: string;

  /** Node and the program are this machine's: the container sees its root. */
  const webhookPods = (certificate: string, key: string) => ({
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'hook' } },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'hook' } },
      template: {
        metadata: { labels: { app: 'hook' } },
        spec: {
          terminationGracePeriodSeconds: 0,
          containers: [
            {
              ...{ name: 'c', image: IMAGE },
              command: ['chroot', '/host', process.execPath, PROGRAM],
              env: [
                { name: 'CERTIFICATE', value: certificate },
                { name: 'KEY', value: key },
                { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
              ],
              readinessProbe: { httpGet: { path: '/', port: 8443, scheme: 'HTTPS' }, periodSeconds: 1 },
              volumeMounts: [{ name: 'host', mountPath: '/host', readOnly: true }],
            },
          ],
          volumes: [{ name: 'host', hostPath: { path: '/' } }],
        },
      },
    },
  });
  const configuration = (kind: 'Mutating' | 'Validating', path: string) => ({
    ...{ apiVersion: 'admissionregistration.k8s.io/v1', kind: `${kind}WebhookConfiguration` },
    metadata: { name: 'hook' },
    webhooks: [
      {
        name: `${kind.toLowerCase()}.example.com`,
        clientConfig: { service: { namespace: 'default', name: 'hook', path }, caBundle },
        rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] }],
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'default' } },
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
        timeoutSeconds: 5,
      },
    ],
  });
  const create = (name: string, labels = {}) =>
    cluster.run(['kubectl', `--kubeconfig=${cluster.kubeconfig}`, 'create', '-o', 'json', '-f', '-'], {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels } }),
    });

  beforeAll(async () => {
    cluster = new Cluster('webhooks');
    await cluster.up();
    await cluster.importImage(IMAGE, 'page');
    const now = new Date();
    const authority = await createAuthority('hook authority', now);
    caBundle = Buffer.from(authority.certificate).toString('base64');
    const profile = { commonName: 'hook', usages: ['server'] as const, dnsNames: ['hook.default.svc'] };
    const { certificate, key } = await issueCertificate(authority, profile, now);
    const service = {
      ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'hook' } },
      spec: { selector: { app: 'hook' }, ports: [{ port: 443, targetPort: 8443 }] },
    };
    await cluster.apply([webhookPods(certificate, key), service].map((item) => JSON.stringify(item)).join('\n'));
    await cluster.kubectl('rollout', 'status', 'deployment/hook', '--timeout=60s');
    await cluster.apply(JSON.stringify(configuration('Mutating', '/mutate')));
    await cluster.apply(JSON.stringify(configuration('Validating', '/validate')));
  });
  afterAll(async () => {
    await cluster?.close();
  });

  test('the endpoints of their Service are called', async () => {
    const reviewed = await create('reviewed');
    assert.equal(reviewed.code, 0, reviewed.stderr);
    const made = JSON.parse(reviewed.stdout);
    assert.match(made.metadata.labels['seen-by'], /^hook-/);
    const refused = await create('refused', { refuse: '' });
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /admission webhook "validating\.example\.com" denied the request: as it asks for/);
  });

  test('without endpoints what they guard is refused, and the configuration can be deleted', async () => {
    await cluster.kubectl('scale', 'deployment/hook', '--replicas=0');
    const { stderr } = await until('no endpoint is left', async () => {
      const output = await create('away');
      return output.code !== 0 && output.stderr.includes('no endpoints available') && output;
    });
    assert.match(
      stderr,
      /Internal error occurred: failed calling webhook "mutating\.example\.com": failed to call webhook: Post "https:\/\/hook\.default\.svc:443\/mutate\?timeout=5s": no endpoints available for service "hook"/,
    );
    await cluster.kubectl('delete', 'mutatingwebhookconfiguration,validatingwebhookconfiguration', 'hook');
    const made = await create('free');
    assert.equal(made.code, 0, made.stderr);
  });
});
