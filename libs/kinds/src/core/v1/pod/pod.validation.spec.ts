import assert from 'node:assert/strict';
import { changeErrors, first, type PodChange, podErrors } from './testing/pod-spec-support.js';

/** The errors are those that the reference gives for the same change. */
const changes: [what: string, change: PodChange, errors: string[]][] = [
  [
    'a new image',
    {
      change: (object) => {
        first(object).image = 'nginx:2';
      },
    },
    [],
  ],
  [
    'no image',
    {
      change: (object) => {
        first(object).image = '';
      },
    },
    ['spec.containers[0].image: Required value', 'spec.containers[0].image: Required value'],
  ],
  [
    'an image with spaces',
    {
      change: (object) => {
        first(object).image = ' a';
      },
    },
    [
      'spec.containers[0].image: Invalid value: " a": must not have leading or trailing whitespace',
      'spec.containers[0].image: Invalid value: " a": must not have leading or trailing whitespace',
    ],
  ],
  [
    'another container',
    {
      change: (object) => {
        object.spec.containers.push({ name: 'b', image: 'i' });
      },
    },
    ['spec.containers: Forbidden: pod updates may not add or remove containers'],
  ],
  [
    'a deadline that grows',
    {
      before: (object) => {
        object.spec.activeDeadlineSeconds = 5;
      },
      change: (object) => {
        object.spec.activeDeadlineSeconds = 6;
      },
    },
    ['spec.activeDeadlineSeconds: Invalid value: 6: must be less than or equal to previous value'],
  ],
  [
    'a deadline that goes',
    {
      before: (object) => {
        object.spec.activeDeadlineSeconds = 5;
      },
      change: (object) => {
        delete object.spec.activeDeadlineSeconds;
      },
    },
    ['spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value'],
  ],
  [
    'a deadline below zero',
    {
      change: (object) => {
        object.spec.activeDeadlineSeconds = -1;
      },
    },
    [
      'spec.activeDeadlineSeconds: Invalid value: -1: must be between 1 and 2147483647, inclusive',
      'spec.activeDeadlineSeconds: Invalid value: -1: must be between 0 and 2147483647, inclusive',
    ],
  ],
  [
    'a toleration that goes',
    {
      change: (object) => {
        object.spec.tolerations = [];
      },
    },
    ['spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds'],
  ],
  [
    'a toleration more, and seconds of another',
    {
      before: (object) => {
        object.spec.tolerations = [{ key: 'k', operator: 'Exists', effect: 'NoExecute' }];
      },
      change: (object) => {
        object.spec.tolerations = [
          { key: 'k', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 9 },
          { key: 'z', operator: 'Exists' },
        ];
      },
    },
    [],
  ],
  [
    'a gate that comes',
    {
      before: (object) => {
        object.spec.schedulingGates = [{ name: 'a' }];
      },
      change: (object) => {
        object.spec.schedulingGates = [{ name: 'b' }];
      },
    },
    ["spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'b'"],
  ],
  [
    'a pickier gated pod',
    {
      before: (object) => {
        object.spec.schedulingGates = [{ name: 'a' }];
        object.spec.nodeSelector = { a: 'b' };
      },
      change: (object) => {
        object.spec.nodeSelector = { a: 'b', c: 'd' };
      },
    },
    [],
  ],
  [
    'a gated pod that asks for something else',
    {
      before: (object) => {
        object.spec.schedulingGates = [{ name: 'a' }];
        object.spec.nodeSelector = { a: 'b' };
        object.spec.affinity = {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchExpressions: [{ key: 'k', operator: 'Exists' }] }],
            },
          },
        };
      },
      change: (object) => {
        object.spec.nodeSelector = { a: 'c' };
        object.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions =
          [{ key: 'z', operator: 'In', values: ['a'] }];
      },
    },
    [
      'spec.nodeSelector: Invalid value: {"a":"c"}: only additions to spec.nodeSelector are allowed (no mutations or deletions)',
      'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]: Invalid value: {"MatchExpressions":[{"Key":"z","Operator":"In","Values":["a"]}],"MatchFields":null}: only additions are allowed (no mutations or deletions)',
    ],
  ],
  [
    'annotations of mirrors and profiles',
    {
      change: (object) => {
        object.metadata.annotations = {
          'kubernetes.io/config.mirror': 'x',
          'container.apparmor.security.beta.kubernetes.io/web': 'unconfined',
        };
      },
    },
    [
      'metadata.annotations[kubernetes.io/config.mirror]: Invalid value: "x": must set spec.nodeName if mirror pod annotation is set',
      'metadata.annotations[kubernetes.io/config.mirror]: Forbidden: may not add mirror pod annotation',
      'metadata.annotations[container.apparmor.security.beta.kubernetes.io/web]: Forbidden: may not add AppArmor annotations',
    ],
  ],
  [
    'a status with bad conditions and addresses',
    {
      before: (object) => {
        object.spec.nodeName = 'n';
      },
      change: (object) => {
        object.status = {
          ...object.status,
          conditions: [{ type: 'a b', status: 'True' }],
          podIP: '1.2.3.4',
          podIPs: [{ ip: '1.2.3.5' }, { ip: '1.2.3.6' }],
          hostIP: 'x',
          hostIPs: [{ ip: 'y' }],
          nominatedNodeName: 'N',
          observedGeneration: -1,
        };
      },
      subresource: 'status',
    },
    [
      "status.conditions[0].Type: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      "status.nominatedNodeName: Invalid value: \"N\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      'status.nominatedNodeName: Forbidden: may not be set on pods that are already bound to a node',
      'status.observedGeneration: Invalid value: -1: must be a non-negative integer',
      'status.hostIPs[0].ip: Invalid value: "y": must be equal to `hostIP`',
      'status.hostIPs[0]: Invalid value: "y": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
  ],
  [
    'another class',
    {
      change: (object) => {
        object.status.qosClass = 'Guaranteed';
      },
      subresource: 'status',
    },
    ['status.qosClass: Invalid value: "Guaranteed": field is immutable'],
  ],
  [
    'a container that rises',
    {
      before: (object) => {
        object.spec.restartPolicy = 'Never';
      },
      stored: (object) => {
        object.status.containerStatuses = [
          {
            name: 'web',
            image: 'i',
            imageID: '',
            ready: true,
            restartCount: 0,
            state: { terminated: { exitCode: 1 } },
          },
        ];
      },
      change: (object) => {
        object.status.containerStatuses = [
          { name: 'web', image: 'i', imageID: '', ready: true, restartCount: 0, state: { running: {} } },
        ];
      },
      subresource: 'status',
    },
    ['status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state'],
  ],
  [
    'a claim that the pod lacks',
    {
      change: (object) => {
        object.status.resourceClaimStatuses = [{ name: 'c', resourceClaimName: 'X' }];
      },
      subresource: 'status',
    },
    [
      'status.resourceClaimStatuses[0].name: Invalid value: "c": must match the name of an entry in `spec.resourceClaims`',
      "status.resourceClaimStatuses[0].resourceClaimName: Invalid value: \"X\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ],
  ],
  [
    'an ephemeral container',
    {
      change: (object) => {
        object.spec.ephemeralContainers = [{ name: 'debug', image: 'i' }];
      },
      subresource: 'ephemeralcontainers',
    },
    [],
  ],
  [
    'an ephemeral container with ports',
    {
      change: (object) => {
        object.spec.ephemeralContainers = [
          {
            name: 'web',
            image: ' i',
            ports: [{ containerPort: 1 }],
            livenessProbe: { tcpSocket: { port: 1 } },
            resources: { limits: { cpu: '1' } },
            targetContainerName: 'gone',
          },
        ];
      },
      subresource: 'ephemeralcontainers',
    },
    [
      'spec.ephemeralContainers[0].image: Invalid value: " i": must not have leading or trailing whitespace',
      'spec.ephemeralContainers[0].name: Duplicate value: "web"',
      'spec.ephemeralContainers[0].targetContainerName: Not found: "gone"',
      'spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container',
      'spec.ephemeralContainers[0].resources: Forbidden: cannot be set for an Ephemeral Container',
      'spec.ephemeralContainers[0].livenessProbe: Forbidden: cannot be set for an Ephemeral Container',
    ],
  ],
  [
    'an ephemeral container that goes',
    {
      stored: (object) => {
        object.spec.ephemeralContainers = [
          {
            name: 'debug',
            image: 'i',
            terminationMessagePath: '/x',
            terminationMessagePolicy: 'File',
            imagePullPolicy: 'Always',
          },
        ];
      },
      change: (object) => {
        delete object.spec.ephemeralContainers;
      },
      subresource: 'ephemeralcontainers',
    },
    ['spec.ephemeralContainers: Forbidden: existing ephemeral containers "debug" may not be removed'],
  ],
  [
    'more cpu',
    {
      change: (object) => {
        first(object).resources.requests.cpu = '2';
      },
      subresource: 'resize',
    },
    [],
  ],
  [
    'a request that goes',
    {
      change: (object) => {
        delete first(object).resources.requests.cpu;
      },
      subresource: 'resize',
    },
    ['spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed'],
  ],
  [
    'another class by resizing',
    {
      change: (object) => {
        first(object).resources.limits = { cpu: '1', memory: '1Gi' };
      },
      subresource: 'resize',
    },
    ['spec: Invalid value: "Burstable": Pod QOS Class may not change as a result of resizing'],
  ],
  [
    'a resource that cannot be resized',
    {
      change: (object) => {
        first(object).resources.requests['ephemeral-storage'] = '1Gi';
      },
      subresource: 'resize',
    },
    ['spec: Forbidden: only cpu and memory resources are mutable'],
  ],
  [
    'a container more by resizing',
    {
      change: (object) => {
        object.spec.containers.push({ name: 'b', image: 'i' });
      },
      subresource: 'resize',
    },
    ['spec.containers: Forbidden: containers may not be added or removed on resize'],
  ],
  [
    'a pod of windows',
    {
      before: (object) => {
        object.spec.os = { name: 'windows' };
      },
      change: (object) => {
        first(object).resources.requests.cpu = '2';
      },
      subresource: 'resize',
    },
    ['[]: Forbidden: windows pods cannot be resized'],
  ],
];

describe('changes of a pod', () => {
  for (const [what, change, errors] of changes) {
    it(errors.length === 0 ? `take ${what}` : `refuse ${what}`, () => assert.deepEqual(changeErrors(change), errors));
  }

  it('keep what broke a rule before there was one', () => {
    const stored = (pod: any): void => {
      pod.spec.volumes = [{ name: 'v', image: { reference: '', pullPolicy: 'Always' } }];
    };
    const change = (pod: any): void => {
      pod.metadata.labels = { a: 'b' };
    };
    assert.deepEqual(changeErrors({ stored, change }), []);
    assert.deepEqual(
      podErrors((pod) => {
        stored(pod);
      }),
      ['spec.volumes[0].image.reference: Required value'],
    );
  });
});
