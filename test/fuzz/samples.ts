import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
import { policySamples } from './policy-samples.js';
import { storageSamples } from './storage-samples.js';

/** What samples refer to. */
export interface Place {
  namespace: string;
  /** PEM of a certificate of an authority. */
  authority: string;
  /** A certificate request: PEM, and base64 of DER without names. */
  request: { pem: string; der: string };
}

/** One object that the server accepts, by `group/version/Kind` (core kinds: `v1/Kind`); `name` is not used before. */
export type Samples = Record<string, (name: string, place: Place) => Record<string, unknown>>;

export async function certificateRequest(): Promise<Place['request']> {
  const signingAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = (await webcrypto.subtle.generateKey(signingAlgorithm, true, ['sign', 'verify'])) as CryptoKeyPair;
  const make = (name?: string) => Pkcs10CertificateRequestGenerator.create({ name, keys, signingAlgorithm } as never);
  const [named, bare] = [await make('CN=fuzz'), await make()];
  return { pem: named.toString('pem'), der: Buffer.from(bare.rawData).toString('base64') };
}

type CryptoKeyPair = webcrypto.CryptoKeyPair;

const labels = { app: 'fuzz' };
const selector = { matchLabels: labels };
const podSpec = {
  automountServiceAccountToken: false,
  containers: [
    {
      name: 'c',
      image: 'example.com/i:1',
      ports: [{ containerPort: 80, name: 'http' }],
      env: [{ name: 'A', value: 'b' }],
      resources: { requests: { cpu: '10m', memory: '8Mi' }, limits: { cpu: '1', memory: '16Mi' } },
      volumeMounts: [{ name: 'v', mountPath: '/v' }],
      livenessProbe: { httpGet: { path: '/', port: 'http' } },
    },
  ],
  volumes: [{ name: 'v', emptyDir: {} }],
};
const template = { metadata: { labels }, spec: podSpec };
const jobSpec = { template: { metadata: { labels }, spec: { ...podSpec, restartPolicy: 'Never' } } };
const base64 = (text: string) => Buffer.from(text).toString('base64');
const review = (spec: object) => () => ({ spec });
const roleRef = (kind: string) => ({ apiGroup: 'rbac.authorization.k8s.io', kind, name: 'view' });
const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] }];
const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'jane' }];

