import assert from 'node:assert/strict';
import type { PodSpec } from '#kinds';
import { aPod } from '../testing/pod-builders.js';
import { forbiddenSysctl } from './pod-sysctls.js';

const setting = (name: string, spec: Partial<PodSpec> = {}) =>
  aPod({ securityContext: { sysctls: [{ name, value: '1' }] }, ...spec });

const cases: [title: string, pod: ReturnType<typeof setting>, unsafe: string[], why: string | undefined][] = [
  ['none', aPod(), [], undefined],
  ['a safe one', setting('net.ipv4.tcp_syncookies'), [], undefined],
  ['a safe one, written with slashes', setting('net/ipv4/tcp_syncookies'), [], undefined],
  ['an unsafe one', setting('kernel.msgmax'), [], 'forbidden sysctl: "kernel.msgmax" not allowlisted'],
  ['an unsafe one that the node allows', setting('kernel.msgmax'), ['kernel.msg*'], undefined],
  [
    "one of the network, which is the host's",
    setting('net.ipv4.tcp_syncookies', { hostNetwork: true }),
    [],
    'forbidden sysctl: "net.ipv4.tcp_syncookies" not allowed with host Net enabled',
  ],
  [
    "one of IPC, which is the host's",
    setting('kernel.shm_rmid_forced', { hostIPC: true }),
    [],
    'forbidden sysctl: "kernel.shm_rmid_forced" not allowed with host IPC enabled',
  ],
];

describe('Kernel settings of a pod', () => {
  for (const [title, pod, unsafe, why] of cases) test(title, () => assert.equal(forbiddenSysctl(pod, unsafe), why));
});
