import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KubeObject, StatusError, UserInfo } from '#apimachinery';
import type { Authorizer } from '../authorization/authorizer.js';
import type { AdmissionAttributes } from './admission.js';
import { type AdmissionChain, createAdmission, OrderedPlugins } from './admission-chain.js';
import type { Lister } from './lister.js';

const alice: UserInfo = { name: 'alice', groups: ['system:authenticated'] };
const node1: UserInfo = { name: 'system:node:node-1', groups: ['system:nodes', 'system:authenticated'] };
const nobody: Authorizer = { authorize: () => ({ decision: 'NoOpinion', reason: '' }) };

type Objects = Record<string, Record<string, Record<string, unknown>>>;

/** Storage resource to `namespace/name` to the object without its header. */
function lister(objects: Objects): Lister {
  const make = (key: string, body: Record<string, any>): KubeObject => {
    const [namespace = '', name = ''] = key.split('/');
    const metadata = { name, namespace, uid: `${name}-uid`, ...body['metadata'] };
    return { apiVersion: 'v1', kind: '', ...body, metadata };
  };
  return {
    get: (resource, namespace, name) => {
      const body = objects[resource]?.[`${namespace}/${name}`];
      return body && make(`${namespace}/${name}`, body);
    },
    list: (resource, namespace) =>
      Object.entries(objects[resource] ?? {})
        .map(([key, body]) => make(key, body))
        .filter((object) => namespace === undefined || object.metadata.namespace === namespace),
  };
}

function chain(objects: Objects = {}): AdmissionChain {
  const base: Objects = {
    namespaces: { '/web': {}, '/ending': { status: { phase: 'Terminating' } } },
    serviceaccounts: { 'web/default': {} },
  };
  return createAdmission({ lister: lister({ ...base, ...objects }), authorizer: nobody });
}

function attributes(
  operation: AdmissionAttributes['operation'],
  path: string,
  object: Record<string, unknown> | undefined,
  more: Partial<AdmissionAttributes> = {},
): AdmissionAttributes {
  // `pods/status.group`
  const [what = '', ...group] = path.split('.');
  const [resource = '', subresource = ''] = what.split('/');
  const body = object && ({ apiVersion: 'v1', kind: '', ...object } as KubeObject);
  if (body) body.metadata = { name: 'x', ...body.metadata };
  return {
    operation,
    resource: { group: group.join('.'), version: 'v1', resource },
    kind: '',
    subresource,
    namespace: 'web',
    name: operation === 'CREATE' ? '' : 'x',
    object: body,
    oldObject: undefined,
    options: {},
    user: alice,
    dryRun: false,
    warn: () => {},
    ...more,
  };
}

async function run(plugins: AdmissionChain, asked: AdmissionAttributes): Promise<any> {
  await plugins.admit(asked);
  await plugins.validate(asked);
  return asked.object;
}

function refused(promise: Promise<unknown>, message: string | RegExp, code = 403): Promise<void> {
  return assert.rejects(promise, (error: StatusError) => {
    if (typeof message === 'string') assert.equal(error.message, message);
    else assert.match(error.message, message);
    assert.equal(error.code, code);
    return true;
  });
}

const onePod = (spec: Record<string, unknown> = {}, metadata: Record<string, unknown> = {}) => ({
  metadata,
  spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
});

describe('NamespaceLifecycle', () => {
  it('refuses creates in a namespace that is not there', () =>
    refused(
      run(chain(), attributes('CREATE', 'configmaps', {}, { namespace: 'nowhere' })),
      'namespaces "nowhere" not found',
      404,
    ));

  it('refuses creates in a namespace that is ending, and says so in a cause', () =>
    assert.rejects(
      run(chain(), attributes('CREATE', 'configmaps', {}, { namespace: 'ending' })),
      (error: StatusError) => {
        assert.equal(
          error.message,
          'configmaps "x" is forbidden: unable to create new content in namespace ending because it is being terminated',
        );
        assert.deepEqual(error.status.details?.causes, [
          {
            reason: 'NamespaceTerminating',
            message: 'namespace ending is being terminated',
            field: 'metadata.namespace',
          },
        ]);
        return true;
      },
    ));

  it('lets updates and deletes through', async () => {
    await run(chain(), attributes('UPDATE', 'configmaps', {}, { namespace: 'ending' }));
    await run(chain(), attributes('DELETE', 'configmaps', undefined, { namespace: 'nowhere' }));
  });

  for (const name of ['default', 'kube-system', 'kube-public']) {
    it(`never deletes ${name}`, () =>
      refused(
        run(chain(), attributes('DELETE', 'namespaces', undefined, { name, namespace: name })),
        `namespaces "${name}" is forbidden: this namespace may not be deleted`,
      ));
  }
});

