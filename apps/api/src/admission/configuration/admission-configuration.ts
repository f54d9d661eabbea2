import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type AdmissionPluginName, isAdmissionPlugin } from '#settings';
import { ConfigurationError, ConfigurationObject } from '../../configuration/configuration-object.js';
import type { PodSecurityOptions } from '../plugins/pod-security.js';
import type { LimitedResource } from '../plugins/resource-quota.js';
import { type EventLimit, readEventRateLimit } from './event-rate-limit.configuration.js';
import { readPodNodeSelector } from './pod-node-selector.configuration.js';
import { readPodSecurity } from './pod-security.configuration.js';
import { readResourceQuota } from './resource-quota.configuration.js';

/** What --admission-control-config-file says of the plugins. A part that is absent: the plugin has its defaults. */
export interface AdmissionConfiguration {
  podSecurity?: PodSecurityOptions;
  limitedResources?: readonly LimitedResource[];
  eventLimits?: readonly EventLimit[];
  nodeSelectors?: ReadonlyMap<string, string>;
}

type Read = (path: string, value: unknown) => AdmissionConfiguration;

const READERS: Partial<Record<AdmissionPluginName, Read>> = {
  PodSecurity: (path, value) => ({ podSecurity: readPodSecurity(path, value) }),
  ResourceQuota: (path, value) => ({ limitedResources: readResourceQuota(path, value) }),
  EventRateLimit: (path, value) => ({ eventLimits: readEventRateLimit(path, value) }),
  PodNodeSelector: (path, value) => ({ nodeSelectors: readPodNodeSelector(path, value) }),
};

/** Reads the file, and those that it refers to. `file` '': nothing is configured. Rejects with ConfigurationError. */
export async function readAdmissionConfiguration(file: string): Promise<AdmissionConfiguration> {
  if (file === '') return {};
  const configuration: AdmissionConfiguration = {};
  const object = ConfigurationObject.ofKind(
    file,
    await readYaml(file),
    ['apiserver.config.k8s.io/v1', 'apiserver.config.k8s.io/v1alpha1'],
    'AdmissionConfiguration',
    ['plugins'],
  );
  const seen = new Set<string>();
  for (const plugin of object.objects('plugins', ['name', 'path', 'configuration'])) {
    const name = plugin.text('name') ?? '';
    if (!isAdmissionPlugin(name)) throw plugin.error('name', `no such plugin: ${JSON.stringify(name)}`);
    if (seen.has(name)) throw plugin.error('name', `${name} is configured twice`);
    seen.add(name);
    const read = READERS[name];
    const path = plugin.text('path') ?? '';
    const own = plugin.value('configuration');
    if (own === undefined && path === '') continue;
    if (read === undefined) throw plugin.error('configuration', `${name} takes no configuration`);
    // What is embedded comes before a file.
    const from = resolve(dirname(file), path);
    Object.assign(configuration, own === undefined ? read(from, await readYaml(from)) : read(`${file}: ${name}`, own));
  }
  return configuration;
}

async function readYaml(file: string): Promise<unknown> {
  const { parseDocument } = await import('yaml');
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new ConfigurationError(`${file}: ${(error as Error).message.split('\n')[0]}`);
  }
  const document = parseDocument(text);
  const [broken] = document.errors;
  if (broken) throw new ConfigurationError(`${file}: ${broken.message.split('\n')[0]}`);
  return document.toJS();
}
