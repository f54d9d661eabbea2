import { ownValue, quote } from '#apimachinery';
import type {
  Affinity,
  Container,
  ContainerPort,
  ObjectMeta,
  PodAffinityTerm,
  PodSpec,
} from '../../../generated/types.js';
import { ipWarning } from '../../../validation/ip.js';
import { isFraction } from '../../../validation/quantities.js';
import { WarningCursor } from '../../../validation/warning-cursor.js';
import { deprecatedNodeLabel, warnOfNodeTerm } from '../node-labels.warnings.js';
import { warnOfVolumes } from './pod-volumes.warnings.js';

/**
 * Of pods and pod templates, what is good and yet may not be what its writer wants. Texts and order are the reference's
 * (pkg/api/pod/warnings.go). Most pods have nothing of it, so a look costs as little as it can.
 */

const required = 'requiredDuringSchedulingIgnoredDuringExecution';
const preferred = 'preferredDuringSchedulingIgnoredDuringExecution';
const NULL_SELECTOR = 'a null labelSelector results in matching no pod';

const deprecatedAnnotations = new Map([
  ['scheduler.alpha.kubernetes.io/critical-pod', 'non-functional in v1.16+; use the "priorityClassName" field instead'],
  ['security.alpha.kubernetes.io/sysctls', 'non-functional in v1.11+; use the "sysctls" field instead'],
  ['security.alpha.kubernetes.io/unsafe-sysctls', 'non-functional in v1.11+; use the "sysctls" field instead'],
]);
const POD_SECCOMP = 'seccomp.security.alpha.kubernetes.io/pod';
const CONTAINER_SECCOMP = 'container.seccomp.security.alpha.kubernetes.io/';
const APPARMOR = 'container.apparmor.security.beta.kubernetes.io/';
const SECCOMP_TEXT = 'non-functional in v1.27+; use the "seccompProfile" field instead';
const APPARMOR_TEXT = 'deprecated since v1.30; use the "appArmorProfile" field instead';

/** `path` leads to the template; empty for a pod. */
export function podWarnings(spec: PodSpec, metadata: ObjectMeta, ...path: string[]): string[] {
  const at = new WarningCursor(...path);
  const { annotations } = metadata;
  const annotated = (key: string, text: string): void => {
    at.say(`${[...path, 'metadata'].join('.')}.annotations[${key}]: ${text}`);
  };
  at.enter('spec');
  warnOfScheduling(at, spec);
  if (annotations !== undefined) {
    for (const [key, text] of deprecatedAnnotations) if (Object.hasOwn(annotations, key)) annotated(key, text);
  }
  if (spec.volumes !== undefined) warnOfVolumes(at, spec.volumes);
  warnOfRepeated(at, 'hostAliases', 'ip', spec.hostAliases);
  warnOfRepeated(at, 'imagePullSecrets', 'name', spec.imagePullSecrets);
  spec.imagePullSecrets?.forEach(({ name }, i) => {
    if (!name) at.warn(`imagePullSecrets[${i}].name`, 'invalid empty name ""');
  });
  warnOfFractions(at, 'overhead', spec.overhead);
  if (annotations?.[POD_SECCOMP] !== undefined && spec.securityContext?.seccompProfile === undefined) {
    annotated(POD_SECCOMP, SECCOMP_TEXT);
  }
  eachContainer(at, spec, (container) => {
    if (annotations !== undefined) warnOfProfiles(container, spec, annotations, path.length > 0, annotated);
    warnOfContainer(at, container);
  });
  warnOfPorts(at, spec);
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) {
    at.warn('terminationGracePeriodSeconds', 'must be >= 0; negative values are invalid and will be treated as 1');
  }
  if (spec.affinity !== undefined) warnOfPodAffinity(at, spec.affinity);
  spec.dnsConfig?.nameservers?.forEach((address, i) => {
    warnOfAddress(at, `dnsConfig.nameservers[${i}]`, address);
  });
  spec.hostAliases?.forEach(({ ip }, i) => {
    warnOfAddress(at, `hostAliases[${i}].ip`, ip);
  });
  return at.warnings;
}

