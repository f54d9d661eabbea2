import { parseArgs } from 'node:util';
import { setOwn } from '#apimachinery';
import { UsageError } from './verb.js';

/** One flag: what it is for, its argument's name (none: a switch), and its default as --help prints it. */
export interface Flag {
  name: string;
  argument?: string;
  help: string;
  default?: string;
  multiple?: boolean;
}

export type Values = Record<string, string | boolean | string[] | undefined>;

/** Parses strictly: an unknown flag or a missing argument names the flag. */
export function parseFlags(
  flags: readonly Flag[],
  args: string[],
  allowPositionals = false,
): { values: Values; positionals: string[] } {
  const options: Record<string, { type: 'string' | 'boolean'; multiple?: boolean; short?: string }> = {
    help: { type: 'boolean', short: 'h' },
  };
  for (const flag of flags) {
    setOwn(options, flag.name, {
      type: flag.argument ? 'string' : 'boolean',
      ...(flag.multiple ? { multiple: true } : {}),
      ...(flag.name === 'filename' ? { short: 'f' } : {}),
    });
  }
  try {
    const parsed = parseArgs({ args, options, strict: true, allowPositionals });
    return { values: parsed.values as Values, positionals: parsed.positionals };
  } catch (error) {
    throw new UsageError(firstSentence((error as Error).message));
  }
}

function firstSentence(text: string): string {
  return text.split('\n')[0]!.split('. ')[0]!;
}

export function usage(line: string, summary: string, flags: readonly Flag[]): string {
  const left = (flag: Flag) => `  --${flag.name}${flag.argument ? ` ${flag.argument}` : ''}`;
  const width = Math.max(...flags.map((flag) => left(flag).length), 8) + 2;
  const rows = flags.map(
    (flag) => `${left(flag).padEnd(width)}${flag.help}${flag.default ? ` (default: ${flag.default})` : ''}`,
  );
  return `Usage: ${line}\n\n${summary}\n\nFlags:\n${[...rows, `${'  --help, -h'.padEnd(width)}this text`].join('\n')}\n`;
}
