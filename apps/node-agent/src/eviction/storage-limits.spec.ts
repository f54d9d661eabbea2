import assert from 'node:assert/strict';
import type { Volume } from '#kinds';
import type { Container, Pod } from '../pod/pod.js';
import { aContainer, aContainerUsage, aPod, aUsage } from '../testing/pod-builders.js';
import type { PodUsage } from './pod-usage.js';
import { exceededStorage, hasStorageLimits } from './storage-limits.js';

const KIB = 1024;
const limited = (name: string, limit: string, rest: Partial<Container> = {}) =>
  aContainer(name, { resources: { limits: { 'ephemeral-storage': limit } }, ...rest });
const scratch = (source: object): Volume => ({ name: 'scratch', emptyDir: source });
const written = (kib: number): PodUsage => aUsage({ volumes: new Map([['scratch', { bytes: kib * KIB, inodes: 1 }]]) });
const used = (...containers: [name: string, rootfs: number, logs: number][]): PodUsage =>
  aUsage({
    containers: containers.map(([name, rootfs, logs]) =>
      aContainerUsage(name, { rootfs: rootfs * KIB, logs: logs * KIB }),
    ),
  });

const cases: { title: string; pod: Pod; usage: PodUsage; apart?: boolean; message?: string }[] = [
  { title: 'a pod without limits', pod: aPod({ volumes: [scratch({})] }), usage: written(9999) },
  { title: 'a volume within its limit', pod: aPod({ volumes: [scratch({ sizeLimit: '1Mi' })] }), usage: written(1024) },
  {
    title: 'a volume beyond its limit',
    pod: aPod({ volumes: [scratch({ sizeLimit: '1Mi' })] }),
    usage: written(1025),
    message: 'Usage of EmptyDir volume "scratch" exceeds the limit "1Mi". ',
  },
  {
    title: 'a volume in memory, which the kernel limits',
    pod: aPod({ volumes: [scratch({ sizeLimit: '1Mi', medium: 'Memory' })] }),
    usage: written(9999),
  },
  {
    title: 'a container beyond its own limit',
    pod: aPod({ containers: [limited('one', '10Ki'), limited('two', '1Mi')] }),
    usage: used(['one', 6, 5], ['two', 1, 1]),
    message: 'Container one exceeded its local ephemeral storage limit "10Ki". ',
  },
  {
    title: 'what a container wrote on a disk apart counts only for the pod',
    pod: aPod({ containers: [limited('one', '10Ki'), limited('two', '1Mi')] }),
    usage: used(['one', 20, 5]),
    apart: true,
  },
  {
    title: 'all of a pod beyond the limits of its containers together',
    pod: aPod({ containers: [limited('one', '10Ki'), limited('two', '10Ki')], volumes: [scratch({})] }),
    usage: { ...used(['one', 8, 0], ['two', 8, 0]), ...{ volumes: written(5).volumes } },
    message: 'Pod ephemeral local storage usage exceeds the total limit of containers 20Ki. ',
  },
  {
    title: 'a larger init container widens the limit of the pod',
    pod: aPod({
      containers: [limited('one', '10Ki')],
      initContainers: [limited('init', '30Ki')],
      volumes: [scratch({})],
    }),
    usage: { ...used(['one', 8, 0]), volumes: written(20).volumes },
  },
];

describe('Limits of local storage', () => {
  for (const { title, pod, usage, apart = false, message } of cases) {
    test(title, () => assert.equal(exceededStorage(pod, usage, apart), message));
  }

  test('only pods that have some are measured', () => {
    assert.equal(hasStorageLimits(aPod({ volumes: [scratch({})] })), false);
    assert.equal(hasStorageLimits(aPod({ volumes: [scratch({ sizeLimit: '1' })] })), true);
    assert.equal(hasStorageLimits(aPod({ containers: [limited('one', '1Mi')] })), true);
  });
});