export const samples: Samples = {
  ...policySamples,
  ...storageSamples,
  'v1/ConfigMap': () => ({ data: { a: '1' }, binaryData: { b: 'AQ==' } }),
  'v1/Endpoints': () => ({
    subsets: [{ addresses: [{ ip: '10.1.2.3' }], ports: [{ port: 80, name: 'http', protocol: 'TCP' }] }],
  }),
  'v1/Event': (name, { namespace }) => ({
    involvedObject: { kind: 'Pod', name, namespace },
    ...{ reason: 'Fuzz', message: 'm', type: 'Normal', source: { component: 'fuzz' } },
  }),
  'v1/LimitRange': () => ({
    spec: { limits: [{ type: 'Container', max: { cpu: '2' }, min: { cpu: '1m' }, default: { cpu: '500m' } }] },
  }),
  'v1/Namespace': () => ({}),
  'v1/Node': () => ({ spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } }),
  'v1/Pod': () => ({ spec: podSpec }),
  'v1/PodTemplate': () => ({ template }),
  'v1/ReplicationController': () => ({ spec: { replicas: 0, selector: labels, template } }),
  'v1/ResourceQuota': () => ({ spec: { hard: { pods: '10', 'count/widgets.example.com': '3', 'requests.cpu': '4' } } }),
  'v1/Secret': () => ({ data: { a: 'AQ==' }, stringData: { b: 'c' } }),
  'v1/ServiceAccount': () => ({ imagePullSecrets: [{ name: 'a' }] }),
  'v1/Service': () => ({ spec: { selector: labels, ports: [{ port: 80, targetPort: 'http', name: 'http' }] } }),
  'apiregistration.k8s.io/v1/APIService': (name, { namespace }) => ({
    metadata: { name: `v1.${name}.example.com` },
    spec: {
      ...{ group: `${name}.example.com`, version: 'v1', groupPriorityMinimum: 100, versionPriority: 10 },
      ...{ service: { name: 's', namespace, port: 443 }, insecureSkipTLSVerify: true },
    },
  }),
  'apps/v1/ControllerRevision': () => ({ revision: 1, data: { a: [1] } }),
  'apps/v1/DaemonSet': () => ({ spec: { selector, template } }),
  'apps/v1/Deployment': () => ({ spec: { replicas: 0, selector, template } }),
  'apps/v1/ReplicaSet': () => ({ spec: { replicas: 0, selector, template } }),
  'apps/v1/StatefulSet': (name) => ({ spec: { replicas: 0, selector, template, serviceName: name } }),
  'events.k8s.io/v1/Event': (name, { namespace }) => ({
    ...{ eventTime: '2026-01-01T00:00:00.000000Z', reportingController: 'example.com/fuzz', reportingInstance: 'f' },
    ...{ action: 'Fuzz', reason: 'Fuzz', type: 'Normal', regarding: { kind: 'Pod', name, namespace } },
  }),
  'authentication.k8s.io/v1/SelfSubjectReview': () => ({}),
  'authentication.k8s.io/v1/TokenReview': review({ token: 'a.b.c', audiences: ['x'] }),
  'authorization.k8s.io/v1/LocalSubjectAccessReview': (_, { namespace }) => ({
    metadata: { namespace },
    spec: { user: 'jane', resourceAttributes: { namespace, verb: 'get', resource: 'pods' } },
  }),
  'authorization.k8s.io/v1/SelfSubjectAccessReview': review({
    resourceAttributes: { verb: 'list', resource: 'pods', labelSelector: { rawSelector: 'a in (b)' } },
  }),
  'authorization.k8s.io/v1/SelfSubjectRulesReview': (_, { namespace }) => ({ spec: { namespace } }),
  'authorization.k8s.io/v1/SubjectAccessReview': review({
    ...{ user: 'jane', groups: ['g'], extra: { a: ['b'] } },
    nonResourceAttributes: { path: '/healthz', verb: 'get' },
  }),
  'autoscaling/v2/HorizontalPodAutoscaler': () => ({
    spec: {
      ...{ minReplicas: 1, maxReplicas: 5, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' } },
      metrics: [
        { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 60 } } },
      ],
      behavior: { scaleUp: { policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }] } },
    },
  }),
  'autoscaling/v1/HorizontalPodAutoscaler': () => ({
    spec: {
      maxReplicas: 5,
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
      targetCPUUtilizationPercentage: 50,
    },
  }),
  'batch/v1/CronJob': () => ({
    spec: { schedule: '*/5 * * * *', timeZone: 'Etc/UTC', jobTemplate: { spec: jobSpec } },
  }),
  'batch/v1/Job': () => ({ spec: { suspend: true, completions: 2, parallelism: 1, ...jobSpec } }),
  'certificates.k8s.io/v1/CertificateSigningRequest': (_, { request }) => ({
    spec: { request: base64(request.pem), signerName: 'example.com/signer', usages: ['client auth'] },
  }),
  'certificates.k8s.io/v1/ClusterTrustBundle': (_, { authority }) => ({ spec: { trustBundle: authority } }),
  'certificates.k8s.io/v1/PodCertificateRequest': (_, { request }) => ({
    spec: {
      ...{ signerName: 'example.com/signer', stubPKCS10Request: request.der },
      ...{ podName: 'p', podUID: 'u1', nodeName: 'n', nodeUID: 'u2', serviceAccountName: 's', serviceAccountUID: 'u3' },
    },
  }),
  'networking.k8s.io/v1/IngressClass': () => ({ spec: { controller: 'example.com/c' } }),
  'networking.k8s.io/v1/Ingress': () => ({
    spec: {
      tls: [{ hosts: ['example.com'], secretName: 's' }],
      rules: [
        {
          host: 'example.com',
          http: {
            paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 's', port: { number: 80 } } } }],
          },
        },
      ],
    },
  }),
  'networking.k8s.io/v1/IPAddress': (name, { namespace }) => ({
    metadata: { name: `10.96.${200 + (hash(name) % 50)}.${1 + (hash(name) % 250)}` },
    spec: { parentRef: { resource: 'services', namespace, name } },
  }),
  'networking.k8s.io/v1/NetworkPolicy': () => ({
    spec: {
      podSelector: selector,
      policyTypes: ['Ingress', 'Egress'],
      ingress: [
        { from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }], ports: [{ port: 80, endPort: 90 }] },
      ],
      egress: [{ to: [{ namespaceSelector: selector, podSelector: {} }] }],
    },
  }),
  'networking.k8s.io/v1/ServiceCIDR': (name) => ({ spec: { cidrs: [`10.${100 + (hash(name) % 100)}.0.0/20`] } }),
  'policy/v1/PodDisruptionBudget': () => ({ spec: { minAvailable: '50%', selector } }),
  'rbac.authorization.k8s.io/v1/ClusterRole': () => ({
    rules: [...rules, { nonResourceURLs: ['/metrics'], verbs: ['get'] }],
  }),
  'rbac.authorization.k8s.io/v1/ClusterRoleBinding': () => ({ roleRef: roleRef('ClusterRole'), subjects }),
  'rbac.authorization.k8s.io/v1/Role': () => ({ rules }),
  'rbac.authorization.k8s.io/v1/RoleBinding': () => ({ roleRef: roleRef('ClusterRole'), subjects }),
  'scheduling.k8s.io/v1/PriorityClass': () => ({ value: 1000, preemptionPolicy: 'Never', description: 'd' }),
  'coordination.k8s.io/v1/Lease': () => ({
    spec: { holderIdentity: 'h', leaseDurationSeconds: 15, renewTime: '2026-01-01T00:00:00.000000Z' },
  }),
  'node.k8s.io/v1/RuntimeClass': () => ({ handler: 'h', overhead: { podFixed: { cpu: '10m' } } }),
  'discovery.k8s.io/v1/EndpointSlice': () => ({
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.1.2.3'], conditions: { ready: true }, zone: 'a' }],
    ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
  }),
  'storagemigration.k8s.io/v1/StorageVersionMigration': () => ({ spec: { resource: { resource: 'secrets' } } }),
};

/** Kinds of which the server keeps no sample: what they ask for, or about, is not there. */
export const WITHOUT_SAMPLE = ['v1/Binding'];

function hash(text: string): number {
  let sum = 0;
  for (const character of text) sum = (sum * 31 + character.charCodeAt(0)) >>> 0;
  return sum;
}
