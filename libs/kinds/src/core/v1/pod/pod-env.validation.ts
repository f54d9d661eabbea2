import { isConfigMapKey, isDNS1123Label, isEnvVarName, isQualifiedName, Quantity } from '#apimachinery';
import type {
  ConfigMapKeySelector,
  EnvFromSource,
  EnvVar,
  EnvVarSource,
  FileKeySelector,
  ObjectFieldSelector,
  PodSpec,
  ResourceFieldSelector,
  Volume,
} from '../../../generated/types.js';
import type { FieldCursor } from '../../../validation/field-cursor.js';
import { isName, isNamePrefix } from '../../../validation/object-names.js';
import { checkNoBacksteps } from '../path.validation.js';

/** Environment variables, and the references to a pod's own fields that they share with volumes. */

const envFieldPaths = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];

/** Paths that can be made out at all: those of volumes and of variables, and a few that neither takes. */
const knownFieldPaths = new Set([
  ...envFieldPaths,
  'metadata.annotations',
  'metadata.labels',
  'spec.restartPolicy',
  'spec.schedulerName',
  'status.phase',
]);

const resourcePaths = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
];

const cpuDivisors = ['1m', '1'];
const byteDivisors = ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei'];

export function checkEnv(at: FieldCursor, variables: readonly EnvVar[] | undefined): void {
  if (variables === undefined) return;
  at.enter('env');
  for (let i = 0; i < variables.length; i++) {
    const variable = variables[i]!;
    at.enter(i);
    if (!variable.name) at.required('name');
    else at.format('name', variable.name, isEnvVarName);
    if (variable.valueFrom !== undefined) checkValueFrom(at, variable, variable.valueFrom);
    at.leave();
  }
  at.leave();
}

function checkValueFrom(at: FieldCursor, variable: EnvVar, source: EnvVarSource): void {
  let count = 0;
  at.enter('valueFrom');
  if (source.fieldRef !== undefined) {
    count++;
    checkFieldRef(at, source.fieldRef, envFieldPaths);
  }
  if (source.resourceFieldRef !== undefined) {
    count++;
    checkResourceFieldRef(at, source.resourceFieldRef, false);
  }
  if (source.configMapKeyRef !== undefined) {
    count++;
    checkKeyRef(at, 'configMapKeyRef', source.configMapKeyRef);
  }
  if (source.secretKeyRef !== undefined) {
    count++;
    checkKeyRef(at, 'secretKeyRef', source.secretKeyRef);
  }
  if (source.fileKeyRef !== undefined) {
    count++;
    checkFileKeyRef(at, source.fileKeyRef);
  }
  if (count === 0) {
    const types = '`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`';
    at.invalid('', '', `must specify one of: ${types}`);
  } else if (variable.value) at.invalid('', '', 'may not be specified when `value` is not empty');
  else if (count > 1) at.invalid('', '', 'may not have more than one field specified at a time');
  at.leave();
}

/** `allowed` are the paths without subscript that the place takes. */
export function checkFieldRef(at: FieldCursor, ref: ObjectFieldSelector, allowed: readonly string[]): void {
  at.enter('fieldRef');
  checkFieldPath(at, ref, allowed);
  at.leave();
}

function checkFieldPath(at: FieldCursor, ref: ObjectFieldSelector, allowed: readonly string[]): void {
  if (!ref.apiVersion) {
    at.required('apiVersion');
    return;
  }
  if (!ref.fieldPath) {
    at.required('fieldPath');
    return;
  }
  // A pod's host is its node, as clients of long ago said it.
  const path = ref.fieldPath === 'spec.host' ? 'spec.nodeName' : ref.fieldPath;
  const parts = subscripted(path);
  const problem = unknownFieldPath(ref.apiVersion, path, parts?.path);
  if (problem !== undefined) {
    at.invalid('fieldPath', ref.fieldPath, `error converting fieldPath: ${problem}`);
    return;
  }
  if (parts === undefined) {
    if (!allowed.includes(path)) at.notSupported('fieldPath', path, allowed);
  } else if (parts.path === 'metadata.annotations') {
    const key = parts.subscript.toLowerCase();
    at.format('', key, isQualifiedName);
  } else {
    at.format('', parts.subscript, isQualifiedName);
  }
}

function unknownFieldPath(version: string, path: string, subscriptedPath: string | undefined): string | undefined {
  if (version !== 'v1') return `unsupported pod version: ${version}`;
  if (subscriptedPath === undefined)
    return knownFieldPaths.has(path) ? undefined : `field label not supported: ${path}`;
  if (subscriptedPath === 'metadata.annotations' || subscriptedPath === 'metadata.labels') return undefined;
  return `field label does not support subscript: ${path}`;
}

