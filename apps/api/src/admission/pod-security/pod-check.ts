/** What checks of pods are made of. Reasons and details are those of the reference (k8s.io/pod-security-admission/policy). */

export interface Finding {
  reason: string;
  detail: string;
}

export interface CheckedPod {
  annotations?: Readonly<Record<string, string>>;
  spec: any;
}

/** Undefined: the pod passes. */
export type CheckPod = (pod: CheckedPod) => Finding | undefined;

/** All containers, in the order in which messages name them. */
export function containersOf({ spec }: CheckedPod): any[] {
  return [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])];
}

export function namesWhere(pod: CheckedPod, isBad: (container: any) => boolean): string[] {
  return containersOf(pod)
    .filter(isBad)
    .map(({ name }) => name);
}

/** `"a", "b"`. Names are not escaped, as there. */
export function quoted(items: readonly string[]): string {
  return items.map((item) => `"${item}"`).join(', ');
}

export function plural(one: string, many: string, count: number): string {
  return count === 1 ? one : many;
}

/** `containers "a", "b"` */
export function named(one: string, names: readonly string[]): string {
  return `${plural(one, `${one}s`, names.length)} ${quoted(names)}`;
}

/** Who set something: `pod and containers "a", "b"`; undefined when nobody did. */
export function setters(byPod: boolean, containers: readonly string[]): string | undefined {
  const all = [...(byPod ? ['pod'] : []), ...(containers.length > 0 ? [named('container', containers)] : [])];
  return all.length > 0 ? all.join(' and ') : undefined;
}

/** In the order of their bytes, each once. */
export function distinct(items: readonly string[]): string[] {
  return [...new Set(items)].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

/** The users of such a pod are nobody on the node. */
function hasOwnUsers({ spec }: CheckedPod): boolean {
  return spec.hostUsers === false;
}

/** Such pods cannot have the fields of Linux that a check wants. */
export function unlessWindows(check: CheckPod): CheckPod {
  return (pod) => (pod.spec.os?.name === 'windows' ? undefined : check(pod));
}

export function unlessOwnUsers(check: CheckPod): CheckPod {
  return (pod) => (hasOwnUsers(pod) ? undefined : check(pod));
}