describe('ServiceAccount', () => {
  it('gives a pod the default account and its token', async () => {
    const pod = await run(chain(), attributes('CREATE', 'pods', onePod({ initContainers: [{ name: 'i' }] })));
    assert.equal(pod.spec.serviceAccountName, 'default');
    assert.equal(pod.spec.serviceAccount, 'default');
    const [volume] = pod.spec.volumes;
    assert.match(volume.name, /^kube-api-access-[a-z0-9]{5}$/);
    assert.equal(volume.projected.defaultMode, 420);
    assert.deepEqual(
      volume.projected.sources.map((source: object) => Object.keys(source)[0]),
      ['serviceAccountToken', 'configMap', 'downwardAPI'],
    );
    const mount = { name: volume.name, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' };
    assert.deepEqual(pod.spec.containers[0].volumeMounts, [mount]);
    assert.deepEqual(pod.spec.initContainers[0].volumeMounts, [mount]);
  });

  it('mounts nothing where something is mounted, and nothing when nobody wants it', async () => {
    const own = [{ name: 'v', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }];
    const mounted = await run(
      chain(),
      attributes('CREATE', 'pods', onePod({ containers: [{ name: 'c', volumeMounts: own }] })),
    );
    assert.equal(mounted.spec.volumes, undefined);
    const without = await run(chain(), attributes('CREATE', 'pods', onePod({ automountServiceAccountToken: false })));
    assert.equal(without.spec.volumes, undefined);
    const objects = { serviceaccounts: { 'web/default': { automountServiceAccountToken: false } } };
    assert.equal((await run(chain(objects), attributes('CREATE', 'pods', onePod()))).spec.volumes, undefined);
  });

  it('hands on pull secrets, unless the pod has its own', async () => {
    const objects = { serviceaccounts: { 'web/default': { imagePullSecrets: [{ name: 'registry' }] } } };
    const pod = await run(chain(objects), attributes('CREATE', 'pods', onePod()));
    assert.deepEqual(pod.spec.imagePullSecrets, [{ name: 'registry' }]);
    const own = await run(
      chain(objects),
      attributes('CREATE', 'pods', onePod({ imagePullSecrets: [{ name: 'own' }] })),
    );
    assert.deepEqual(own.spec.imagePullSecrets, [{ name: 'own' }]);
  });

  it('refuses an account that is not there', () =>
    refused(
      run(chain(), attributes('CREATE', 'pods', onePod({ serviceAccountName: 'ghost' }))),
      'pods "x" is forbidden: error looking up service account web/ghost: serviceaccount "ghost" not found',
    ));

  it('keeps mirror pods from accounts', () =>
    refused(
      run(
        chain(),
        attributes(
          'CREATE',
          'pods',
          onePod({ serviceAccountName: 'default' }, { annotations: { 'kubernetes.io/config.mirror': 'h' } }),
        ),
      ),
      'pods "x" is forbidden: a mirror pod may not reference service accounts',
    ));

  it('keeps a pod to the secrets of an account that insists', () => {
    const metadata = { annotations: { 'kubernetes.io/enforce-mountable-secrets': 'true' } };
    const objects = { serviceaccounts: { 'web/default': { metadata, secrets: [{ name: 'ok' }] } } };
    const volumes = [{ name: 'v', secret: { secretName: 'other' } }];
    return refused(
      run(chain(objects), attributes('CREATE', 'pods', onePod({ volumes }))),
      'pods "x" is forbidden: volume with secret.secretName="other" is not allowed because service account default does not reference that secret',
    );
  });
});

describe('DefaultTolerationSeconds', () => {
  const added = (key: string) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 });
  const notReady = 'node.kubernetes.io/not-ready';
  const unreachable = 'node.kubernetes.io/unreachable';
  const cases: [string, object[], object[]][] = [
    ['adds both', [], [added(notReady), added(unreachable)]],
    [
      'adds the missing one',
      [{ key: notReady, operator: 'Exists' }],
      [{ key: notReady, operator: 'Exists' }, added(unreachable)],
    ],
    ['adds none when all is tolerated', [{ operator: 'Exists' }], [{ operator: 'Exists' }]],
    [
      'looks at the effect',
      [{ key: notReady, operator: 'Exists', effect: 'NoSchedule' }],
      [{ key: notReady, operator: 'Exists', effect: 'NoSchedule' }, added(notReady), added(unreachable)],
    ],
  ];
  for (const [title, tolerations, expected] of cases) {
    it(title, async () => {
      const pod = await run(chain(), attributes('CREATE', 'pods', onePod({ tolerations })));
      assert.deepEqual(pod.spec.tolerations, expected);
    });
  }
});