/** `metadata.labels['key']` in its two parts. */
function subscripted(path: string): { path: string; subscript: string } | undefined {
  if (!path.endsWith("']")) return undefined;
  const start = path.indexOf("['");
  if (start <= 0) return undefined;
  return { path: path.slice(0, start), subscript: path.slice(start + 2, -2) };
}

/** A volume must name the container; a variable belongs to one. */
export function checkResourceFieldRef(at: FieldCursor, ref: ResourceFieldSelector, inVolume: boolean): void {
  const { resource } = ref;
  at.enter('resourceFieldRef');
  if (inVolume && !ref.containerName) at.required('containerName');
  else if (!resource) at.required('resource');
  else if (!resourcePaths.includes(resource) && !isHugePages(resource)) {
    at.notSupported('resource', resource, resourcePaths);
  }
  if (ref.divisor !== undefined && ref.divisor !== '0') checkDivisor(at, resource, ref.divisor);
  at.leave();
}

function isHugePages(resource: string): boolean {
  return resource.startsWith('requests.hugepages-') || resource.startsWith('limits.hugepages-');
}

function checkDivisor(at: FieldCursor, resource: string, divisor: string | number): void {
  const quantity = Quantity.parse(divisor);
  if (quantity.isZero()) return;
  const text = quantity.toString();
  const refuse = (values: readonly string[], listed: string, what: string): void => {
    if (values.includes(text)) return;
    at.invalid('divisor', resource, `only divisor's values ${listed} are supported with the ${what} resource`);
  };
  const bytes = byteDivisors.join(', ');
  if (resource.endsWith('.cpu')) refuse(cpuDivisors, '1m and 1', 'cpu');
  else if (resource.endsWith('.memory')) refuse(byteDivisors, bytes, 'memory');
  else if (resource.endsWith('.ephemeral-storage')) refuse(byteDivisors, bytes, 'local ephemeral storage');
  else if (isHugePages(resource)) refuse(byteDivisors, bytes, 'hugepages');
}

function checkKeyRef(at: FieldCursor, name: string, ref: ConfigMapKeySelector): void {
  at.enter(name);
  at.format('name', ref.name ?? '', isName);
  if (!ref.key) at.required('key');
  else at.format('key', ref.key, isConfigMapKey);
  at.leave();
}

function checkFileKeyRef(at: FieldCursor, ref: FileKeySelector): void {
  at.enter('fileKeyRef');
  if (!ref.key) at.required('key');
  else at.format('key', ref.key, isEnvVarName);
  if (!ref.volumeName) at.required('volumeName');
  else at.format('volumeName', ref.volumeName, isDNS1123Label);
  if (!ref.path) at.required('path');
  else checkNoBacksteps(at, 'path', ref.path);
  at.leave();
}

export function checkEnvFrom(at: FieldCursor, sources: readonly EnvFromSource[] | undefined): void {
  if (sources === undefined) return;
  at.enter('envFrom');
  for (let i = 0; i < sources.length; i++) {
    const { prefix, configMapRef, secretRef } = sources[i]!;
    at.enter(i);
    if (prefix) at.format('prefix', prefix, isEnvVarName);
    if (configMapRef !== undefined) checkSourceName(at, 'configMapRef', configMapRef.name);
    if (secretRef !== undefined) checkSourceName(at, 'secretRef', secretRef.name);
    at.leave();
    // The path is the list's, as upstream has it.
    if (configMapRef === undefined && secretRef === undefined) {
      at.invalid('', '', 'must specify one of: `configMapRef` or `secretRef`');
    } else if (configMapRef !== undefined && secretRef !== undefined) {
      at.invalid('', '', 'may not have more than one field specified at a time');
    }
  }
  at.leave();
}

function checkSourceName(at: FieldCursor, ref: string, name: string | undefined): void {
  at.enter(ref);
  if (!name) at.required('name');
  else at.format('name', name, isNamePrefix);
  at.leave();
}

/** Variables from files: the volume that has the file must be an emptyDir of the pod. */
export function checkFileKeyVolumes(at: FieldCursor, spec: PodSpec): void {
  let volumes: Map<string, Volume> | undefined;
  for (const list of ['initContainers', 'containers', 'ephemeralContainers'] as const) {
    const containers = spec[list];
    if (containers === undefined) continue;
    for (let c = 0; c < containers.length; c++) {
      const variables = containers[c]!.env;
      if (variables === undefined) continue;
      for (let i = 0; i < variables.length; i++) {
        const name = variables[i]!.valueFrom?.fileKeyRef?.volumeName;
        if (name === undefined) continue;
        volumes ??= new Map(spec.volumes?.map((item) => [item.name, item]));
        const volume = volumes.get(name);
        if (volume?.emptyDir !== undefined) continue;
        const path = `${list}[${c}].env[${i}].valueFrom.fileKeyRef.volumeName`;
        if (volume === undefined) at.notFound(path, name);
        else at.invalid(path, name, 'referenced volume must be of type emptyDir');
      }
    }
  }
}
