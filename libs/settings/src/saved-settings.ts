import type { Setting } from './setting.js';
import { KEPT_SETTINGS, SETTINGS, type Settings } from './table.js';

/** Every version has written these. */
const ALWAYS_THERE = new Set(['node', 'nodeName', 'nodeIp']);

/** What `up` was told the last time, as settings.json has it; without those that keep following a default of the machine. */
export function savedText(settings: Settings): string {
  const kept = KEPT_SETTINGS.map(({ key }) => [key, Reflect.get(settings, key)]);
  return `${JSON.stringify(Object.fromEntries(kept), null, 2)}\n`;
}

/**
 * Reads such a text, also that of an earlier version, which calls some settings otherwise and lacks others: those have their
 * defaults. An unknown key is of a later version, or of a setting that there is no more. Throws an Error that says what is wrong.
 */
export function readSavedSettings(text: string): Settings {
  const saved: unknown = JSON.parse(text);
  if (typeof saved !== 'object' || saved === null || Array.isArray(saved)) throw new Error('must be an object');
  const entries = new Map<string, unknown>(Object.entries(saved));
  // Before systemd could be chosen, `auto` was cgroupfs: running pods are where that put them.
  if (entries.has('serviceCidr') && entries.get('cgroupDriver') === 'auto') entries.set('cgroupDriver', 'cgroupfs');
  const read = KEPT_SETTINGS.flatMap((setting) => {
    const name = writtenName(setting, entries);
    const value = entries.get(name);
    if (value === undefined && !ALWAYS_THERE.has(setting.key)) return [];
    if (typeof value !== setting.type) throw new Error(`${name} must be a ${setting.type}`);
    return [[setting.key, value] as const];
  });
  const defaults = SETTINGS.map((setting) => [setting.key, setting.default] as const);
  return Object.fromEntries([...defaults, ...read]) as unknown as Settings;
}

function writtenName({ key, formerly }: Setting, entries: ReadonlyMap<string, unknown>): string {
  return formerly !== undefined && !entries.has(key) && entries.has(formerly) ? formerly : key;
}