describe('TaintNodesByCondition', () => {
  it('taints a new node once', async () => {
    const taint = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' };
    for (const spec of [undefined, { taints: [taint] }]) {
      const node = await run(chain(), attributes('CREATE', 'nodes', { spec }, { namespace: '' }));
      assert.deepEqual(node.spec.taints, [taint]);
    }
  });
});

describe('Priority', () => {
  const classes = {
    'scheduling.k8s.io/priorityclasses': {
      '/high': { value: 1000, preemptionPolicy: 'Never' },
      '/usual': { value: 10, globalDefault: true, preemptionPolicy: 'PreemptLowerPriority' },
    },
  };

  it('is 0 without classes', async () => {
    const pod = await run(chain(), attributes('CREATE', 'pods', onePod()));
    assert.equal(pod.spec.priority, 0);
    assert.equal(pod.spec.preemptionPolicy, 'PreemptLowerPriority');
    assert.equal(pod.spec.priorityClassName, undefined);
  });

  it('comes from the named class, or from the default one', async () => {
    const named = await run(chain(classes), attributes('CREATE', 'pods', onePod({ priorityClassName: 'high' })));
    assert.deepEqual([named.spec.priority, named.spec.preemptionPolicy], [1000, 'Never']);
    const usual = await run(chain(classes), attributes('CREATE', 'pods', onePod()));
    assert.deepEqual([usual.spec.priority, usual.spec.priorityClassName], [10, 'usual']);
  });

  it('refuses unknown classes and numbers of one’s own', async () => {
    await refused(
      run(chain(classes), attributes('CREATE', 'pods', onePod({ priorityClassName: 'none' }))),
      'pods "x" is forbidden: no PriorityClass with name none was found',
    );
    await refused(
      run(chain(classes), attributes('CREATE', 'pods', onePod({ priority: 7 }))),
      'pods "x" is forbidden: the integer value of priority (7) must not be provided in pod spec; priority admission controller computed 10 from the given PriorityClass name',
    );
  });

  it('keeps one default class', () =>
    refused(
      run(
        chain(classes),
        attributes('CREATE', 'priorityclasses.scheduling.k8s.io', { value: 1, globalDefault: true }, { namespace: '' }),
      ),
      'priorityclasses.scheduling.k8s.io "x" is forbidden: PriorityClass usual is already marked as default. Only one default can exist',
    ));
});

