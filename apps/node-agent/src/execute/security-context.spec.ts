import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SeccompProfile, SecurityContext } from '#kinds';
import { appArmorProblem, appArmorProfile } from '../pod/apparmor.js';
import type { Container, Pod } from '../pod/pod.js';
import type { CriImage } from '../runtime/cri-types.js';
import { aContainer, aPod } from '../testing/pod-builders.js';
import { kernelPaths, pathsFor } from './kernel-paths.js';
import { containerSecurityContext, namespaceOptions } from './security-context.js';

const PATHS = { masked: ['/proc/kcore'], readOnly: ['/proc/sys'] };
const context = (securityContext: SecurityContext, pod: Partial<Pod['spec']> = {}) => {
  const container = aContainer('main', { securityContext });
  const image = { uid: null, username: '' } as unknown as CriImage;
  const input = { pod: aPod({ containers: [container], ...pod }), container, image, seccompRoot: '/s' };
  return containerSecurityContext({ ...input, kernelPaths: PATHS, volumeGroups: [] });
};

describe('A user namespace', () => {
  const none = { message: "can't set `spec.hostUsers: false`, runtime does not support user namespaces" };

  test('is given to nobody: neither sandbox nor container is made without one', () => {
    assert.throws(() => namespaceOptions(aPod({ hostUsers: false })), none);
    assert.throws(() => context({}, { hostUsers: false }), none);
    assert.ok(namespaceOptions(aPod({ hostUsers: true })));
  });

  test('would be needed to see all of /proc', () => {
    for (const hostUsers of [undefined, true, false]) {
      assert.throws(() => context({ procMount: 'Unmasked' }, { hostUsers }), /`hostUsers`|hostUsers: false/);
    }
    const privileged = context({ procMount: 'Unmasked', privileged: true });
    assert.deepEqual([privileged.maskedPaths, privileged.readonlyPaths], [[], []]);
    const plain = context({ procMount: 'Default' });
    assert.deepEqual([plain.maskedPaths, plain.readonlyPaths], [['/proc/kcore'], ['/proc/sys']]);
  });
});

describe('Files of the kernel', () => {
  /** A machine with two processors, of which one tells how hot it is. */
  const machine = (unified: boolean): string => {
    const root = mkdtempSync(join(tmpdir(), 'berth-kernel-'));
    for (const path of ['cpu0/thermal_throttle', 'cpu1', 'cpufreq/thermal_throttle']) {
      mkdirSync(join(root, 'sys/devices/system/cpu', path), { recursive: true });
    }
    mkdirSync(join(root, 'sys/fs/cgroup'), { recursive: true });
    if (unified) writeFileSync(join(root, 'sys/fs/cgroup/cgroup.controllers'), '');
    return root;
  };

  for (const unified of [false, true]) {
    test(`are hidden or read-only with cgroups of version ${unified ? 2 : 1}`, () => {
      const root = machine(unified);
      try {
        const { masked, readOnly } = kernelPaths(root);
        assert.ok(masked.includes('/proc/kcore'));
        const throttles = masked.filter((path) => path.includes('thermal'));
        assert.deepEqual(throttles, ['/sys/devices/system/cpu/cpu0/thermal_throttle']);
        assert.equal(readOnly.includes('/sys/fs/cgroup'), !unified);
        assert.ok(readOnly.includes('/proc/sys'));
      } finally {
        rmSync(root, { recursive: true });
      }
    });
  }

  const cgroups: [what: string, rest: Partial<Container>, readOnly: boolean][] = [
    ['nothing special', {}, true],
    ['other capabilities', { securityContext: { capabilities: { add: ['NET_ADMIN'] } } }, true],
    ['a mount elsewhere', { volumeMounts: [{ name: 'v', mountPath: '/sys/fs/cgroups' }] }, true],
    ['a mount there', { volumeMounts: [{ name: 'v', mountPath: '/sys/fs/cgroup' }] }, false],
    ['a mount below', { volumeMounts: [{ name: 'v', mountPath: '/sys/fs/cgroup/systemd' }] }, false],
    ['the right to mount', { securityContext: { capabilities: { add: ['SYS_ADMIN'] } } }, false],
    ['all rights', { securityContext: { capabilities: { add: ['all'] } } }, false],
  ];
  for (const [what, rest, expected] of cgroups) {
    test(`of cgroups are ${expected ? 'read-only' : 'left alone'} for a container with ${what}`, () => {
      const { readOnly } = pathsFor(aContainer('main', rest), {
        masked: [],
        readOnly: ['/proc/sys', '/sys/fs/cgroup'],
      });
      assert.deepEqual(readOnly, ['/proc/sys', ...(expected ? ['/sys/fs/cgroup'] : [])]);
    });
  }
});

describe('AppArmor', () => {
  const profile = (type: SeccompProfile['type'], localhostProfile?: string): SeccompProfile => ({
    type,
    ...(localhostProfile === undefined ? {} : { localhostProfile }),
  });
  const asking = (own?: SeccompProfile, annotation?: string, ofPod?: SeccompProfile): Pod =>
    aPod(
      {
        containers: [aContainer('main', own ? { securityContext: { appArmorProfile: own } } : {})],
        ...(ofPod ? { securityContext: { appArmorProfile: ofPod } } : {}),
      },
      {},
      annotation ? { annotations: { 'container.apparmor.security.beta.kubernetes.io/main': annotation } } : {},
    );
  const [a, b] = [profile('Localhost', 'a'), profile('RuntimeDefault')];

  test('takes the profile of the container, of its annotation, of the pod', () => {
    const table: [pod: Pod, expected: SeccompProfile | undefined][] = [
      [asking(), undefined],
      [asking(a, 'runtime/default', b), a],
      [asking(undefined, 'localhost/a', b), a],
      [asking(undefined, 'unconfined', a), profile('Unconfined')],
      [asking(undefined, 'runtime/default', a), b],
      [asking(undefined, 'nonsense', a), a],
    ];
    for (const [pod, expected] of table) assert.deepEqual(appArmorProfile(pod, pod.spec.containers[0]!), expected);
    assert.equal(context({ appArmorProfile: a }).apparmor?.localhostRef, 'a');
  });

  test('is not asked for in vain', () => {
    const none = 'Cannot enforce AppArmor: AppArmor is not enabled on the host';
    for (const pod of [
      asking(a),
      asking(undefined, 'localhost/a'),
      asking(undefined, undefined, b),
      asking(profile('Unconfined'), undefined, b),
    ]) {
      assert.equal(appArmorProblem(pod, false), none);
      assert.equal(appArmorProblem(pod, true), undefined);
    }
    for (const pod of [asking(), asking(profile('Unconfined')), asking(undefined, 'unconfined')]) {
      assert.equal(appArmorProblem(pod, false), undefined);
    }
    assert.match(appArmorProblem(asking(profile('Localhost', ' ')), true)!, /invalid empty AppArmor profile name/);
  });
});
