import assert from 'node:assert/strict';
import { createErrors } from '../../testing/spec-support.js';

const template = { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'nginx' }] } };

function good(path: string): any {
  const selector = path === 'v1/replicationcontrollers' ? { app: 'web' } : { matchLabels: { app: 'web' } };
  return structuredClone({ spec: { selector, template } });
}

/** The errors are those that the reference gives for the same object. */
const cases: [path: string, what: string, mutate: (object: any) => void, errors: string[]][] = [
  [
    'apps/v1/deployments',
    'nothing in the spec',
    (object) => {
      object.spec = {};
    },
    [
      'spec.selector: Required value',
      'spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`',
      'spec.template.spec.containers: Required value',
    ],
  ],
  [
    'apps/v1/deployments',
    'a selector that misses the template',
    (object) => {
      object.spec.selector = { matchLabels: { app: 'db' } };
    },
    ['spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`'],
  ],
  [
    'apps/v1/deployments',
    'an empty selector',
    (object) => {
      object.spec.selector = {};
    },
    ['spec.selector: Invalid value: {}: empty selector is invalid for deployment'],
  ],
  [
    'apps/v1/deployments',
    'a selector that cannot be read',
    (object) => {
      object.spec.selector = { matchExpressions: [{ key: 'k', operator: 'X' }] };
    },
    [
      'spec.selector.matchExpressions[0].operator: Invalid value: "X": not a valid selector operator',
      'spec.selector: Invalid value: {"matchExpressions":[{"key":"k","operator":"X"}]}: invalid label selector',
    ],
  ],
  [
    'apps/v1/deployments',
    'bad numbers',
    (object) => {
      Object.assign(object.spec, {
        replicas: -1,
        minReadySeconds: -1,
        revisionHistoryLimit: -1,
        progressDeadlineSeconds: -5,
      });
    },
    [
      'spec.replicas: Invalid value: -1: must be greater than or equal to 0',
      'spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0',
      'spec.revisionHistoryLimit: Invalid value: -1: must be greater than or equal to 0',
      'spec.progressDeadlineSeconds: Invalid value: -5: must be greater than or equal to 0',
      'spec.progressDeadlineSeconds: Invalid value: -5: must be greater than minReadySeconds',
    ],
  ],
  [
    'apps/v1/deployments',
    'a deadline before readiness',
    (object) => {
      Object.assign(object.spec, { minReadySeconds: 10, progressDeadlineSeconds: 10 });
    },
    ['spec.progressDeadlineSeconds: Invalid value: 10: must be greater than minReadySeconds'],
  ],
  [
    'apps/v1/deployments',
    'a strategy that is none',
    (object) => {
      object.spec.strategy = { type: 'Odd' };
    },
    [
      'spec.strategy: Unsupported value: {"Type":"Odd","RollingUpdate":null}: supported values: "Recreate", "RollingUpdate"',
    ],
  ],
  [
    'apps/v1/deployments',
    'recreation with rolling settings',
    (object) => {
      object.spec.strategy = { type: 'Recreate', rollingUpdate: { maxSurge: 1 } };
    },
    ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"],
  ],
  [
    'apps/v1/deployments',
    'no way to roll',
    (object) => {
      object.spec.strategy = { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } };
    },
    ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0'],
  ],
  [
    'apps/v1/deployments',
    'bad rolling numbers',
    (object) => {
      object.spec.strategy = { rollingUpdate: { maxSurge: 'x', maxUnavailable: '101%' } };
    },
    [
      "spec.strategy.rollingUpdate.maxSurge: Invalid value: \"x\": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
      'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%',
    ],
  ],
  [
    'apps/v1/deployments',
    'pods that end',
    (object) => {
      Object.assign(object.spec.template.spec, { restartPolicy: 'Never', activeDeadlineSeconds: 5 });
    },
    [
      'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
      'spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported',
    ],
  ],
  [
    'apps/v1/deployments',
    'a template with errors',
    (object) => {
      object.spec.template = {
        metadata: { labels: { app: 'web', 'a b': 'c' }, annotations: { 'a b': '' } },
        spec: { containers: [{ name: 'A' }], ephemeralContainers: [{ name: 'e', image: 'i' }] },
      };
    },
    [
      "spec.template.labels: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      "spec.template.annotations: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      "spec.template.spec.containers[0].name: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
      'spec.template.spec.containers[0].image: Required value',
      'spec.template.spec.ephemeralContainers: Forbidden: ephemeral containers not allowed in pod template',
    ],
  ],
  [
    'apps/v1/deployments',
    'no containers',
    (object) => {
      object.spec.template.spec = {};
    },
    ['spec.template.spec.containers: Required value'],
  ],
  [
    'apps/v1/replicasets',
    'an empty selector',
    (object) => {
      object.spec.selector = {};
      object.spec.replicas = -1;
    },
    [
      'spec.replicas: Invalid value: -1: must be greater than or equal to 0',
      'spec.selector: Invalid value: {}: empty selector is invalid for deployment',
    ],
  ],
  [
    'apps/v1/replicasets',
    'no selector',
    (object) => {
      delete object.spec.selector;
    },
    [
      'spec.selector: Required value',
      'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
    ],
  ],
  [
    'apps/v1/replicasets',
    'a selector that misses the template',
    (object) => {
      object.spec.selector = { matchLabels: { app: 'db' }, matchExpressions: [{ key: 'a', operator: 'Exists' }] };
    },
    ['spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`'],
  ],
  [
    'apps/v1/daemonsets',
    'an empty selector',
    (object) => {
      object.spec.selector = {};
    },
    ['spec.selector: Invalid value: {}: empty selector is invalid for daemonset'],
  ],
  [
    'apps/v1/daemonsets',
    'no selector',
    (object) => {
      delete object.spec.selector;
    },
    ['spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`'],
  ],
  [
    'apps/v1/daemonsets',
    'an update that does nothing, and one that does both',
    (object) => {
      object.spec.updateStrategy = { rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } };
      object.spec.minReadySeconds = -1;
      object.spec.revisionHistoryLimit = -1;
    },
    [
      'spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0',
      'spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero',
      'spec.revisionHistoryLimit: Invalid value: -1: must be greater than or equal to 0',
    ],
  ],
  [
    'apps/v1/daemonsets',
    'an update of nothing',
    (object) => {
      object.spec.updateStrategy = { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } };
    },
    ['spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0'],
  ],
  [
    'apps/v1/daemonsets',
    'a strategy that is none',
    (object) => {
      object.spec.updateStrategy = { type: 'Odd' };
      object.spec.template.spec.restartPolicy = 'OnFailure';
    },
    [
      'spec.template.spec.restartPolicy: Unsupported value: "OnFailure": supported values: "Always"',
      'spec.updateStrategy: Unsupported value: {"Type":"Odd","RollingUpdate":null}: supported values: "RollingUpdate", "OnDelete"',
    ],
  ],
  [
    'apps/v1/statefulsets',
    'no selector',
    (object) => {
      delete object.spec.selector;
    },
    [
      'spec.selector: Required value',
      'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
    ],
  ],
  [
    'apps/v1/statefulsets',
    'bad settings',
    (object) => {
      Object.assign(object.spec, {
        replicas: -1,
        podManagementPolicy: 'x',
        serviceName: 'A',
        ordinals: { start: -1 },
        persistentVolumeClaimRetentionPolicy: { whenDeleted: 'X', whenScaled: 'Retain' },
        selector: { matchLabels: { app: 'db' } },
      });
    },
    [
      "spec.podManagementPolicy: Invalid value: \"x\": must be 'OrderedReady' or 'Parallel'",
      'spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Unsupported value: "X": supported values: "Retain", "Delete"',
      'spec.replicas: Invalid value: -1: must be greater than or equal to 0',
      'spec.ordinals.start: Invalid value: -1: must be greater than or equal to 0',
      "spec.serviceName: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
      'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
    ],
  ],
  [
    'apps/v1/statefulsets',
    'a strategy that is none',
    (object) => {
      object.spec.updateStrategy = { type: 'Odd' };
    },
    [
      'spec.updateStrategy: Invalid value: {"Type":"Odd","RollingUpdate":null}: must be \'RollingUpdate\' or \'OnDelete\'',
    ],
  ],
  [
    'apps/v1/statefulsets',
    'rolling settings without rolling',
    (object) => {
      object.spec.updateStrategy = { type: 'OnDelete', rollingUpdate: { partition: 1 } };
    },
    [
      'spec.updateStrategy.rollingUpdate: Invalid value: {"Partition":1,"MaxUnavailable":null}: only allowed for updateStrategy \'RollingUpdate\'',
    ],
  ],
  [
    'apps/v1/statefulsets',
    'bad rolling numbers',
    (object) => {
      object.spec.updateStrategy = { rollingUpdate: { partition: -1, maxUnavailable: '0%' } };
    },
    [
      'spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: must be greater than or equal to 0',
      'spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: "0%": cannot be 0',
    ],
  ],
  [
    'apps/v1/statefulsets',
    'claims with errors, and a mount of one',
    (object) => {
      object.spec.volumeClaimTemplates = [{ metadata: { name: 'data' }, spec: {} }];
      object.spec.template.spec.containers[0].volumeMounts = [
        { name: 'data', mountPath: '/d' },
        { name: 'gone', mountPath: '/e' },
      ];
    },
    [
      'spec.volumeClaimTemplates[0].spec.accessModes: Required value: at least 1 access mode is required',
      'spec.volumeClaimTemplates[0].spec.resources[storage]: Required value',
      'spec.template.spec.containers[0].volumeMounts[1].name: Not found: "gone"',
    ],
  ],
  [
    'v1/replicationcontrollers',
    'nothing',
    (object) => {
      object.spec = {};
    },
    ['spec.selector: Required value', 'spec.template: Required value'],
  ],
  [
    'v1/replicationcontrollers',
    'a selector that misses the template',
    (object) => {
      object.spec.selector = { app: 'db' };
      object.spec.replicas = -1;
      object.spec.template.spec.restartPolicy = 'Never';
    },
    [
      'spec.replicas: Invalid value: -1: must be greater than or equal to 0',
      'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
      'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
    ],
  ],
];

describe('creates of workloads', () => {
  for (const [path, what, mutate, errors] of cases) {
    it(`of ${path} refuse ${what}`, () => {
      const object = good(path);
      mutate(object);
      assert.deepEqual(createErrors(path, object), errors);
    });
  }

  for (const path of new Set(cases.map(([path]) => path))) {
    it(`of good ${path} are taken`, () => assert.deepEqual(createErrors(path, good(path)), []));
  }
});
