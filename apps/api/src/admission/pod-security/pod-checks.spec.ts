import assert from 'node:assert/strict';
import type { CheckedPod } from './pod-check.js';
import { detailsText, reasonsText, violations } from './pod-checks.js';
import { LATEST, type Level } from './pod-policy.js';

/** Passes every check of the restricted level. */
const SAFE = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  runAsNonRoot: true,
  seccompProfile: { type: 'RuntimeDefault' },
};

function pod(spec: object = {}, annotations?: Record<string, string>): CheckedPod {
  return { annotations, spec: { containers: [{ name: 'a', securityContext: SAFE }], ...spec } };
}

const withContext = (...contexts: object[]) =>
  pod({ containers: contexts.map((context, i) => ({ name: 'abc'[i], securityContext: { ...SAFE, ...context } })) });
const withContainer = (container: object) => pod({ containers: [{ name: 'a', securityContext: SAFE, ...container }] });

function judged(level: Level, version: number, checked: CheckedPod): string {
  return detailsText(violations({ level, version }, checked));
}

type Row = [what: string, level: Level, version: number, pod: CheckedPod, detail: string];

/** Each check, and each version in which it changed: the texts are the reference's. */
const rows: Row[] = [
  ['a safe pod', 'restricted', LATEST, pod(), ''],
  ['anything at all', 'privileged', LATEST, pod({ hostNetwork: true }), ''],
  [
    'an AppArmor profile and annotations',
    'baseline',
    0,
    pod(
      {
        securityContext: { appArmorProfile: { type: 'Unconfined' } },
        containers: [{ name: 'a', securityContext: { appArmorProfile: { type: 'Odd' } } }],
      },
      {
        'container.apparmor.security.beta.kubernetes.io/a': 'bogus',
        'container.apparmor.security.beta.kubernetes.io/b': '',
      },
    ),
    'forbidden AppArmor profiles (pod and container "a" and annotation must not set AppArmor profile type to "Odd", "Unconfined", "container.apparmor.security.beta.kubernetes.io/a="bogus"")',
  ],
  [
    'capabilities',
    'baseline',
    21,
    withContext({ capabilities: { add: ['NET_RAW', 'CHOWN'] } }, { capabilities: { add: ['BPF'] } }),
    'non-default capabilities (containers "a", "b" must not include "BPF", "NET_RAW" in securityContext.capabilities.add)',
  ],
  [
    'namespaces of the host',
    'baseline',
    0,
    pod({ hostPID: true, hostNetwork: true, hostIPC: true }),
    'host namespaces (hostNetwork=true, hostPID=true, hostIPC=true)',
  ],
  [
    'a folder of the host',
    'baseline',
    0,
    pod({
      volumes: [
        { name: 'a', hostPath: {} },
        { name: 'b', hostPath: {} },
      ],
    }),
    'hostPath volumes (volumes "a", "b")',
  ],
  [
    'ports of the host',
    'baseline',
    0,
    withContainer({ ports: [{ hostPort: 90 }, { hostPort: 0 }, { hostPort: 80 }] }),
    'hostPort (container "a" uses hostPorts 80, 90)',
  ],
  ['a host of probes, before 1.34', 'baseline', 33, withContainer({ livenessProbe: { httpGet: { host: 'x' } } }), ''],
  [
    'hosts of probes and hooks',
    'baseline',
    34,
    withContainer({ livenessProbe: { httpGet: { host: 'x' } }, lifecycle: { preStop: { tcpSocket: { host: 'w' } } } }),
    'probe or lifecycle host (container "a" uses probe or lifecycle hosts "w", "x")',
  ],
  [
    'privilege, also of containers that start later',
    'baseline',
    LATEST,
    pod({
      initContainers: [{ name: 'i', securityContext: { privileged: true } }],
      ephemeralContainers: [{ name: 'e', securityContext: { privileged: true } }],
    }),
    'privileged (containers "i", "e" must not set securityContext.privileged=true)',
  ],
  [
    'an unmasked /proc',
    'baseline',
    34,
    pod({ hostUsers: false, containers: [{ name: 'a', securityContext: { procMount: 'Unmasked' } }] }),
    'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
  ],
  [
    'an unmasked /proc with users of its own, from 1.35',
    'baseline',
    35,
    pod({ hostUsers: false, containers: [{ name: 'a', securityContext: { procMount: 'Unmasked' } }] }),
    '',
  ],
  [
    'the same where nothing is relaxed',
    'restricted',
    35,
    pod({ hostUsers: false, containers: [{ name: 'a', securityContext: { ...SAFE, procMount: 'Unmasked' } }] }),
    'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
  ],
  [
    'SELinux options',
    'baseline',
    30,
    pod({
      securityContext: { seLinuxOptions: { type: 'container_engine_t' } },
      containers: [{ name: 'a', securityContext: { seLinuxOptions: { user: 'u', role: 'r' } } }],
    }),
    'seLinuxOptions (pod and container "a" set forbidden securityContext.seLinuxOptions: type "container_engine_t"; user may not be set; role may not be set)',
  ],
  [
    'a type that is allowed from 1.31',
    'baseline',
    31,
    pod({ securityContext: { seLinuxOptions: { type: 'container_engine_t' } } }),
    '',
  ],
  [
    'profiles in annotations, before 1.19',
    'baseline',
    18,
    pod(
      {},
      {
        'seccomp.security.alpha.kubernetes.io/pod': 'unconfined',
        'container.seccomp.security.alpha.kubernetes.io/a': 'x',
      },
    ),
    'seccompProfile (forbidden annotations container.seccomp.security.alpha.kubernetes.io/a="x", seccomp.security.alpha.kubernetes.io/pod="unconfined")',
  ],
  [
    'profiles',
    'baseline',
    19,
    withContext({}, { seccompProfile: { type: 'Unconfined' } }, { seccompProfile: { type: 'Unconfined' } }),
    'seccompProfile (containers "b", "c" must not set securityContext.seccompProfile.type to "Unconfined")',
  ],
  [
    'sysctls',
    'baseline',
    36,
    pod({
      securityContext: {
        sysctls: [{ name: 'net.ipv4.tcp_rmem' }, { name: 'kernel.msgmax' }, { name: 'net.ipv4.tcp_notsent_lowat' }],
      },
    }),
    'forbidden sysctls (kernel.msgmax, net.ipv4.tcp_notsent_lowat)',
  ],
  [
    'sysctls that became safe',
    'baseline',
    37,
    pod({ securityContext: { sysctls: [{ name: 'net.ipv4.tcp_notsent_lowat' }] } }),
    '',
  ],
  [
    'processes of a Windows host',
    'baseline',
    0,
    pod({ securityContext: { windowsOptions: { hostProcess: true } } }),
    'hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)',
  ],
  [
    'a container that says nothing',
    'restricted',
    LATEST,
    pod({ containers: [{ name: 'a' }] }),
    'allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
  ],
  [
    'the same on Windows, from 1.25',
    'restricted',
    25,
    pod({ os: { name: 'windows' }, containers: [{ name: 'a' }] }),
    'runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true)',
  ],
  [
    'capabilities that are added to none',
    'restricted',
    22,
    withContext(
      { capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE', 'CHOWN'] } },
      { capabilities: { drop: ['all'] } },
    ),
    'unrestricted capabilities (container "b" must set securityContext.capabilities.drop=["ALL"]; container "a" must not include "CHOWN" in securityContext.capabilities.add)',
  ],
  [
    'volumes',
    'restricted',
    0,
    pod({
      volumes: [
        { name: 'a', hostPath: {} },
        { name: 'b', nfs: {} },
        { name: 'c', emptyDir: {} },
        { name: 'd', odd: {} },
      ],
    }),
    'restricted volume types (volumes "a", "b", "d" use restricted volume types "hostPath", "nfs", "unknown")',
  ],
  [
    'root by name',
    'restricted',
    LATEST,
    pod({
      securityContext: { runAsNonRoot: false },
      containers: [{ name: 'a', securityContext: { ...SAFE, runAsNonRoot: false } }],
    }),
    'runAsNonRoot != true (pod and container "a" must not set securityContext.runAsNonRoot=false)',
  ],
  [
    'root by number',
    'restricted',
    34,
    pod({ hostUsers: false, securityContext: { runAsUser: 0 } }),
    'runAsUser=0 (pod must not set runAsUser=0)',
  ],
  [
    'root among users of its own, from 1.35',
    'restricted',
    35,
    pod({ hostUsers: false, securityContext: { runAsUser: 0 } }),
    '',
  ],
  [
    'a version of the future',
    'restricted',
    99,
    pod({ securityContext: { runAsUser: 0 } }),
    'runAsUser=0 (pod must not set runAsUser=0)',
  ],
];

describe('the Pod Security Standards', () => {
  test.each(rows)('judge %s at %s:%s', (_, level, version, checked, detail) => {
    assert.equal(judged(level, version, checked), detail);
  });

  test('are told in short by their reasons', () => {
    const found = violations(
      { level: 'baseline', version: LATEST },
      pod({ hostNetwork: true, volumes: [{ name: 'v', hostPath: {} }] }),
    );
    assert.equal(reasonsText(found), 'host namespaces, hostPath volumes');
  });
});