function warnOfScheduling(at: WarningCursor, spec: PodSpec): void {
  for (const label in spec.nodeSelector) {
    const why = deprecatedNodeLabel(label);
    if (why !== undefined) at.warn(`nodeSelector[${label}]`, why);
  }
  const affinity = spec.affinity?.nodeAffinity;
  affinity?.[required]?.nodeSelectorTerms?.forEach((term, i) => {
    at.enter(`affinity.nodeAffinity.${required}.nodeSelectorTerms[${i}]`);
    warnOfNodeTerm(at, term, false);
    at.leave();
  });
  affinity?.[preferred]?.forEach(({ preference }, i) => {
    at.enter(`affinity.nodeAffinity.${preferred}[${i}].preference`);
    warnOfNodeTerm(at, preference, true);
    at.leave();
  });
  spec.topologySpreadConstraints?.forEach(({ topologyKey, labelSelector }, i) => {
    const why = deprecatedNodeLabel(topologyKey);
    if (why !== undefined) at.warn(`topologySpreadConstraints[${i}].topologyKey`, `${topologyKey} is ${why}`);
    if (labelSelector === undefined) at.warn(`topologySpreadConstraints[${i}].labelSelector`, NULL_SELECTOR);
  });
}

function warnOfRepeated<K extends 'ip' | 'name'>(
  at: WarningCursor,
  list: string,
  field: K,
  items: readonly Partial<Record<K, string>>[] | undefined,
): void {
  if (items === undefined || items.length < 2) return;
  const seen = new Set<string>();
  items.forEach((item, i) => {
    const value = item[field] ?? '';
    if (seen.has(value)) at.warn(`${list}[${i}].${field}`, `duplicate ${field} ${quote(value)}`);
    seen.add(value);
  });
}

type Amounts = Record<string, string | number> | undefined;

/** Memory and disk come in whole bytes; a text without `m` can have nothing else. */
function warnOfFractions(at: WarningCursor, list: string, amounts: Amounts): void {
  for (const name of ['memory', 'ephemeral-storage']) {
    const amount = amounts?.[name];
    if (typeof amount !== 'string' || !isFraction(amount)) continue;
    at.warn(`${list}[${name}]`, `fractional byte value ${quote(amount)} is invalid, must be an integer`);
  }
}

function eachContainer(at: WarningCursor, spec: PodSpec, look: (container: Container) => void): void {
  for (const list of ['initContainers', 'containers', 'ephemeralContainers'] as const) {
    const containers = spec[list];
    if (!containers) continue;
    at.enter(list);
    for (let i = 0; i < containers.length; i++) {
      at.enter(i);
      look(containers[i] as Container);
      at.leave();
    }
    at.leave();
  }
}

function warnOfContainer(at: WarningCursor, { resources, env }: Container): void {
  if (resources !== undefined) {
    warnOfFractions(at, 'resources.limits', resources.limits);
    warnOfFractions(at, 'resources.requests', resources.requests);
  }
  if (env !== undefined && env.length > 1) warnOfEnv(at, env);
}

/** Annotations that were fields of a container before there were fields. Those of AppArmor still work in pods. */
function warnOfProfiles(
  { name, securityContext }: Container,
  spec: PodSpec,
  annotations: Record<string, string>,
  isTemplate: boolean,
  annotated: (key: string, text: string) => void,
): void {
  const seccomp = CONTAINER_SECCOMP + name;
  if (Object.hasOwn(annotations, seccomp) && securityContext?.seccompProfile === undefined) {
    annotated(seccomp, SECCOMP_TEXT);
  }
  const profile = ownValue(annotations, APPARMOR + name);
  if (profile === undefined || !isTemplate || securityContext?.appArmorProfile !== undefined) return;
  if (!isProfile(profile, spec)) annotated(APPARMOR + name, APPARMOR_TEXT);
}

/** The pod's own profile says what the annotation says. */
function isProfile(annotation: string, { securityContext }: PodSpec): boolean {
  const { type, localhostProfile } = securityContext?.appArmorProfile ?? {};
  if (annotation === 'unconfined') return type === 'Unconfined';
  if (annotation === 'runtime/default') return type === 'RuntimeDefault';
  const [, local] = /^localhost\/(.+)$/.exec(annotation) ?? [];
  return local !== undefined && type === 'Localhost' && localhostProfile === local;
}

