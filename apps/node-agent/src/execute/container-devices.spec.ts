import assert from 'node:assert/strict';
import type { PodState } from '../plan/pod-state.js';
import type { Container } from '../pod/pod.js';
import { containerDevices } from './container-devices.js';

const state = (phase: string, readOnly?: boolean) =>
  ({
    pod: { spec: { volumes: [{ name: 'disk', persistentVolumeClaim: { claimName: 'disk', readOnly } }] } },
    memory: { volumes: new Map([['disk', { phase, path: '/dev/loop7' }]]) },
  }) as unknown as PodState;
const container = (devicePath = '/dev/xvda') =>
  ({ name: 'c', volumeDevices: [{ name: 'disk', devicePath }] }) as Container;

describe('The devices of a container', () => {
  const device = { containerPath: '/dev/xvda', hostPath: '/dev/loop7' };
  it('are those of its volumes', () => {
    assert.deepEqual(containerDevices(state('mounted'), container()), [{ ...device, permissions: 'mrw' }]);
    assert.deepEqual(containerDevices(state('mounted'), { name: 'c' } as Container), []);
  });

  it('can only be read where the pod says so', () => {
    assert.deepEqual(containerDevices(state('mounted', true), container()), [{ ...device, permissions: 'r' }]);
  });

  it('are waited for', () => {
    assert.throws(() => containerDevices(state('mountFailed'), container()), {
      message: 'cannot find volume "disk" to pass into container "c"',
    });
  });

  it('have absolute paths', () => {
    assert.throws(() => containerDevices(state('mounted'), container('xvda')), {
      message: 'error DevicePath `xvda` must be an absolute path',
    });
  });
});
