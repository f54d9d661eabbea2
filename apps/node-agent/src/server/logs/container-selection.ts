import { bare, quote } from '#apimachinery';
import type { ContainerStatus } from '#kinds';
import { allContainers, type Pod } from '../../pod/pod.js';
import { HttpError } from '../http-error.js';

/** The runtime's id of the container whose log is meant, by the pod's status. Texts are kubelet's. Throws 400. */
export function selectLogContainer(pod: Pod, name: string, previous: boolean): string {
  const id = findContainerId(pod, name, previous);
  return id.slice(id.indexOf('://') < 0 ? 0 : id.indexOf('://') + 3);
}

function findContainerId(pod: Pod, name: string, previous: boolean): string {
  const subject = `container ${quote(name)} in pod ${quote(pod.metadata.name)}`;
  const refuse = (why: string) => new HttpError(400, `${subject} ${why}`);
  const status = findStatus(pod, name);
  if (!status) throw refuse('is not available');
  const { waiting, running, terminated } = status.state ?? {};
  const last = status.lastState?.terminated;
  if (previous) {
    if (last?.containerID) return last.containerID;
    throw new HttpError(400, `previous terminated ${subject} not found`);
  }
  if (running) return status.containerID ?? '';
  if (terminated?.containerID) return terminated.containerID;
  if (last?.containerID) return last.containerID;
  if (terminated || last) throw refuse('is terminated');
  if (!waiting) throw refuse('is waiting to start - no logs yet');
  throw refuse(`is waiting to start: ${WAITING_TEXTS[waiting.reason ?? ''] ?? waiting.reason ?? ''}`);
}

const WAITING_TEXTS = bare<string>({
  ErrImagePull: "image can't be pulled",
  ImagePullBackOff: 'trying and failing to pull image',
});

function findStatus(pod: Pod, name: string): ContainerStatus | undefined {
  const { containerStatuses, initContainerStatuses, ephemeralContainerStatuses } = pod.status ?? {};
  for (const list of [containerStatuses, initContainerStatuses, ephemeralContainerStatuses]) {
    const found = list?.find((status) => status.name === name);
    if (found) return found;
  }
  return undefined;
}

export function hasContainer(pod: Pod, name: string): boolean {
  for (const { container } of allContainers(pod)) if (container.name === name) return true;
  return false;
}