describe('LimitRanger', () => {
  const limits = (...items: object[]) => ({ limitranges: { 'web/l': { spec: { limits: items } } } });

  it('fills in what containers leave open and notes it', async () => {
    const objects = limits({
      type: 'Container',
      default: { cpu: '500m', memory: '1Gi' },
      defaultRequest: { cpu: '100m' },
    });
    const containers = [{ name: 'c', resources: { limits: { cpu: '1' } } }];
    const pod = await run(chain(objects), attributes('CREATE', 'pods', onePod({ containers })));
    assert.deepEqual(pod.spec.containers[0].resources, {
      limits: { cpu: '1', memory: '1Gi' },
      requests: { cpu: '100m' },
    });
    assert.equal(
      pod.metadata.annotations['kubernetes.io/limit-ranger'],
      'LimitRanger plugin set: cpu request for container c; memory limit for container c',
    );
  });

  const resources = { requests: { cpu: '250m', memory: '64Mi' }, limits: { cpu: '2' } };
  const cases: [string, object, string][] = [
    [
      'a minimum',
      { type: 'Container', min: { cpu: '300m' } },
      'minimum cpu usage per Container is 300m, but request is 250m',
    ],
    [
      'a missing request',
      { type: 'Container', min: { storage: '1' } },
      'minimum storage usage per Container is 1.  No request is specified',
    ],
    ['a maximum', { type: 'Container', max: { cpu: '1' } }, 'maximum cpu usage per Container is 1, but limit is 2'],
    [
      'a missing limit',
      { type: 'Container', max: { memory: '1Gi' } },
      'maximum memory usage per Container is 1Gi.  No limit is specified',
    ],
    [
      'a ratio',
      { type: 'Container', maxLimitRequestRatio: { cpu: '4' } },
      'cpu max limit to request ratio per Container is 4, but provided ratio is 8.000000',
    ],
    ['the pod as a whole', { type: 'Pod', max: { cpu: '3' } }, 'maximum cpu usage per Pod is 3, but limit is 4'],
  ];
  for (const [title, item, message] of cases) {
    it(`refuses beyond ${title}`, () => {
      const containers = [
        { name: 'a', resources },
        { name: 'b', resources },
      ];
      const asked = attributes('CREATE', 'pods', onePod({ containers }));
      return refused(run(chain(limits(item)), asked), `pods "x" is forbidden: ${message}`);
    });
  }

  it('bounds claims', () =>
    refused(
      run(
        chain(limits({ type: 'PersistentVolumeClaim', max: { storage: '1Gi' } })),
        attributes('CREATE', 'persistentvolumeclaims', { spec: { resources: { requests: { storage: '2Gi' } } } }),
      ),
      'persistentvolumeclaims "x" is forbidden: maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi',
    ));
});

describe('RuntimeClass', () => {
  const classes = {
    'node.k8s.io/runtimeclasses': {
      '/vm': {
        overhead: { podFixed: { memory: '120Mi' } },
        scheduling: { nodeSelector: { runtime: 'vm' }, tolerations: [{ key: 'vm', operator: 'Exists' }] },
      },
    },
  };

  it('gives a pod its overhead and its place', async () => {
    const pod = await run(
      chain(classes),
      attributes('CREATE', 'pods', onePod({ runtimeClassName: 'vm', nodeSelector: { a: 'b' } })),
    );
    assert.deepEqual(pod.spec.overhead, { memory: '120Mi' });
    assert.deepEqual(pod.spec.nodeSelector, { a: 'b', runtime: 'vm' });
    assert.ok(pod.spec.tolerations.some((item: any) => item.key === 'vm'));
  });

  const cases: [string, object, string][] = [
    ['an unknown class', { runtimeClassName: 'none' }, 'pod rejected: RuntimeClass "none" not found'],
    [
      'another overhead',
      { runtimeClassName: 'vm', overhead: { memory: '1' } },
      "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
    ],
    [
      'overhead without class',
      { overhead: { memory: '1' } },
      'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead',
    ],
    [
      'another selector',
      { runtimeClassName: 'vm', nodeSelector: { runtime: 'x' } },
      'conflict: runtimeClass.scheduling.nodeSelector[runtime] = vm; pod.spec.nodeSelector[runtime] = x',
    ],
  ];
  for (const [title, spec, message] of cases) {
    it(`refuses ${title}`, () =>
      refused(
        run(chain(classes), attributes('CREATE', 'pods', onePod(spec as any))),
        `pods "x" is forbidden: ${message}`,
      ));
  }
});

