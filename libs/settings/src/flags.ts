import { parseArgs } from 'node:util';
import { setOwn } from '#apimachinery';
import { defaultText, flagName, type Program, type Setting, settingsOf } from './setting.js';
import { SECTIONS, SETTINGS, settingOf } from './table.js';

/** One flag: what it is for, its argument's name (none: a switch), and its default as --help prints it. */
export interface Flag {
  name: string;
  argument?: string;
  help: string;
  default?: string;
  multiple?: boolean;
  /** One letter. */
  short?: string;
  hidden?: boolean;
  deprecated?: string;
}

export type Values = Record<string, string | boolean | string[] | undefined>;

/** A flag, or a value in a file, that cannot be used; the message is one line and names it. */
export class SettingError extends Error {
  override readonly name = 'SettingError';
}

export function flagOf(setting: Setting, program: Program): Flag {
  return {
    name: flagName(setting, program)!,
    argument: setting.argument,
    help: setting.help,
    default: defaultText(setting, program),
    hidden: setting.hidden,
    deprecated: setting.deprecated,
  };
}

/** The flag of one setting, for a verb that takes only some. */
export const upFlag = (key: string): Flag => flagOf(settingOf(key), 'up');

export function flagsOf(program: Program): Flag[] {
  return SETTINGS.filter((setting) => flagName(setting, program)).map((setting) => flagOf(setting, program));
}

/**
 * Parses strictly: an unknown flag or a missing argument names the flag. A switch may have a value, `--tracing=false` or, where
 * nothing else can follow flags, `--tracing false`. Throws SettingError.
 */
export function parseFlags(
  flags: readonly Flag[],
  args: readonly string[],
  allowPositionals = false,
): { values: Values; positionals: string[]; warnings: string[] } {
  const options: Record<string, { type: 'string' | 'boolean'; multiple?: boolean; short?: string }> = {
    help: { type: 'boolean', short: 'h' },
  };
  for (const flag of flags) {
    setOwn(options, flag.name, {
      type: 'string',
      ...(flag.multiple ? { multiple: true } : {}),
      ...(flag.short ? { short: flag.short } : {}),
    });
  }
  try {
    const parsed = parseArgs({
      args: withSwitchValues(flags, args, allowPositionals),
      options,
      strict: true,
      allowPositionals,
    });
    const values = parsed.values as Values;
    const warnings = flags
      .filter(({ name, deprecated }) => deprecated && Object.hasOwn(values, name))
      .map(({ name, deprecated }) => `Flag --${name} has been deprecated, ${deprecated}`);
    return { values, positionals: parsed.positionals, warnings };
  } catch (error) {
    throw new SettingError((error as Error).message.split('\n')[0]!.split('. ')[0]!);
  }
}

/** A switch alone means true, so every flag that reaches the parser has a value. */
function withSwitchValues(flags: readonly Flag[], args: readonly string[], allowPositionals: boolean): string[] {
  const switches = new Set(flags.filter(({ argument }) => argument === undefined).map(({ name }) => `--${name}`));
  const out: string[] = [];
  for (let at = 0; at < args.length; at += 1) {
    const arg = args[at]!;
    if (arg === '--') return [...out, ...args.slice(at)];
    if (!switches.has(arg)) {
      out.push(arg);
      continue;
    }
    const next = args[at + 1];
    const valued = !allowPositionals && next !== undefined && !next.startsWith('-');
    out.push(`${arg}=${valued ? next : 'true'}`);
    if (valued) at += 1;
  }
  return out;
}

export function usage(line: string, summary: string, flags: readonly Flag[]): string {
  return usageOf(line, summary, [{ title: 'Flags', flags }]);
}

/** The text of --help of a program that takes settings. */
export function programUsage(program: Program, line: string, summary: string): string {
  const parts = SECTIONS.map(({ title, settings }) => ({
    title,
    flags: settingsOf(settings)
      .filter((setting) => flagName(setting, program))
      .map((setting) => flagOf(setting, program)),
  }));
  return usageOf(line, summary, parts);
}

function usageOf(line: string, summary: string, parts: readonly { title: string; flags: readonly Flag[] }[]): string {
  const visible = parts
    .map(({ title, flags }) => ({ title, flags: flags.filter((flag) => !flag.hidden) }))
    .filter(({ flags }) => flags.length > 0);
  const left = (flag: Flag) => `  --${flag.name}${flag.argument ? ` ${flag.argument}` : ''}`;
  const all = visible.flatMap(({ flags }) => flags);
  const width = Math.max(...all.map((flag) => left(flag).length), '  --help, -h'.length) + 2;
  const row = (flag: Flag) =>
    `${left(flag).padEnd(width)}${flag.help}${flag.default ? ` (default: ${flag.default})` : ''}`;
  const blocks = visible.map(({ title, flags }) => `${title}:\n${flags.map(row).join('\n')}\n`);
  return `Usage: ${line}\n\n${summary}\n\n${blocks.join('\n')}\n${'  --help, -h'.padEnd(width)}this text\n`;
}
