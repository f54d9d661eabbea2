import assert from 'node:assert/strict';
import { silentLogger } from '#client';
import { Annotation, Label } from '../pod/labels.js';
import { ContainerState, type CriMount } from '../runtime/cri-types.js';
import { Observer, type Runtime } from './observer.js';

/** The message file that an observer takes from what the runtime says of a container's mounts. */
async function messageFile(mounts: Pick<CriMount, 'containerPath' | 'hostPath'>[], path = '/x'): Promise<string> {
  const labels = { [Label.podUid]: 'u', [Label.podName]: 'p', [Label.podNamespace]: 'n', [Label.containerName]: 'c' };
  const runtime = {
    listSandboxes: async () => [],
    listContainers: async () => [
      { id: '1', labels, state: ContainerState.Exited, metadata: { name: 'c', attempt: 0 } },
    ],
    containerStatus: async () => ({
      state: ContainerState.Exited,
      annotations: { [Annotation.terminationMessagePath]: path },
      mounts,
    }),
  } as unknown as Runtime;
  const observer = new Observer(
    runtime,
    silentLogger,
    (uid, container) => `/agent/pods/${uid}/containers/${container}`,
  );
  await observer.relist();
  return observer.get('u')!.containers[0]!.messageFile;
}

const ours = { containerPath: '/x', hostPath: '/agent/pods/u/containers/c/12ab' };

test('the message file is what the agent made, whatever the pod mounts at its path', async () => {
  assert.equal(await messageFile([ours]), ours.hostPath);
  assert.equal(await messageFile([{ containerPath: '/x', hostPath: '/etc/passwd' }, ours]), ours.hostPath);
  for (const hostPath of [
    '/etc/passwd',
    '/agent/pods/u/volumes/kubernetes.io~empty-dir/d/p',
    '/agent/pods/u/containers/other/12ab',
    '/agent/pods/u/containers/c/../../../../../etc/passwd',
    '/agent/pods/u/containers/c',
    '/agent/pods/u/containers/c/..',
  ]) {
    assert.equal(await messageFile([{ containerPath: '/x', hostPath }]), '', hostPath);
  }
  assert.equal(await messageFile([ours], '/y'), '');
});

/** A runtime with a pod of two containers, and what tells its events. */
function aRuntime() {
  const labels = (name: string) => ({
    ...{ [Label.podUid]: 'u', [Label.podName]: 'p', [Label.podNamespace]: 'n', [Label.containerName]: name },
  });
  let tell: (event: { kind: string; id: string }) => void = () => {};
  let hangs = false;
  const runtime = {
    listSandboxes: async () => (hangs ? new Promise<never>(() => {}) : []),
    listContainers: async () =>
      ['a', 'b'].map((id) => ({
        ...{ id, labels: labels(id), state: ContainerState.Running, metadata: { name: id, attempt: 0 } },
      })),
    containerStatus: async () => ({ state: ContainerState.Running, annotations: {}, mounts: [] }),
    watchEvents: (listener: typeof tell) => {
      tell = listener;
      return new Promise<void>(() => {});
    },
  } as unknown as Runtime;
  return {
    runtime,
    tell: (kind: string, id: string) => tell({ kind, id }),
    hang: () => {
      hangs = true;
    },
  };
}

test('of a pod with several containers, the one that ran out of memory is told', async () => {
  const { runtime, tell } = aRuntime();
  const observer = new Observer(runtime, silentLogger, () => '');
  await observer.relist();
  const told: unknown[] = [];
  observer.onChange((...change) => told.push(change));
  const stop = new AbortController();
  void observer.run(stop.signal);
  tell('outOfMemory', 'b');
  tell('outOfMemory', 'of somebody else');
  stop.abort();
  assert.deepEqual(told, [['u', 'b']]);
});

test('the silence of the runtime is counted from its last whole answer', async () => {
  const { runtime, hang } = aRuntime();
  let now = 1000;
  const observer = new Observer(
    runtime,
    silentLogger,
    () => '',
    () => now,
  );
  now += 500;
  assert.equal(observer.silence, 500);
  await observer.relist();
  assert.equal(observer.silence, 0);
  hang();
  void observer.relist();
  now += 7000;
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(observer.silence, 7000);
});
