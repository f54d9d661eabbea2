import { isDNS1123Label, isPortName } from '#apimachinery';
import type {
  Container,
  ContainerPort,
  ContainerResizePolicy,
  ContainerRestartRule,
  EphemeralContainer,
} from '../../../generated/types.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';
import { portProtocols } from '../../../validation/fields.js';
import { checkEnv, checkEnvFrom } from './pod-env.validation.js';
import { checkLifecycle, checkProbes } from './pod-probes.validation.js';
import { checkRequirements } from './pod-resources.validation.js';
import { checkContainerSecurity } from './pod-security.validation.js';
import type { PodContext } from './pod-validation-context.js';
import { checkDevices, checkMounts } from './pod-volume-mounts.validation.js';

/** Containers, init containers and ephemeral containers. */

const pullPolicies = ['Always', 'IfNotPresent', 'Never'];
const messagePolicies = ['File', 'FallbackToLogsOnError'];
const restartPolicies = ['Always', 'Never', 'OnFailure'];
const restartActions = ['Restart', 'RestartAllContainers'];
const exitCodeOperators = ['In', 'NotIn'];
const maxRestartRules = 20;
const maxExitCodes = 255;

export function checkContainers(at: FieldCursor, context: PodContext): void {
  const containers = context.spec.containers ?? [];
  if (containers.length === 0) {
    at.required('containers');
    return;
  }
  const names = containers.length > 1 ? new Set<string>() : undefined;
  at.enter('containers');
  for (let i = 0; i < containers.length; i++) {
    const container = containers[i]!;
    at.enter(i);
    checkCommon(at, container, context);
    if (names?.has(container.name)) at.duplicate('name', container.name);
    names?.add(container.name);
    if (container.lifecycle !== undefined) checkLifecycle(at, container.lifecycle, context.spec);
    checkProbes(at, container);
    checkRestart(at, container);
    at.leave();
  }
  checkHostPorts(at, containers);
  at.leave();
}

export function checkInitContainers(at: FieldCursor, context: PodContext): void {
  const containers = context.spec.initContainers;
  if (containers === undefined || containers.length === 0) return;
  const names = new Set((context.spec.containers ?? []).map(({ name }) => name));
  at.enter('initContainers');
  for (let i = 0; i < containers.length; i++) {
    const container = containers[i]!;
    at.enter(i);
    checkCommon(at, container, context);
    checkRestart(at, container);
    if (names.has(container.name)) at.duplicate('name', container.name);
    else if (container.name) names.add(container.name);
    at.leave();
    // The index in the path of a conflict is the port's container among one.
    checkHostPorts(at, [container]);
    at.enter(i);
    if (container.restartPolicy === 'Always') {
      if (container.lifecycle !== undefined) checkLifecycle(at, container.lifecycle, context.spec);
      checkProbes(at, container);
    } else {
      for (const name of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
        if (container[name] === undefined) continue;
        at.forbidden(name, 'may not be set for init containers without restartPolicy=Always');
      }
      if (!context.lenient.restartOfInitContainers) checkInitResize(at, container.resizePolicy);
    }
    at.leave();
  }
  at.leave();
}

function checkInitResize(at: FieldCursor, policies: readonly ContainerResizePolicy[] | undefined): void {
  policies?.forEach(({ restartPolicy }, i) => {
    if (restartPolicy !== 'RestartContainer') return;
    const detail = "must not be set to 'RestartContainer' for non-sidecar initContainers";
    at.invalid(`resizePolicy[${i}].restartPolicy`, restartPolicy, detail);
  });
}

const notForEphemeral = 'cannot be set for an Ephemeral Container';
const forbiddenToEphemeral = [
  'ports',
  'resources',
  'resizePolicy',
  'restartPolicy',
  'restartPolicyRules',
  'livenessProbe',
  'readinessProbe',
  'startupProbe',
  'lifecycle',
] as const;

export function checkEphemeralContainers(at: FieldCursor, context: PodContext): void {
  const { spec } = context;
  const containers = spec.ephemeralContainers;
  if (containers === undefined || containers.length === 0) return;
  const others = new Set([...(spec.containers ?? []), ...(spec.initContainers ?? [])].map(({ name }) => name));
  const names = new Set(others);
  at.enter('ephemeralContainers');
  for (let i = 0; i < containers.length; i++) {
    const container = containers[i]!;
    const { name, targetContainerName: target } = container;
    at.enter(i);
    checkCommon(at, container, context);
    checkImageSpaces(at, container);
    if (names.has(name)) at.duplicate('name', name);
    names.add(name);
    if (target && !others.has(target)) at.notFound('targetContainerName', target);
    checkEphemeralFields(at, container);
    at.leave();
  }
  at.leave();
}

function checkEphemeralFields(at: FieldCursor, container: EphemeralContainer): void {
  for (const name of forbiddenToEphemeral) {
    const value = container[name];
    if (value === undefined || (typeof value === 'object' && Object.keys(value).length === 0)) continue;
    at.forbidden(name, notForEphemeral);
  }
  container.volumeMounts?.forEach(({ subPath, subPathExpr }, i) => {
    if (subPath) at.forbidden(`volumeMounts[${i}].subPath`, notForEphemeral);
    if (subPathExpr) at.forbidden(`volumeMounts[${i}].subPathExpr`, notForEphemeral);
  });
}

