import assert from 'node:assert/strict';
import { kindModules } from '../built-in/kind-modules.generated.js';
import { allResources } from '../built-in/resources.js';
import { imagePullPolicyFor } from '../core/v1/pod/image-reference.js';
import { defaultsFacts } from '../facts/facts.js';
import { kindKey } from '../facts/kind-key.js';
import { structType } from '../schema/type-graph.js';
import { given, resource } from '../testing/spec-support.js';

describe('defaults', () => {
  it('have code for every rule of every kind', () => {
    for (const item of allResources()) given(`${item.group ? `${item.group}/` : ''}${item.version}/${item.plural}`);
    const known = new Set(
      allResources().map((item) => `${item.group ? `${item.group}/` : ''}${item.version}/${item.kind}`),
    );
    const unknown = Object.keys(defaultsFacts().kinds).filter((kind) => !known.has(kind));
    assert.deepEqual(unknown, ['authentication.k8s.io/v1/TokenRequest']);
  });

  it('have a fact for every rule of every kind, and a type for every fact', () => {
    const { kinds, types } = defaultsFacts();
    for (const { group, version, kind, defaults, typeDefaults } of kindModules) {
      const facts = Object.keys(kinds[kindKey(group, version, kind)] ?? {});
      for (const path of Object.keys(defaults ?? {})) assert.ok(facts.includes(path), `${kind}: ${path}`);
      for (const [type, rules] of Object.entries(typeDefaults ?? {})) {
        for (const field of Object.keys(rules)) assert.ok(types[type]?.[field] !== undefined, `${type}: ${field}`);
      }
    }
    for (const type of Object.keys(types)) assert.equal(structType(type).name, type);
  });

  it('complete the rules of webhooks and policies', () => {
    const rule = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] };
    const webhooks = given('admissionregistration.k8s.io/v1/validatingwebhookconfigurations', {
      webhooks: [{ name: 'a.b.c', rules: [rule] }],
    });
    assert.deepEqual(webhooks['webhooks'][0].rules, [{ ...rule, scope: '*' }]);
    const policy = given('admissionregistration.k8s.io/v1/validatingadmissionpolicies', {
      spec: { matchConstraints: { resourceRules: [rule] } },
    });
    assert.equal(policy.spec.matchConstraints.resourceRules[0].scope, '*');
  });

  it('change nothing the second time', () => {
    for (const path of ['v1/pods', 'v1/services', 'apps/v1/deployments', 'apps/v1/statefulsets', 'batch/v1/jobs']) {
      const object = given(path, { spec: { template: { spec: { containers: [{ name: 'c', image: 'i' }] } } } });
      const again = structuredClone(object);
      resource(path).strategy.applyDefaults(again);
      assert.deepEqual(again, object);
    }
  });

  it('complete a pod', () => {
    const pod = given('v1/pods', {
      spec: {
        hostNetwork: true,
        serviceAccount: 'sa',
        volumes: [{ name: 'v' }, { name: 's', secret: { secretName: 'x' } }],
        containers: [
          {
            name: 'c',
            image: 'nginx',
            ports: [{ containerPort: 80 }],
            resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m' } },
            readinessProbe: { httpGet: { port: 80 } },
          },
        ],
      },
    });
    assert.deepEqual(pod.spec, {
      hostNetwork: true,
      serviceAccount: 'sa',
      serviceAccountName: 'sa',
      volumes: [
        { name: 'v', emptyDir: {} },
        { name: 's', secret: { secretName: 'x', defaultMode: 420 } },
      ],
      containers: [
        {
          name: 'c',
          image: 'nginx',
          ports: [{ containerPort: 80, hostPort: 80, protocol: 'TCP' }],
          resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m', memory: '1Gi' } },
          readinessProbe: {
            httpGet: { port: 80, path: '/', scheme: 'HTTP' },
            timeoutSeconds: 1,
            periodSeconds: 10,
            successThreshold: 1,
            failureThreshold: 3,
          },
          imagePullPolicy: 'Always',
          terminationMessagePath: '/dev/termination-log',
          terminationMessagePolicy: 'File',
        },
      ],
      enableServiceLinks: true,
      dnsPolicy: 'ClusterFirst',
      restartPolicy: 'Always',
      securityContext: {},
      terminationGracePeriodSeconds: 30,
      schedulerName: 'default-scheduler',
    });
  });

  it('do not copy limits to requests in a template', () => {
    const containers = [{ name: 'c', image: 'i', resources: { limits: { cpu: '1' } } }];
    const deployment = given('apps/v1/deployments', { spec: { template: { spec: { containers } } } });
    assert.deepEqual(deployment.spec.template.spec.containers[0].resources, { limits: { cpu: '1' } });
    assert.equal(deployment.spec.template.spec.enableServiceLinks, undefined);
  });

  const rows: [path: string, body: any, read: (object: any) => unknown, expected: unknown][] = [
    [
      'apps/v1/deployments',
      {},
      ({ spec }) => spec.strategy,
      { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } },
    ],
    [
      'apps/v1/deployments',
      { spec: { strategy: { type: 'Recreate' } } },
      ({ spec }) => spec.strategy,
      { type: 'Recreate' },
    ],
    ['apps/v1/deployments', { spec: { replicas: 0 } }, ({ spec }) => spec.replicas, 0],
    ['apps/v1/daemonsets', {}, ({ spec }) => spec.updateStrategy.rollingUpdate, { maxUnavailable: 1, maxSurge: 0 }],
    ['apps/v1/statefulsets', {}, ({ spec }) => spec.updateStrategy.rollingUpdate, { partition: 0, maxUnavailable: 1 }],
    [
      'apps/v1/statefulsets',
      { spec: { updateStrategy: { type: 'RollingUpdate' } } },
      ({ spec }) => spec.updateStrategy.rollingUpdate,
      undefined,
    ],
    ['batch/v1/jobs', {}, ({ spec }) => [spec.completions, spec.parallelism, spec.backoffLimit], [1, 1, 6]],
    ['batch/v1/jobs', { spec: { parallelism: 3 } }, ({ spec }) => spec.completions, undefined],
    [
      'v1/services',
      { spec: { type: 'LoadBalancer' } },
      ({ spec }) => [spec.externalTrafficPolicy, spec.allocateLoadBalancerNodePorts],
      ['Cluster', true],
    ],
    [
      'v1/services',
      { spec: { sessionAffinity: 'ClientIP' } },
      ({ spec }) => spec.sessionAffinityConfig,
      { clientIP: { timeoutSeconds: 10800 } },
    ],
    ['v1/services', { spec: { type: 'ExternalName' } }, ({ spec }) => spec.internalTrafficPolicy, undefined],
    [
      'v1/namespaces',
      { metadata: { name: 'x' } },
      ({ metadata }) => metadata.labels,
      { 'kubernetes.io/metadata.name': 'x' },
    ],
    [
      'networking.k8s.io/v1/networkpolicies',
      { spec: { egress: [{}] } },
      ({ spec }) => spec.policyTypes,
      ['Ingress', 'Egress'],
    ],
    [
      'rbac.authorization.k8s.io/v1/clusterrolebindings',
      { subjects: [{ kind: 'User', name: 'u' }] },
      ({ subjects }) => subjects[0].apiGroup,
      'rbac.authorization.k8s.io',
    ],
    [
      'autoscaling/v2/horizontalpodautoscalers',
      { spec: { behavior: { scaleUp: { selectPolicy: 'Min' } } } },
      ({ spec }) => [spec.behavior.scaleUp.selectPolicy, spec.behavior.scaleDown.selectPolicy],
      ['Min', 'Max'],
    ],
    [
      'v1/limitranges',
      { spec: { limits: [{ type: 'Container', max: { cpu: '2' }, min: { memory: '1' } }] } },
      ({ spec }) => spec.limits[0].defaultRequest,
      { cpu: '2', memory: '1' },
    ],
    ['flowcontrol.apiserver.k8s.io/v1/flowschemas', {}, ({ spec }) => spec.matchingPrecedence, 1000],
    ['v1/pods', { status: { podIPs: [{ ip: '10.0.0.1' }] } }, ({ status }) => status.podIP, '10.0.0.1'],
  ];
  for (const [path, body, read, expected] of rows) {
    it(`of ${path} for ${JSON.stringify(body)}`, () => assert.deepEqual(read(given(path, body)), expected));
  }
});

describe('the pull policy of an image', () => {
  for (const [image, policy] of [
    ['nginx', 'Always'],
    ['nginx:latest', 'Always'],
    ['nginx:1.27', 'IfNotPresent'],
    ['registry:5000/nginx', 'Always'],
    ['registry:5000/nginx:1', 'IfNotPresent'],
    ['nginx@sha256:0123', 'IfNotPresent'],
  ] as const) {
    it(`${image} is ${policy}`, () => assert.equal(imagePullPolicyFor(image), policy));
  }
});
