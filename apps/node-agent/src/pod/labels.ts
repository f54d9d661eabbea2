/**
 * What the runtime remembers for us. Keys and meanings are kubelet's, so that its tools (crictl) read them, and an agent
 * that starts anew learns from them which pods it runs.
 */
import { createHash } from 'node:crypto';
import type { Container, Pod } from './pod.js';

export const Label = {
  podName: 'io.kubernetes.pod.name',
  podNamespace: 'io.kubernetes.pod.namespace',
  podUid: 'io.kubernetes.pod.uid',
  containerName: 'io.kubernetes.container.name',
} as const;

export const Annotation = {
  hash: 'io.kubernetes.container.hash',
  restartCount: 'io.kubernetes.container.restartCount',
  terminationMessagePath: 'io.kubernetes.container.terminationMessagePath',
  terminationMessagePolicy: 'io.kubernetes.container.terminationMessagePolicy',
  preStopHandler: 'io.kubernetes.container.preStopHandler',
  ports: 'io.kubernetes.container.ports',
  deletionGracePeriod: 'io.kubernetes.pod.deletionGracePeriod',
  terminationGracePeriod: 'io.kubernetes.pod.terminationGracePeriod',
} as const;

export function sandboxLabels(pod: Pod): Record<string, string> {
  return {
    ...pod.metadata.labels,
    [Label.podName]: pod.metadata.name,
    [Label.podNamespace]: pod.metadata.namespace,
    [Label.podUid]: pod.metadata.uid,
  };
}

export function containerLabels(pod: Pod, container: Container): Record<string, string> {
  return {
    [Label.podName]: pod.metadata.name,
    [Label.podNamespace]: pod.metadata.namespace,
    [Label.podUid]: pod.metadata.uid,
    [Label.containerName]: container.name,
  };
}

export function containerAnnotations(pod: Pod, container: Container, restartCount: number): Record<string, string> {
  const annotations: Record<string, string> = {
    [Annotation.hash]: containerHash(container),
    [Annotation.restartCount]: String(restartCount),
    [Annotation.terminationMessagePath]: container.terminationMessagePath ?? '/dev/termination-log',
    [Annotation.terminationMessagePolicy]: container.terminationMessagePolicy ?? 'File',
  };
  const { deletionGracePeriodSeconds } = pod.metadata;
  if (deletionGracePeriodSeconds !== undefined) {
    annotations[Annotation.deletionGracePeriod] = String(deletionGracePeriodSeconds);
  }
  if (pod.spec.terminationGracePeriodSeconds !== undefined) {
    annotations[Annotation.terminationGracePeriod] = String(pod.spec.terminationGracePeriodSeconds);
  }
  if (container.lifecycle?.preStop)
    annotations[Annotation.preStopHandler] = JSON.stringify(container.lifecycle.preStop);
  if (container.ports?.length) annotations[Annotation.ports] = JSON.stringify(container.ports);
  return annotations;
}

/** Changes when a running container must be replaced: upstream's, too, looks at name and image only. */
export function containerHash(container: Container): string {
  return createHash('sha256')
    .update(JSON.stringify([container.name, container.image]))
    .digest('hex')
    .slice(0, 8);
}
