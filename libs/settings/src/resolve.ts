import type { ValidationError } from 'class-validator';
import { Validator } from './class-validator.js';
import { splitList } from './constraints.js';
import { SettingError, type Values } from './flags.js';
import { flagName, type Program, type Setting, type SettingValue, settingsOf } from './setting.js';
import { SECTIONS, SETTINGS, type Settings, takenBy } from './table.js';

/** Where values come from. Values are as they were written: text, or what the file had. */
export interface Layer {
  values: ReadonlyMap<string, unknown>;
  /** What an error calls a setting of this layer. */
  nameOf(setting: Setting): string;
}

export const byFlag = (program: Program) => (setting: Setting) => `--${flagName(setting, program)}`;

/** The flags of a call. */
export function flagLayer(program: Program, values: Values): Layer {
  const given = new Map<string, unknown>();
  for (const setting of SETTINGS) {
    const name = flagName(setting, program);
    if (name === undefined || !Object.hasOwn(values, name)) continue;
    const value = values[name] as string; // own-lookup: Object.hasOwn is asked first
    given.set(setting.key, setting.negated ? opposite(value) : value);
  }
  return { values: given, nameOf: byFlag(program) };
}

function opposite(value: string): string {
  return value === 'true' ? 'false' : value === 'false' ? 'true' : value;
}

/** Variables that settings name. An empty variable is none. */
export function environmentLayer(program: Program, environment: NodeJS.ProcessEnv): Layer {
  const found = SETTINGS.filter(takenBy(program)).flatMap(({ key, environment: name }) => {
    const value = name && Object.hasOwn(environment, name) ? environment[name] : undefined; // own-lookup: asked first
    return value ? [[key, value] as const] : [];
  });
  return { values: new Map(found), nameOf: (setting) => `$${setting.environment}` };
}

/** Settings that an earlier call left, or that the machine gives. */
export function settingsLayer(settings: Partial<Settings>, nameOf: Layer['nameOf']): Layer {
  return { values: new Map(Object.entries(settings).filter(([, value]) => value !== undefined)), nameOf };
}

/**
 * The settings of a program: each from the first layer that has it, otherwise its default. Values that the program takes are
 * checked. Throws SettingError, whose message calls the setting as its layer does.
 */
export function resolveSettings(program: Program, layers: readonly Layer[]): Settings {
  const resolved: [string, unknown][] = [];
  for (const { settings: Section } of SECTIONS) {
    const rows = settingsOf(Section);
    const section = new Section();
    const taken = takenBy(program);
    for (const row of rows) Reflect.set(section, row.key, taken(row) ? valueFrom(row, layers) : row.default);
    const [bad] = new Validator().validateSync(section, validation(program));
    if (bad) throw new SettingError(`${nameOf(bad, rows, program, layers)}: ${messageOf(bad)}`);
    for (const row of rows) {
      const value: unknown = Reflect.get(section, row.key);
      resolved.push([row.key, typeof value === 'string' && value !== '' && row.normal ? row.normal(value) : value]);
    }
  }
  return Object.fromEntries(resolved) as unknown as Settings;
}

/** Checks without groups are for every program. An optional setting that nobody gave is undefined, and fine. */
const validation = (program: Program) => ({
  groups: [program],
  always: true,
  skipUndefinedProperties: true,
  stopAtFirstError: true,
  forbidUnknownValues: false,
});

function valueFrom(setting: Setting, layers: readonly Layer[]): unknown {
  const layer = layers.find(({ values }) => values.has(setting.key));
  return layer ? typed(setting, layer.values.get(setting.key)) : setting.default;
}

/** Text of a flag as the type of its setting. What does not fit is left as it is, for the check to refuse. */
function typed({ type }: Setting, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (type === 'number') return /^\d+(\.\d+)?$/.test(value) ? Number(value) : value;
  if (type === 'boolean') return value === 'true' ? true : value === 'false' ? false : value;
  return value;
}

function nameOf(bad: ValidationError, rows: readonly Setting[], program: Program, layers: readonly Layer[]): string {
  const setting = rows.find(({ key }) => key === bad.property)!;
  const layer = layers.find(({ values }) => values.has(setting.key));
  return (layer?.nameOf ?? byFlag(program))(setting);
}

function messageOf(bad: ValidationError): string {
  return Object.values(bad.constraints ?? {})[0] ?? 'cannot be used';
}

/** Arguments that give a program these settings. One that is undefined is left out, for the program's own default. */
export function argumentsOf(program: Program, settings: Partial<Settings>): string[] {
  return SETTINGS.filter(takenBy(program)).flatMap((setting) => {
    const value = Reflect.get(settings, setting.key) as SettingValue | undefined;
    if (value === undefined) return [];
    const items = setting.repeats?.includes(program) ? splitList(String(value)) : [value];
    return items.map((item) => `--${flagName(setting, program)}=${item}`);
  });
}