/** A name may come again to add to what it had before, and for nothing else. */
function warnOfEnv(at: WarningCursor, env: NonNullable<Container['env']>): void {
  const seen = new Set<string>();
  for (let i = 0; i < env.length; i++) {
    const { name, value = '', valueFrom } = env[i]!;
    const reference = `$(${name})`;
    if (seen.has(name) && (valueFrom !== undefined || value === reference || !value.includes(reference))) {
      at.warn(`env[${i}]`, `hides previous definition of ${quote(name)}, which may be dropped when using apply`);
    }
    seen.add(name);
  }
}

/** Most pods have one port, which needs no address: nothing to be told of. */
function hasPortsToCompare(spec: PodSpec): boolean {
  let count = 0;
  for (const containers of [spec.initContainers, spec.containers, spec.ephemeralContainers]) {
    for (const { ports } of containers ?? []) {
      for (const { hostIP } of ports ?? []) if (++count > 1 || hostIP) return true;
    }
  }
  return false;
}

interface PlacedPort {
  port: ContainerPort;
  path: string;
}

function warnOfPorts(at: WarningCursor, spec: PodSpec): void {
  if (!hasPortsToCompare(spec)) return;
  const byNumber = new Map<string, PlacedPort[]>();
  const byName = new Map<string, string>();
  const names: string[] = [];
  eachContainer(at, spec, ({ ports }) => {
    ports?.forEach((port, i) => {
      const { hostIP, hostPort, containerPort, protocol, name } = port;
      const path = String(at.path(`ports[${i}]`));
      if (hostIP && !hostPort) at.say(`${path}: hostIP set without hostPort: ${goPort(port)}`);
      const key = `${containerPort}/${protocol}`;
      const others = byNumber.get(key);
      if (others === undefined) byNumber.set(key, [{ port, path }]);
      else {
        for (const other of others) {
          if (!at.mayCompare()) break;
          const how = collision(port, other.port);
          if (how !== undefined) at.say(`${path}: ${how} port definition with ${other.path}`);
        }
        others.push({ port, path });
      }
      if (!name) return;
      const first = byName.get(name);
      if (first === undefined) byName.set(name, path);
      else {
        names.push(
          `${path}: duplicate port name ${quote(name)} with ${first}, services and probes that select ports by name will use ${first}`,
        );
      }
    });
  });
  for (const text of names) at.say(text);
}

function collision(a: ContainerPort, b: ContainerPort): string | undefined {
  const hostIP = a.hostIP ?? '';
  const hostPort = a.hostPort ?? 0;
  const otherIP = b.hostIP ?? '';
  const otherPort = b.hostPort ?? 0;
  if (hostIP === otherIP && hostPort === otherPort) return 'duplicate';
  if (hostPort === 0 || otherPort === 0) return 'overlapping';
  return hostPort === otherPort && (hostIP === '') !== (otherIP === '') ? 'dangerously ambiguous' : undefined;
}

/** As Go prints the struct. */
function goPort({ name = '', hostPort = 0, containerPort, protocol, hostIP = '' }: ContainerPort): string {
  return `{Name:${name} HostPort:${hostPort} ContainerPort:${containerPort} Protocol:${protocol ?? ''} HostIP:${hostIP}}`;
}

function warnOfPodAffinity(at: WarningCursor, affinity: Affinity): void {
  for (const kind of ['podAffinity', 'podAntiAffinity'] as const) {
    affinity[kind]?.[required]?.forEach((term, i) => {
      if (isNull(term)) at.warn(`affinity.${kind}.${required}[${i}].labelSelector`, NULL_SELECTOR);
    });
    affinity[kind]?.[preferred]?.forEach(({ podAffinityTerm }, i) => {
      const path = `affinity.${kind}.${preferred}[${i}].podAffinityTerm.labelSelector`;
      if (isNull(podAffinityTerm)) at.warn(path, NULL_SELECTOR);
    });
  }
}

function isNull({ labelSelector }: PodAffinityTerm): boolean {
  return labelSelector === undefined;
}

function warnOfAddress(at: WarningCursor, name: string, address: string): void {
  const text = ipWarning(address);
  if (text !== undefined) at.warn(name, text);
}
