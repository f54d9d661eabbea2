import type { KubeObject } from '#apimachinery';
import { ownValue, setOwn } from '#apimachinery';
import type { EnvVar } from '#kinds';
import type { ConfigSource } from '../pod/config-source.js';
import { type DownwardContext, DownwardError, fieldValue, resourceValue } from '../pod/downward.js';
import type { Container, Pod } from '../pod/pod.js';
import { expand } from './expand.js';

/** A reference in the container's spec that cannot be resolved: CreateContainerConfigError. */
export class ConfigError extends Error {}

export interface EnvironmentInput extends DownwardContext {
  container: Container;
  source: ConfigSource;
  /** Every service of the pod's namespace, and `kubernetes` of the master's. */
  services: readonly KubeObject[];
  masterService: KubeObject | undefined;
  /** Reports keys that are no environment variable names. */
  onInvalid?(from: string, keys: string[]): void;
}

const NAME = /^[ -<>-~]+$/;

/** The container's variables in order: services first, then envFrom, then env, which may refer to what came before. */
export async function buildEnvironment(input: EnvironmentInput): Promise<Map<string, string>> {
  const { container, pod } = input;
  const result = new Map<string, string>();
  for (const from of container.envFrom ?? []) {
    const prefix = from.prefix ?? '';
    if (from.configMapRef) {
      const map = await requireConfigMap(input, from.configMapRef.name ?? '', from.configMapRef.optional);
      addAll(input, result, map?.['data'] ?? {}, prefix, from.configMapRef.name ?? '');
    } else if (from.secretRef) {
      const secret = await requireSecret(input, from.secretRef.name ?? '', from.secretRef.optional);
      addAll(input, result, decodeSecret(secret), prefix, from.secretRef.name ?? '');
    }
  }
  const services = serviceEnvironment(pod, input.services, input.masterService);
  const lookup = (name: string) => result.get(name) ?? services.get(name);
  for (const variable of container.env ?? []) {
    const value = await variableValue(input, variable, lookup);
    if (value !== undefined) result.set(variable.name, value);
  }
  for (const [name, value] of services) if (!result.has(name)) result.set(name, value);
  return result;
}

async function variableValue(
  input: EnvironmentInput,
  variable: EnvVar,
  lookup: (name: string) => string | undefined,
): Promise<string | undefined> {
  const { valueFrom } = variable;
  if (!valueFrom) return expand(variable.value ?? '', lookup);
  try {
    if (valueFrom.fieldRef) return fieldValue(input, valueFrom.fieldRef);
    if (valueFrom.resourceFieldRef) {
      const name = valueFrom.resourceFieldRef.containerName;
      const all = [...input.pod.spec.containers, ...(input.pod.spec.initContainers ?? [])];
      const container = name ? all.find((candidate) => candidate.name === name) : input.container;
      if (!container) throw new ConfigError(`container ${name} not found`);
      return resourceValue(input, container, valueFrom.resourceFieldRef);
    }
  } catch (error) {
    if (error instanceof DownwardError) throw new ConfigError(error.message);
    throw error;
  }
  const { namespace } = input.pod.metadata;
  if (valueFrom.configMapKeyRef) {
    const { name = '', key, optional } = valueFrom.configMapKeyRef;
    const map = await requireConfigMap(input, name, optional);
    const value = ownValue<string>(map?.['data'], key);
    if (value === undefined && !optional)
      throw new ConfigError(`couldn't find key ${key} in ConfigMap ${namespace}/${name}`);
    return value;
  }
  if (valueFrom.secretKeyRef) {
    const { name = '', key, optional } = valueFrom.secretKeyRef;
    const value = ownValue(decodeSecret(await requireSecret(input, name, optional)), key);
    if (value === undefined && !optional)
      throw new ConfigError(`couldn't find key ${key} in Secret ${namespace}/${name}`);
    return value;
  }
  throw new ConfigError(`env ${variable.name} comes from a source that this node does not have`);
}

async function requireConfigMap(
  input: EnvironmentInput,
  name: string,
  optional?: boolean,
): Promise<KubeObject | undefined> {
  const map = await input.source.configMap(input.pod.metadata.namespace, name);
  if (!map && !optional) throw new ConfigError(`configmap "${name}" not found`);
  return map;
}

async function requireSecret(
  input: EnvironmentInput,
  name: string,
  optional?: boolean,
): Promise<KubeObject | undefined> {
  const secret = await input.source.secret(input.pod.metadata.namespace, name);
  if (!secret && !optional) throw new ConfigError(`secret "${name}" not found`);
  return secret;
}

function decodeSecret(secret: KubeObject | undefined): Record<string, string> {
  const data: Record<string, string> = {};
  for (const [key, value] of Object.entries((secret?.['data'] ?? {}) as Record<string, string>)) {
    setOwn(data, key, Buffer.from(value, 'base64').toString('utf8'));
  }
  return data;
}

function addAll(
  input: EnvironmentInput,
  result: Map<string, string>,
  data: Record<string, string>,
  prefix: string,
  from: string,
): void {
  const invalid: string[] = [];
  for (const key of Object.keys(data)) {
    const name = prefix + key;
    if (NAME.test(name)) result.set(name, data[key]!);
    else invalid.push(name);
  }
  if (invalid.length > 0) input.onInvalid?.(from, invalid.sort());
}

/** Docker-link variables of the services that the pod may see. */
export function serviceEnvironment(
  pod: Pod,
  services: readonly KubeObject[],
  master: KubeObject | undefined,
): Map<string, string> {
  const result = new Map<string, string>();
  if (pod.spec.enableServiceLinks !== false) {
    for (const service of services) addService(result, service);
  }
  if (master) addService(result, master);
  return result;
}

function addService(result: Map<string, string>, service: KubeObject): void {
  const { clusterIP, ports } = service['spec'] ?? {};
  if (!clusterIP || clusterIP === 'None' || !ports?.length) return;
  const prefix = service.metadata.name!.toUpperCase().replaceAll('-', '_');
  const host = clusterIP.includes(':') ? `[${clusterIP}]` : clusterIP;
  result.set(`${prefix}_SERVICE_HOST`, clusterIP);
  result.set(`${prefix}_SERVICE_PORT`, String(ports[0].port));
  for (const port of ports) {
    if (port.name)
      result.set(`${prefix}_SERVICE_PORT_${port.name.toUpperCase().replaceAll('-', '_')}`, String(port.port));
  }
  for (const [index, port] of ports.entries()) {
    const protocol = (port.protocol ?? 'TCP').toLowerCase();
    const url = `${protocol}://${host}:${port.port}`;
    const name = `${prefix}_PORT_${port.port}_${protocol.toUpperCase()}`;
    if (index === 0) result.set(`${prefix}_PORT`, url);
    result.set(name, url);
    result.set(`${name}_PROTO`, protocol);
    result.set(`${name}_PORT`, String(port.port));
    result.set(`${name}_ADDR`, clusterIP);
  }
}
