import { SettingError } from './flags.js';
import type { Layer } from './resolve.js';
import type { Setting } from './setting.js';
import { KEPT_SETTINGS } from './table.js';

export const CONFIGURATION = { apiVersion: 'berth.io/v1alpha1', kind: 'ClusterConfiguration' } as const;

/**
 * Reads the file of `up --config`: an object of that kind, whose other keys are settings. An unknown key, and a value of another
 * type, are refused with the file and the path of the key. `path` is for messages. Throws SettingError.
 */
export async function readConfigurationFile(path: string, text: string): Promise<Layer> {
  // Only who has such a file waits for the parser.
  const { parseDocument } = await import('yaml');
  const document = parseDocument(text);
  const [broken] = document.errors;
  if (broken) throw new SettingError(`${path}: ${broken.message.split('\n')[0]!.replace(/:$/, '')}`);
  const read: unknown = document.toJS();
  if (typeof read !== 'object' || read === null || Array.isArray(read))
    throw new SettingError(`${path}: must be an object of the kind ${CONFIGURATION.kind}`);
  const entries = new Map<string, unknown>(Object.entries(read));
  for (const [key, expected] of Object.entries(CONFIGURATION)) {
    if (entries.get(key) !== expected)
      throw new SettingError(`${path}: ${key}: must be ${expected}: got ${quoted(entries.get(key))}`);
    entries.delete(key);
  }
  const values = new Map<string, unknown>();
  for (const [key, value] of entries) {
    const setting = KEPT_SETTINGS.find((candidate) => candidate.key === key);
    if (!setting) throw new SettingError(`${path}: ${key}: unknown key`);
    values.set(key, checkedValue(setting, value, path));
  }
  return { values, nameOf: ({ key }) => `${path}: ${key}` };
}

function checkedValue(setting: Setting, value: unknown, path: string): unknown {
  const { key, type, list } = setting;
  if (list && Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      if (typeof item !== 'string')
        throw new SettingError(`${path}: ${key}[${index}]: must be a string: got ${quoted(item)}`);
    }
    return value.join(',');
  }
  if (typeof value !== type) {
    const expected = list ? 'a string or a list of strings' : `a ${type}`;
    throw new SettingError(`${path}: ${key}: must be ${expected}: got ${quoted(value)}`);
  }
  return value;
}

function quoted(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}
