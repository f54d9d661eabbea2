/** Who takes settings: `up` is the command line, the others are the processes that it starts. */
export const PROGRAMS = ['up', 'server', 'agent', 'dns', 'ingress'] as const;
export type Program = (typeof PROGRAMS)[number];

export type SettingValue = string | number | boolean;

/** A text for all programs, or one for each. */
type PerProgram = string | Partial<Record<Program, string>>;

export interface SettingOptions {
  help: string;
  /** The programs that take it. The flag is the property's name with hyphens, or the name that is given here. */
  programs: Partial<Record<Program, true | string>>;
  /** What stands for the value in --help. A switch has none. */
  argument?: string;
  default?: SettingValue;
  /** Default as --help tells it, where it is no fixed value. */
  otherwise?: PerProgram;
  /** Several values with commas between; the configuration file also takes a list. */
  list?: true;
  /** Programs that take a list as a flag for each item. */
  repeats?: readonly Program[];
  /** The flag of `up` means the contrary: `--no-node`. */
  negated?: true;
  /** Only a flag: neither the configuration file nor settings.json has it. */
  flagOnly?: true;
  /** Its name in the settings.json of earlier versions. */
  formerly?: string;
  /** Environment variable that `up` and the server take it from. */
  environment?: string;
  /** Brings a valid value into its usual form. */
  normal?(value: string): string;
  /** Neither --help nor the page lists it. */
  hidden?: true;
  /** It still works; whoever uses it is told this sentence. */
  deprecated?: string;
}

export type SettingType = 'string' | 'number' | 'boolean';

/** One row of the table. */
export interface Setting extends SettingOptions {
  /** Property, and key in the configuration file and in settings.json. */
  key: string;
  type: SettingType;
}

const rows = new WeakMap<object, Setting[]>();

function declare(type: SettingType) {
  return (options: SettingOptions): PropertyDecorator =>
    (prototype, key) => {
      const own = rows.get(prototype) ?? [];
      rows.set(prototype, [...own, { ...options, key: String(key), type }]);
    };
}

/** Make a property a row of the table. The decorators beside them are class-validator's. */
export const TextSetting = declare('string');
export const NumberSetting = declare('number');
export const SwitchSetting = declare('boolean');

/** Settings of a class, in the order of their declaration. */
export function settingsOf(section: new () => object): readonly Setting[] {
  return rows.get(section.prototype) ?? [];
}

/** The flag's name, without hyphens in front; undefined when the program does not take it. */
export function flagName(setting: Setting, program: Program): string | undefined {
  const name = setting.programs[program];
  return name === true ? hyphenated(setting.key) : name;
}

export function defaultText(setting: Setting, program: Program): string | undefined {
  const { otherwise } = setting;
  const told = typeof otherwise === 'object' ? otherwise[program] : otherwise;
  if (told !== undefined) return told;
  // A switch is off unless it is named.
  if (setting.default === undefined || setting.default === '' || setting.default === false) return undefined;
  return String(setting.default);
}

function hyphenated(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