/** Templates may have such images; pods may not. */
export function checkImages(
  at: FieldCursor,
  list: 'containers' | 'initContainers',
  containers: readonly Container[],
): void {
  for (let i = 0; i < containers.length; i++) {
    at.enter(list);
    at.enter(i);
    checkImageSpaces(at, containers[i]!);
    at.leave(2);
  }
}

export function checkImageSpaces(at: FieldCursor, { image = '' }: Pick<Container, 'image'>): void {
  if (image.trim().length !== image.length) at.invalid('image', image, 'must not have leading or trailing whitespace');
}

function checkCommon(at: FieldCursor, container: Container, context: PodContext): void {
  const { spec, volumes, claims, lenient } = context;
  if (!container.name) at.required('name');
  else at.format('name', container.name, isDNS1123Label);
  if (!container.image) at.required('image');
  at.choice('terminationMessagePolicy', container.terminationMessagePolicy, messagePolicies);
  checkPorts(at, container.ports);
  checkEnv(at, container.env);
  checkEnvFrom(at, container.envFrom);
  checkMounts(at, container, volumes);
  checkDevices(at, container, volumes);
  at.choice('imagePullPolicy', container.imagePullPolicy, pullPolicies);
  checkRequirements(at, container.resources, claims, lenient);
  checkResizePolicy(at, container.resizePolicy, spec.restartPolicy);
  checkContainerSecurity(at, container.securityContext, spec.hostUsers !== false, lenient);
}

function checkPorts(at: FieldCursor, ports: readonly ContainerPort[] | undefined): void {
  if (ports === undefined) return;
  const names = ports.length > 1 ? new Set<string>() : undefined;
  at.enter('ports');
  for (let i = 0; i < ports.length; i++) {
    const { name, containerPort, hostPort, protocol } = ports[i]!;
    at.enter(i);
    if (name) {
      const problems = isPortName(name);
      if (problems.length > 0) for (const text of problems) at.invalid('name', name, text);
      else if (names?.has(name)) at.duplicate('name', name);
      else names?.add(name);
    }
    if (!containerPort) at.required('containerPort');
    else at.range('containerPort', containerPort, 1, 65_535);
    if (hostPort) at.range('hostPort', hostPort, 1, 65_535);
    at.choice('protocol', protocol, portProtocols);
    at.leave();
  }
  at.leave();
}

/** A node has each port once for each protocol and address. */
function checkHostPorts(at: FieldCursor, containers: readonly Container[]): void {
  let seen: Set<string> | undefined;
  for (let c = 0; c < containers.length; c++) {
    const ports = containers[c]!.ports;
    if (ports === undefined) continue;
    for (let p = 0; p < ports.length; p++) {
      const { hostPort, hostIP, protocol } = ports[p]!;
      if (!hostPort) continue;
      const key = `${protocol ?? ''}/${hostIP ?? ''}/${hostPort}`;
      seen ??= new Set();
      if (seen.has(key)) {
        at.enter(c);
        at.duplicate(`ports[${p}].hostPort`, key);
        at.leave();
      }
      seen.add(key);
    }
  }
}

function checkResizePolicy(
  at: FieldCursor,
  policies: readonly ContainerResizePolicy[] | undefined,
  podRestartPolicy: string | undefined,
): void {
  if (policies === undefined) return;
  const seen = new Set<string>();
  at.enter('resizePolicy');
  policies.forEach(({ resourceName, restartPolicy }, i) => {
    if (seen.has(resourceName)) {
      at.enter(i);
      at.duplicate('', resourceName);
      at.leave();
    }
    seen.add(resourceName);
    // Here the path is the list's, as upstream has it.
    at.choice('', resourceName, ['cpu', 'memory']);
    at.choice('', restartPolicy, ['NotRequired', 'RestartContainer']);
    if (podRestartPolicy === 'Never' && restartPolicy !== 'NotRequired') {
      at.invalid('', restartPolicy, "must be 'NotRequired' when pod `restartPolicy` is 'Never'");
    }
  });
  at.leave();
}

function checkRestart(at: FieldCursor, { restartPolicy, restartPolicyRules: rules = [] }: Container): void {
  if (restartPolicy !== undefined) at.optionalChoice('restartPolicy', restartPolicy, restartPolicies);
  else if (rules.length > 0) at.required('restartPolicy', 'must specify restartPolicy when restart rules are used');
  if (rules.length === 0) return;
  if (rules.length > maxRestartRules) at.tooMany('restartPolicyRules', rules.length, maxRestartRules);
  at.enter('restartPolicyRules');
  for (let i = 0; i < rules.length; i++) {
    at.enter(i);
    checkRestartRule(at, rules[i]!);
    at.leave();
  }
  at.leave();
}

function checkRestartRule(at: FieldCursor, { action, exitCodes }: ContainerRestartRule): void {
  at.optionalChoice('action', action ?? '', restartActions);
  if (exitCodes === undefined) {
    at.required('exitCodes', 'must be specified');
    return;
  }
  at.optionalChoice('exitCodes.operator', exitCodes.operator ?? '', exitCodeOperators);
  const count = exitCodes.values?.length ?? 0;
  if (count > maxExitCodes) at.tooMany('exitCodes.values', count, maxExitCodes);
}
