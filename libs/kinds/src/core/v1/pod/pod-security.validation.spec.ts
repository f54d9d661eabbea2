import assert from 'node:assert/strict';
import { first, podErrors } from './testing/pod-spec-support.js';

/** The errors are those that the reference gives for the same pod. */
const cases: [what: string, mutate: (object: any) => void, errors: string[]][] = [
  [
    'ids out of range',
    (object) => {
      object.spec.securityContext = { fsGroup: -1, runAsUser: -1, runAsGroup: -1, supplementalGroups: [1, -1] };
      first(object).securityContext = { runAsUser: 2147483648, runAsGroup: -1 };
    },
    [
      'spec.containers[0].securityContext.runAsUser: Invalid value: 2147483648: must be between 0 and 2147483647, inclusive',
      'spec.containers[0].securityContext.runAsGroup: Invalid value: -1: must be between 0 and 2147483647, inclusive',
      'spec.securityContext.fsGroup: Invalid value: -1: must be between 0 and 2147483647, inclusive',
      'spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive',
      'spec.securityContext.runAsGroup: Invalid value: -1: must be between 0 and 2147483647, inclusive',
      'spec.securityContext.supplementalGroups[1]: Invalid value: -1: must be between 0 and 2147483647, inclusive',
    ],
  ],
  [
    'policies that do not exist',
    (object) => {
      object.spec.securityContext = {
        fsGroupChangePolicy: 'X',
        supplementalGroupsPolicy: 'X',
        seLinuxChangePolicy: 'X',
      };
      first(object).securityContext = { procMount: 'X' };
    },
    [
      'spec.containers[0].securityContext.procMount: Unsupported value: "X": supported values: "Default", "Unmasked"',
      'spec.securityContext.fsGroupChangePolicy: Unsupported value: "X": supported values: "Always", "OnRootMismatch"',
      'spec.securityContext.supplementalGroupsPolicy: Unsupported value: "X": supported values: "Merge", "Strict"',
      'spec.securityContext.seLinuxChangePolicy: Unsupported value: "X": supported values: "MountOption", "Recursive"',
    ],
  ],
  [
    'sysctls',
    (object) => {
      object.spec.hostNetwork = true;
      object.spec.hostIPC = true;
      object.spec.securityContext = {
        sysctls: [
          { name: '', value: '' },
          { name: 'A', value: '' },
          { name: 'kernel.shm_rmid_forced', value: '1' },
          { name: 'net/ipv4/ip_forward', value: '1' },
          { name: 'kernel.shm_rmid_forced', value: '1' },
        ],
      };
    },
    [
      'spec.securityContext.sysctls[0].name: Required value',
      'spec.securityContext.sysctls[1].name: Invalid value: "A": must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$',
      'spec.securityContext.sysctls[2].name: Invalid value: "kernel.shm_rmid_forced": may not be specified when \'hostIPC\' is true',
      'spec.securityContext.sysctls[3].name: Invalid value: "net/ipv4/ip_forward": may not be specified when \'hostNetwork\' is true',
      'spec.securityContext.sysctls[4].name: Duplicate value: "kernel.shm_rmid_forced"',
      'spec.securityContext.sysctls[4].name: Invalid value: "kernel.shm_rmid_forced": may not be specified when \'hostIPC\' is true',
    ],
  ],
  [
    'seccomp profiles',
    (object) => {
      object.spec.securityContext = { seccompProfile: { type: 'Localhost' } };
      first(object).securityContext = { seccompProfile: { type: 'RuntimeDefault', localhostProfile: 'p' } };
      object.spec.initContainers = [
        { name: 'a', image: 'i', securityContext: { seccompProfile: { type: 'X' } } },
        { name: 'b', image: 'i', securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: '/x' } } },
      ];
    },
    [
      'spec.containers[0].securityContext.seccompProfile.localhostProfile: Invalid value: {"Type":"RuntimeDefault","LocalhostProfile":"p"}: can only be set when seccomp type is Localhost',
      'spec.initContainers[0].securityContext.seccompProfile.type: Unsupported value: "X": supported values: "Localhost", "RuntimeDefault", "Unconfined"',
      'spec.initContainers[1].securityContext.seccompProfile.localhostProfile: Invalid value: "/x": must be a relative path',
      'spec.securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost',
    ],
  ],
  [
    'AppArmor profiles',
    (object) => {
      object.spec.securityContext = { appArmorProfile: { type: 'Localhost' } };
      first(object).securityContext = { appArmorProfile: { type: 'Unconfined', localhostProfile: 'p' } };
      object.spec.initContainers = [
        { name: 'a', image: 'i', securityContext: { appArmorProfile: { type: 'X' } } },
        { name: 'b', image: 'i', securityContext: { appArmorProfile: { type: 'Localhost', localhostProfile: ' x' } } },
      ];
    },
    [
      'spec.containers[0].securityContext.appArmorProfile.localhostProfile: Invalid value: "p": can only be set when AppArmor type is Localhost',
      'spec.initContainers[0].securityContext.appArmorProfile.type: Unsupported value: "X": supported values: "Localhost", "RuntimeDefault", "Unconfined"',
      'spec.initContainers[1].securityContext.appArmorProfile.localhostProfile: Invalid value: " x": must not be padded with whitespace',
      'spec.securityContext.appArmorProfile.localhostProfile: Required value: must be set when AppArmor type is Localhost',
    ],
  ],
  [
    'privilege without escalation',
    (object) => {
      first(object).securityContext = {
        privileged: true,
        allowPrivilegeEscalation: false,
        capabilities: { add: ['CAP_SYS_ADMIN'] },
      };
    },
    [
      'spec.containers[0].securityContext: Invalid value: {"Capabilities":{"Add":["CAP_SYS_ADMIN"],"Drop":null},"Privileged":true,"SELinuxOptions":null,"WindowsOptions":null,"RunAsUser":null,"RunAsGroup":null,"RunAsNonRoot":null,"ReadOnlyRootFilesystem":null,"AllowPrivilegeEscalation":false,"ProcMount":null,"SeccompProfile":null,"AppArmorProfile":null}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true',
      'spec.containers[0].securityContext: Invalid value: {"Capabilities":{"Add":["CAP_SYS_ADMIN"],"Drop":null},"Privileged":true,"SELinuxOptions":null,"WindowsOptions":null,"RunAsUser":null,"RunAsGroup":null,"RunAsNonRoot":null,"ReadOnlyRootFilesystem":null,"AllowPrivilegeEscalation":false,"ProcMount":null,"SeccompProfile":null,"AppArmorProfile":null}: cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN',
    ],
  ],
  [
    'an unmasked proc with the users of the node',
    (object) => {
      first(object).securityContext = { procMount: 'Unmasked' };
    },
    [
      'spec.containers[0].securityContext.procMount: Invalid value: "Unmasked": `hostUsers` must be false to use `Unmasked`',
    ],
  ],
  [
    'users of windows',
    (object) => {
      object.spec.securityContext = {
        windowsOptions: { runAsUserName: '', gmsaCredentialSpec: '', gmsaCredentialSpecName: 'A' },
      };
      first(object).securityContext = { windowsOptions: { runAsUserName: 'a\\b\\c' } };
      object.spec.initContainers = [
        { name: 'a', image: 'i', securityContext: { windowsOptions: { runAsUserName: '.x\\..' } } },
      ];
    },
    [
      'spec.containers[0].securityContext.windowsOptions.runAsUserName: Invalid value: "a\\\\b\\\\c": runAsUserName cannot contain more than one backslash',
      'spec.initContainers[0].securityContext.windowsOptions.runAsUserName: Invalid value: ".x\\\\..": runAsUserName\'s Domain doesn\'t match the NetBios nor the DNS format',
      'spec.initContainers[0].securityContext.windowsOptions.runAsUserName: Invalid value: ".x\\\\..": runAsUserName\'s User cannot contain only periods or spaces',
      "spec.securityContext.windowsOptions.gmsaCredentialSpecName: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      'spec.securityContext.windowsOptions.gmsaCredentialSpec: Invalid value: "": gmsaCredentialSpec cannot be an empty string',
      'spec.securityContext.windowsOptions.runAsUserName: Invalid value: "": runAsUserName cannot be an empty string',
    ],
  ],
  [
    'host processes',
    (object) => {
      first(object).securityContext = { windowsOptions: { hostProcess: true } };
      object.spec.initContainers = [{ name: 'a', image: 'i' }];
      object.spec.securityContext = { windowsOptions: { hostProcess: false } };
    },
    [
      'spec.containers[0].securityContext.windowsOptions.hostProcess: Invalid value: true: pod hostProcess value must be identical if both are specified, was false',
      'spec: Invalid value: "": If pod contains any hostProcess containers then all containers must be HostProcess containers',
      'spec.hostNetwork: Invalid value: false: hostNetwork must be true if pod contains any hostProcess containers',
    ],
  ],
  [
    'windows options on linux',
    (object) => {
      object.spec.os = { name: 'linux' };
      object.spec.securityContext = { windowsOptions: {} };
      first(object).securityContext = { windowsOptions: {} };
    },
    [
      'spec.securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod',
      'spec.containers[0].securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod',
    ],
  ],
  [
    'linux options on windows',
    (object) => {
      object.spec.os = { name: 'windows' };
      Object.assign(object.spec, {
        hostPID: true,
        hostIPC: true,
        hostUsers: true,
        shareProcessNamespace: false,
        securityContext: { runAsUser: 1, seLinuxOptions: {} },
      });
      first(object).securityContext = { privileged: false, capabilities: {} };
    },
    [
      'spec.securityContext.seLinuxOptions: Forbidden: cannot be set for a windows pod',
      'spec.securityContext.runAsUser: Forbidden: cannot be set for a windows pod',
      'spec.hostUsers: Forbidden: cannot be set for a windows pod',
      'spec.hostPID: Forbidden: cannot be set for a windows pod',
      'spec.hostIPC: Forbidden: cannot be set for a windows pod',
      'spec.shareProcessNamespace: Forbidden: cannot be set for a windows pod',
      'spec.containers[0].securityContext.capabilities: Forbidden: cannot be set for a windows pod',
      'spec.containers[0].securityContext.privileged: Forbidden: cannot be set for a windows pod',
    ],
  ],
  [
    'an operating system that is none',
    (object) => {
      object.spec.os = { name: 'plan9' };
    },
    ['spec.os: Unsupported value: "plan9": supported values: "linux", "windows"'],
  ],
  [
    'users of its own, and namespaces of the node',
    (object) => {
      Object.assign(object.spec, { hostUsers: false, hostNetwork: true, hostPID: true, hostIPC: true });
    },
    [
      'spec.hostNetwork: Forbidden: when `hostUsers` is false',
      'spec.HostPID: Forbidden: when `hostUsers` is false',
      'spec.HostIPC: Forbidden: when `hostUsers` is false',
    ],
  ],
  [
    'two answers to who sees whom',
    (object) => {
      Object.assign(object.spec, { shareProcessNamespace: true, hostPID: true });
    },
    ['spec.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled'],
  ],
  [
    'annotations of profiles',
    (object) => {
      object.metadata.annotations = {
        'seccomp.security.alpha.kubernetes.io/pod': 'x',
        'container.apparmor.security.beta.kubernetes.io/gone': 'x',
        'controller.kubernetes.io/pod-deletion-cost': '+1',
        'kubernetes.io/config.mirror': 'x',
      };
    },
    [
      'metadata.annotations[kubernetes.io/config.mirror]: Invalid value: "x": must set spec.nodeName if mirror pod annotation is set',
      'metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "+1": must be a 32bit integer',
      'metadata.annotations.seccomp.security.alpha.kubernetes.io/pod: Invalid value: "x": must be a valid seccomp profile',
      'metadata.annotations[container.apparmor.security.beta.kubernetes.io/gone]: Invalid value: "gone": container not found',
      'metadata.annotations[container.apparmor.security.beta.kubernetes.io/gone]: Invalid value: "x": invalid AppArmor profile name: "x"',
    ],
  ],
  [
    'annotations that say other than fields',
    (object) => {
      object.metadata.annotations = {
        'seccomp.security.alpha.kubernetes.io/pod': 'unconfined',
        'container.apparmor.security.beta.kubernetes.io/web': 'localhost/a',
      };
      object.spec.securityContext = {
        seccompProfile: { type: 'RuntimeDefault' },
        appArmorProfile: { type: 'Localhost', localhostProfile: 'b' },
      };
    },
    [
      'spec.securityContext.seccompProfile.type: Forbidden: seccomp type in annotation and field must match',
      'spec.containers[0].securityContext.appArmorProfile.localhostProfile: Forbidden: apparmor profile in annotation and field must match',
    ],
  ],
  [
    'annotations beside no containers',
    (object) => {
      object.metadata.annotations = { 'container.apparmor.security.beta.kubernetes.io/web': 'unconfined' };
      // As the form in which a pod without containers is kept.
      object.spec.containers = null;
    },
    [
      'metadata.annotations[container.apparmor.security.beta.kubernetes.io/web]: Invalid value: "web": container not found',
      'spec.containers: Required value',
    ],
  ],
];

describe('Security of a pod is refused for', () => {
  for (const [what, mutate, errors] of cases) it(what, () => assert.deepEqual(podErrors(mutate), errors));
});