describe('classes and finalizers', () => {
  it('the newest default StorageClass is taken, unless the claim chose', async () => {
    const annotations = { 'storageclass.kubernetes.io/is-default-class': 'true' };
    const classes = {
      'storage.k8s.io/storageclasses': {
        '/old': { metadata: { annotations, creationTimestamp: '2026-01-01T00:00:00Z' } },
        '/new': { metadata: { annotations, creationTimestamp: '2026-02-01T00:00:00Z' } },
        '/newest': { metadata: { creationTimestamp: '2026-03-01T00:00:00Z' } },
      },
    };
    const claim = await run(chain(classes), attributes('CREATE', 'persistentvolumeclaims', { spec: {} }));
    assert.equal(claim.spec.storageClassName, 'new');
    assert.deepEqual(claim.metadata.finalizers, ['kubernetes.io/pvc-protection']);
    const chosen = await run(
      chain(classes),
      attributes('CREATE', 'persistentvolumeclaims', { spec: { storageClassName: '' } }),
    );
    assert.equal(chosen.spec.storageClassName, '');
  });

  it('claims grow only where they may', async () => {
    const sized = (storage: string) => ({
      spec: { storageClassName: 's', resources: { requests: { storage } } },
      status: { phase: 'Bound' },
    });
    const old = attributes('UPDATE', 'persistentvolumeclaims', sized('1Gi')).object;
    const grow = () => attributes('UPDATE', 'persistentvolumeclaims', sized('2Gi'), { oldObject: old });
    await refused(run(chain(), grow()), /only dynamically provisioned pvc can be resized/);
    const classes = { 'storage.k8s.io/storageclasses': { '/s': { allowVolumeExpansion: true } } };
    await run(chain(classes), grow());
  });
});

