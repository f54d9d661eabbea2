import assert from 'node:assert/strict';
import { first, podErrors } from './testing/pod-spec-support.js';

/** The errors are those that the reference gives for the same pod. */
const cases: [what: string, mutate: (object: any) => void, errors: string[]][] = [
  [
    'no containers',
    (object) => {
      object.spec.containers = [];
    },
    ['spec.containers: Required value'],
  ],
  [
    'no name and no image',
    (object) => {
      Object.assign(first(object), { name: '', image: '' });
    },
    ['spec.containers[0].name: Required value', 'spec.containers[0].image: Required value'],
  ],
  [
    'a name with capitals',
    (object) => {
      first(object).name = 'Web';
    },
    [
      "spec.containers[0].name: Invalid value: \"Web\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
    ],
  ],
  [
    'two of one name',
    (object) => {
      object.spec.containers.push({ name: 'web', image: 'i' });
    },
    ['spec.containers[1].name: Duplicate value: "web"'],
  ],
  [
    'policies that do not exist',
    (object) => {
      Object.assign(first(object), { imagePullPolicy: 'Often', terminationMessagePolicy: 'Mail' });
    },
    [
      'spec.containers[0].terminationMessagePolicy: Unsupported value: "Mail": supported values: "File", "FallbackToLogsOnError"',
      'spec.containers[0].imagePullPolicy: Unsupported value: "Often": supported values: "Always", "IfNotPresent", "Never"',
    ],
  ],
  [
    'spaces around the image',
    (object) => {
      first(object).image = ' nginx ';
    },
    ['spec.containers[0].image: Invalid value: " nginx ": must not have leading or trailing whitespace'],
  ],
  [
    'bad ports',
    (object) => {
      first(object).ports = [
        { containerPort: 0 },
        { containerPort: 70000, name: 'Web_1', protocol: 'ICMP' },
        { containerPort: 80, name: 'web', hostPort: 70000 },
        { containerPort: 81, name: 'web' },
      ];
    },
    [
      'spec.containers[0].ports[0].containerPort: Required value',
      'spec.containers[0].ports[1].name: Invalid value: "Web_1": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
      'spec.containers[0].ports[1].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
      'spec.containers[0].ports[1].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"',
      'spec.containers[0].ports[2].hostPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
      'spec.containers[0].ports[3].name: Duplicate value: "web"',
    ],
  ],
  [
    'a host port twice',
    (object) => {
      first(object).ports = [
        { containerPort: 80, hostPort: 8080 },
        { containerPort: 81, hostPort: 8080 },
      ];
    },
    ['spec.containers[0].ports[1].hostPort: Duplicate value: "TCP//8080"'],
  ],
  [
    'host ports on the network of the node',
    (object) => {
      object.spec.hostNetwork = true;
      first(object).ports = [{ containerPort: 80, hostPort: 8080 }];
    },
    [
      'spec.containers[0].ports[0].hostPort: Invalid value: 8080: must match `containerPort` when `hostNetwork` is true',
    ],
  ],
  [
    'an init container with the name of another',
    (object) => {
      object.spec.initContainers = [{ name: 'web', image: 'i' }];
    },
    ['spec.initContainers[0].name: Duplicate value: "web"'],
  ],
  [
    'an init container with a probe and hooks',
    (object) => {
      object.spec.initContainers = [
        {
          name: 'a',
          image: 'i',
          livenessProbe: { tcpSocket: { port: 1 } },
          lifecycle: { preStop: { exec: { command: ['x'] } } },
        },
      ];
    },
    [
      'spec.initContainers[0].lifecycle: Forbidden: may not be set for init containers without restartPolicy=Always',
      'spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always',
    ],
  ],
  [
    'a sidecar with a bad probe',
    (object) => {
      object.spec.initContainers = [
        {
          name: 'a',
          image: 'i',
          restartPolicy: 'Always',
          startupProbe: { successThreshold: 2, tcpSocket: { port: 'Bad Port' } },
        },
      ];
    },
    [
      'spec.initContainers[0].startupProbe.tcpSocket.port: Invalid value: "Bad Port": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
      'spec.initContainers[0].startupProbe.successThreshold: Invalid value: 2: must be 1',
    ],
  ],
  [
    'an init container with a host port twice',
    (object) => {
      object.spec.initContainers = [
        {
          name: 'a',
          image: 'i',
          ports: [
            { containerPort: 1, hostPort: 1 },
            { containerPort: 2, hostPort: 1 },
          ],
        },
      ];
    },
    ['spec.initContainers[0].ports[1].hostPort: Duplicate value: "TCP//1"'],
  ],
  [
    'an unknown restart policy',
    (object) => {
      first(object).restartPolicy = 'Sometimes';
    },
    [
      'spec.containers[0].restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "Never", "OnFailure"',
    ],
  ],
  [
    'restart rules without policy',
    (object) => {
      first(object).restartPolicyRules = [{ action: 'Restart', exitCodes: { operator: 'In', values: [1] } }];
    },
    ['spec.containers[0].restartPolicy: Required value: must specify restartPolicy when restart rules are used'],
  ],
  [
    'bad restart rules',
    (object) => {
      Object.assign(first(object), {
        restartPolicy: 'Never',
        restartPolicyRules: [{ action: 'Stop', exitCodes: { operator: 'Has' } }, { action: 'Restart' }],
      });
    },
    [
      'spec.containers[0].restartPolicyRules[0].action: Unsupported value: "Stop": supported values: "Restart", "RestartAllContainers"',
      'spec.containers[0].restartPolicyRules[0].exitCodes.operator: Unsupported value: "Has": supported values: "In", "NotIn"',
      'spec.containers[0].restartPolicyRules[1].exitCodes: Required value: must be specified',
    ],
  ],
  [
    'bad resize policies',
    (object) => {
      first(object).resizePolicy = [
        { resourceName: 'disk', restartPolicy: 'Never' },
        { resourceName: 'cpu', restartPolicy: 'NotRequired' },
        { resourceName: 'cpu', restartPolicy: 'NotRequired' },
      ];
    },
    [
      'spec.containers[0].resizePolicy: Unsupported value: "disk": supported values: "cpu", "memory"',
      'spec.containers[0].resizePolicy: Unsupported value: "Never": supported values: "NotRequired", "RestartContainer"',
      'spec.containers[0].resizePolicy[2]: Duplicate value: "cpu"',
    ],
  ],
  [
    'a restart on resize of a pod that never restarts',
    (object) => {
      object.spec.restartPolicy = 'Never';
      first(object).resizePolicy = [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }];
    },
    [
      "spec.containers[0].resizePolicy: Invalid value: \"RestartContainer\": must be 'NotRequired' when pod `restartPolicy` is 'Never'",
    ],
  ],
  [
    'a restart on resize of an init container',
    (object) => {
      object.spec.initContainers = [
        { name: 'a', image: 'i', resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }] },
      ];
    },
    [
      'spec.initContainers[0].resizePolicy[0].restartPolicy: Invalid value: "RestartContainer": must not be set to \'RestartContainer\' for non-sidecar initContainers',
    ],
  ],
  [
    'ephemeral containers',
    (object) => {
      object.spec.ephemeralContainers = [
        { name: 'web', image: 'i', ports: [{ containerPort: 1 }], targetContainerName: 'gone' },
      ];
    },
    [
      'spec.ephemeralContainers[0].name: Duplicate value: "web"',
      'spec.ephemeralContainers[0].targetContainerName: Not found: "gone"',
      'spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container',
      'spec.ephemeralContainers: Forbidden: cannot be set on create',
    ],
  ],
  [
    'a probe without handler',
    (object) => {
      first(object).livenessProbe = {};
    },
    ['spec.containers[0].livenessProbe: Required value: must specify a handler type'],
  ],
  [
    'a probe with two handlers',
    (object) => {
      first(object).readinessProbe = {
        exec: { command: ['x'] },
        tcpSocket: { port: 80 },
        terminationGracePeriodSeconds: 5,
      };
    },
    [
      'spec.containers[0].readinessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type',
      'spec.containers[0].readinessProbe.terminationGracePeriodSeconds: Invalid value: 5: must not be set for readinessProbes',
    ],
  ],
  [
    'bad numbers of a probe',
    (object) => {
      first(object).livenessProbe = {
        httpGet: { port: 0, path: '/', scheme: 'FTP', httpHeaders: [{ name: 'a b', value: '' }] },
        initialDelaySeconds: -1,
        timeoutSeconds: -1,
        periodSeconds: -1,
        failureThreshold: -1,
        successThreshold: -1,
        terminationGracePeriodSeconds: 0,
      };
    },
    [
      'spec.containers[0].livenessProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive',
      'spec.containers[0].livenessProbe.httpGet.scheme: Unsupported value: "FTP": supported values: "HTTP", "HTTPS"',
      "spec.containers[0].livenessProbe.httpGet.httpHeaders: Invalid value: \"a b\": a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')",
      'spec.containers[0].livenessProbe.initialDelaySeconds: Invalid value: -1: must be greater than or equal to 0',
      'spec.containers[0].livenessProbe.timeoutSeconds: Invalid value: -1: must be greater than or equal to 0',
      'spec.containers[0].livenessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0',
      'spec.containers[0].livenessProbe.successThreshold: Invalid value: -1: must be greater than or equal to 0',
      'spec.containers[0].livenessProbe.failureThreshold: Invalid value: -1: must be greater than or equal to 0',
      'spec.containers[0].livenessProbe.terminationGracePeriodSeconds: Invalid value: 0: must be greater than 0',
      'spec.containers[0].livenessProbe.successThreshold: Invalid value: -1: must be 1',
    ],
  ],
  [
    'an exec probe without command',
    (object) => {
      first(object).livenessProbe = { exec: {} };
    },
    ['spec.containers[0].livenessProbe.exec.command: Required value'],
  ],
  [
    'a grpc probe with a bad port',
    (object) => {
      first(object).startupProbe = { grpc: { port: 0 } };
    },
    ['spec.containers[0].startupProbe.grpc.port: Invalid value: 0: must be between 1 and 65535, inclusive'],
  ],
  [
    'a sleep longer than the grace period',
    (object) => {
      first(object).lifecycle = { preStop: { sleep: { seconds: 60 } }, postStart: {} };
    },
    [
      'spec.containers[0].lifecycle.postStart: Required value: must specify a handler type',
      'spec.containers[0].lifecycle.preStop.sleep: Invalid value: 60: must be non-negative and less than terminationGracePeriodSeconds (30)',
    ],
  ],
  [
    'a stop signal without an operating system',
    (object) => {
      first(object).lifecycle = { stopSignal: 'SIGTERM' };
    },
    ['spec.containers[0].lifecycle.stopSignal: Forbidden: may not be set for containers with empty `spec.os.name`'],
  ],
  [
    'a stop signal that windows lacks',
    (object) => {
      object.spec.os = { name: 'windows' };
      first(object).lifecycle = { stopSignal: 'SIGUSR1' };
    },
    ['spec.containers[0].lifecycle.stopSignal: Unsupported value: "SIGUSR1": supported values: "SIGKILL", "SIGTERM"'],
  ],
];

describe('Containers of a pod is refused for', () => {
  for (const [what, mutate, errors] of cases) it(what, () => assert.deepEqual(podErrors(mutate), errors));
});
