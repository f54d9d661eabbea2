import type { ContainerStatus } from '#kinds';
import type { ObservedContainer, ObservedPod } from '../../observe/observed-pod.js';
import type { Pod } from '../../pod/pod.js';
import type { NodePods } from '../node-server-options.js';

/** Pods as a test says they are. */
export class FakePods implements NodePods {
  private readonly pods = new Map<string, { pod: Pod; observed: ObservedPod }>();
  private readonly listeners = new Map<string, Set<() => void>>();

  /** Adds a pod with one container `main`. */
  add(
    name: string,
    container: Partial<ObservedContainer> & { id: string },
    status: Partial<ContainerStatus> = {},
  ): Pod {
    const uid = `uid-${name}`;
    const state = container.state ?? 'running';
    const containerID = `containerd://${container.id}`;
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default', uid },
      spec: { containers: [{ name: 'main' }] },
      status: {
        containerStatuses: [
          {
            name: 'main',
            containerID,
            state: state === 'exited' ? { terminated: { exitCode: 0, containerID } } : { running: {} },
            lastState: {},
            ...status,
          },
        ],
      },
    } as unknown as Pod;
    const observed: ObservedPod = {
      uid,
      name,
      namespace: 'default',
      sandboxes: [{ id: `sandbox-${name}`, attempt: 0, ready: true, createdAt: 0, ips: [], hostNetwork: false }],
      containers: [{ name: 'main', sandboxId: `sandbox-${name}`, state, ...container } as ObservedContainer],
    };
    this.pods.set(`default/${name}`, { pod, observed });
    return pod;
  }

  /** Changes what the runtime says of the pod, and tells the listeners. */
  change(name: string, edit: (observed: ObservedPod) => void): void {
    const entry = this.pods.get(`default/${name}`)!;
    edit(entry.observed);
    for (const listener of this.listeners.get(entry.observed.uid) ?? []) listener();
  }

  list(): readonly Pod[] {
    return [...this.pods.values()].map(({ pod }) => pod);
  }

  find(namespace: string, name: string): Pod | undefined {
    return this.pods.get(`${namespace}/${name}`)?.pod;
  }

  observed(uid: string): ObservedPod | undefined {
    return [...this.pods.values()].find(({ observed }) => observed.uid === uid)?.observed;
  }

  onObserved(uid: string, listener: () => void): () => void {
    let listeners = this.listeners.get(uid);
    if (!listeners) this.listeners.set(uid, (listeners = new Set()));
    listeners.add(listener);
    return () => listeners.delete(listener);
  }
}