describe('NodeRestriction', () => {
  const objects = {
    nodes: { '/node-1': {} },
    pods: {
      'web/mine': {
        spec: {
          nodeName: 'node-1',
          volumes: [
            {
              name: 't',
              projected: { sources: [{ serviceAccountToken: { audience: 'vault' } }, { serviceAccountToken: {} }] },
            },
          ],
        },
      },
      'web/theirs': { spec: { nodeName: 'node-2' } },
    },
    serviceaccounts: { 'web/default': {} },
    namespaces: { '/web': {}, '/kube-node-lease': {} },
  };
  const asNode = (more: Partial<AdmissionAttributes> = {}) => ({ user: node1, ...more });
  const status = (nodeName: string, labels = {}) => ({ metadata: { labels }, spec: { nodeName }, status: {} });
  const old = (body: object) => attributes('UPDATE', 'x', body as any).object;
  const tokenFor = (name: string, uid: string | undefined, audiences?: string[]) => ({
    spec: { audiences, boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid } },
  });

  const allowed: [string, AdmissionAttributes][] = [
    [
      'its own Node',
      attributes(
        'CREATE',
        'nodes',
        {
          metadata: {
            name: 'node-1',
            labels: { 'kubernetes.io/hostname': 'n', 'example.com/a': 'b', 'node.kubernetes.io/x': 'y' },
          },
        },
        asNode({ namespace: '' }),
      ),
    ],
    [
      'the status of its pods',
      attributes('UPDATE', 'pods/status', status('node-1'), asNode({ oldObject: old(status('node-1')) })),
    ],
    [
      'deleting its pods',
      attributes(
        'DELETE',
        'pods',
        undefined,
        asNode({ name: 'mine', oldObject: old({ spec: { nodeName: 'node-1' } }) }),
      ),
    ],
    [
      'its own Lease',
      attributes(
        'CREATE',
        'leases.coordination.k8s.io',
        { metadata: { name: 'node-1' } },
        asNode({ namespace: 'kube-node-lease' }),
      ),
    ],
    [
      'a token for its pod',
      attributes('CREATE', 'serviceaccounts/token', tokenFor('mine', 'mine-uid'), asNode({ name: 'default' })),
    ],
    [
      'a token for an audience that its pod mounts',
      attributes(
        'CREATE',
        'serviceaccounts/token',
        tokenFor('mine', 'mine-uid', ['vault']),
        asNode({ name: 'default' }),
      ),
    ],
    ['anybody else', attributes('UPDATE', 'pods/status', status('node-2'), { oldObject: old(status('node-2')) })],
  ];
  for (const [title, asked] of allowed) it(`allows ${title}`, () => run(chain(objects), asked));

  const cases: [string, AdmissionAttributes, string | RegExp][] = [
    [
      'another Node',
      attributes('UPDATE', 'nodes', {}, asNode({ name: 'node-2', oldObject: old({}) })),
      'nodes "node-2" is forbidden: node "node-1" is not allowed to modify node "node-2"',
    ],
    [
      'reserved labels',
      attributes(
        'CREATE',
        'nodes',
        { metadata: { name: 'node-1', labels: { 'kubernetes.io/x': 'y', 'node-restriction.kubernetes.io/z': '1' } } },
        asNode({ namespace: '' }),
      ),
      'nodes "node-1" is forbidden: node "node-1" is not allowed to set the following labels: kubernetes.io/x, node-restriction.kubernetes.io/z',
    ],
    [
      'its taints',
      attributes(
        'UPDATE',
        'nodes',
        { spec: {} },
        asNode({ name: 'node-1', oldObject: old({ spec: { taints: [{ key: 'a' }] } }) }),
      ),
      /is not allowed to modify taints/,
    ],
    [
      'ordinary pods',
      attributes('CREATE', 'pods', onePod({ nodeName: 'node-1' }), asNode()),
      /can only create mirror pods/,
    ],
    [
      'deleting pods of others',
      attributes('DELETE', 'pods', undefined, asNode({ name: 'theirs' })),
      'pods "theirs" is forbidden: node "node-1" can only delete pods with spec.nodeName set to itself',
    ],
    [
      'the status of pods of others',
      attributes('UPDATE', 'pods/status', status('node-1'), asNode({ oldObject: old(status('node-2')) })),
      /can only update pod status for pods with spec.nodeName set to itself/,
    ],
    [
      'labels through status',
      attributes('UPDATE', 'pods/status', status('node-1', { a: 'b' }), asNode({ oldObject: old(status('node-1')) })),
      /cannot update labels through pod status/,
    ],
    [
      'another Lease',
      attributes(
        'CREATE',
        'leases.coordination.k8s.io',
        { metadata: { name: 'node-2' } },
        asNode({ namespace: 'kube-node-lease' }),
      ),
      /can only access node lease with the same name as the requesting node/,
    ],
    [
      'unbound tokens',
      attributes('CREATE', 'serviceaccounts/token', { spec: {} }, asNode({ name: 'default' })),
      'serviceaccounts "default" is forbidden: node requested token not bound to a pod',
    ],
    [
      'tokens without uid',
      attributes('CREATE', 'serviceaccounts/token', tokenFor('mine', undefined), asNode({ name: 'default' })),
      /node requested token with a pod binding without a uid/,
    ],
    [
      'tokens of other nodes',
      attributes('CREATE', 'serviceaccounts/token', tokenFor('theirs', 'theirs-uid'), asNode({ name: 'default' })),
      /node requested token bound to a pod scheduled on a different node/,
    ],
    [
      'audiences of its own',
      attributes(
        'CREATE',
        'serviceaccounts/token',
        tokenFor('mine', 'mine-uid', ['bank']),
        asNode({ name: 'default' }),
      ),
      'serviceaccounts "default" is forbidden: system:node:node-1 is not authorized to request tokens for audience "bank"',
    ],
    [
      'claims',
      attributes('UPDATE', 'persistentvolumeclaims', { spec: {} }, asNode({ oldObject: old({ spec: {} }) })),
      /may only update PVC status/,
    ],
  ];
  for (const [title, asked, message] of cases)
    it(`refuses ${title}`, () => refused(run(chain(objects), asked), message));
});

describe('OrderedPlugins', () => {
  it('runs in order, also across one that waits, and stays synchronous without', async () => {
    const seen: string[] = [];
    const plugin = (name: string, waits: boolean) => ({
      name,
      handles: () => true,
      admit: () =>
        waits
          ? new Promise<void>((done) =>
              setImmediate(() => {
                seen.push(name);
                done();
              }),
            )
          : void seen.push(name),
    });
    const asked = attributes('CREATE', 'configmaps', {});
    await new OrderedPlugins([plugin('a', false), plugin('b', true), plugin('c', false)]).admit(asked);
    assert.deepEqual(seen, ['a', 'b', 'c']);
    assert.equal(new OrderedPlugins([plugin('d', false)]).admit(asked), undefined);
  });
});
