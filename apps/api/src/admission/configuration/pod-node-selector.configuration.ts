import { ConfigurationError, ConfigurationObject } from '../../configuration/configuration-object.js';

const ROOT = 'podNodeSelectorPluginConfig';

/** Selectors by namespace, and the one of all others as `clusterDefaultNodeSelector`. Throws ConfigurationError. */
export function readPodNodeSelector(path: string, value: unknown): ReadonlyMap<string, string> {
  const selectors = ConfigurationObject.of(path, value, [ROOT]).value(ROOT) ?? {};
  if (typeof selectors !== 'object' || Array.isArray(selectors)) {
    throw new ConfigurationError(`${path}.${ROOT}: must be an object`);
  }
  for (const [name, selector] of Object.entries(selectors)) {
    if (typeof selector !== 'string') throw new ConfigurationError(`${path}.${ROOT}.${name}: must be a string`);
    if (parseNodeSelector(selector) === undefined) {
      throw new ConfigurationError(`${path}.${ROOT}.${name}: must be a list as a=b,c=d`);
    }
  }
  return new Map(Object.entries(selectors));
}

/** `a=b,c=d`; undefined when it is none. */
export function parseNodeSelector(text: string): Map<string, string> | undefined {
  const labels = new Map<string, string>();
  for (const item of text === '' ? [] : text.split(',')) {
    const parts = item.split('=');
    if (parts.length !== 2) return undefined;
    labels.set(parts[0]!.trim(), parts[1]!.trim());
  }
  return labels;
}
