import { bare } from '#apimachinery';
import { timeZoneFacts } from '../../../facts/facts.js';

/**
 * Schedules of cron: five fields (minute, hour, day of month, month, day of week) or `@hourly` and the like. Rules and
 * texts are those of the parser that the reference uses (robfig/cron, standard form).
 */

export interface CronSchedule {
  minute: ReadonlySet<number>;
  hour: ReadonlySet<number>;
  dayOfMonth: ReadonlySet<number>;
  month: ReadonlySet<number>;
  /** Sunday is 0. */
  dayOfWeek: ReadonlySet<number>;
  /** Day of month or day of week is a star: then a day must match both, else either. */
  anyDay: boolean;
  /** Seconds between runs, for `@every`; the fields mean nothing then. */
  every?: number;
  /** From `TZ=` or `CRON_TZ=`, which stored schedules of old may have. */
  timeZone?: string;
}

export class CronScheduleError extends Error {
  override readonly name = 'CronScheduleError';
}

interface Bounds {
  min: number;
  max: number;
  names?: readonly string[];
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const bounds: readonly Bounds[] = [
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31 },
  { min: 1, max: 12, names: months },
  { min: 0, max: 6, names: days },
];

const descriptors = bare<string>({
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
});

/** Throws CronScheduleError. */
export function parseCronSchedule(text: string): CronSchedule {
  if (text === '') throw new CronScheduleError('empty spec string');
  const zone = /^(?:CRON_)?TZ=(\S*) /.exec(text);
  if (zone === null) {
    if (/^(?:CRON_)?TZ=/.test(text)) {
      const cut = `${text.indexOf('=') + 1}:-1`;
      throw new CronScheduleError(
        `invalid schedule format: runtime error: slice bounds out of range [${cut.slice(-2)}]`,
      );
    }
    return parseFields(text);
  }
  const problem = timeZoneProblem(zone[1]!);
  if (problem !== undefined) throw new CronScheduleError(`provided bad location ${zone[1]}: ${problem}`);
  return { ...parseFields(text.slice(zone[0].length).trim()), timeZone: zone[1]! };
}

/** What Go says of a zone that it does not know; undefined for known ones. */
export function timeZoneProblem(zone: string): string | undefined {
  if (zone === '' || zone === 'UTC' || zone === 'Local') return undefined;
  // To Intl the case of letters does not matter, and offsets are zones: to Go, names are those of the database.
  zoneNames ??= new Set(timeZoneFacts().names);
  try {
    const { timeZone } = new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions();
    if (zoneNames.has(zone) || (timeZone === zone && !/^[+-]/.test(zone))) return undefined;
  } catch {
    // Intl has no such zone.
  }
  return `unknown time zone ${zone}`;
}

let zoneNames: ReadonlySet<string> | undefined;

function parseFields(text: string): CronSchedule {
  if (text.startsWith('@every ')) return { ...parseFields('@hourly'), every: parseEvery(text) };
  const spec = text.startsWith('@') ? descriptors[text] : text;
  if (spec === undefined) throw new CronScheduleError(`unrecognized descriptor: ${text}`);
  const fields = spec.split(/\s+/).filter((field) => field !== '');
  if (fields.length !== bounds.length) {
    const found = `expected exactly ${bounds.length} fields, found ${fields.length}`;
    throw new CronScheduleError(`${found}: [${fields.join(' ')}]`);
  }
  const [minute, hour, dayOfMonth, month, dayOfWeek] = fields.map((field, i) => parseField(field, bounds[i]!));
  const anyDay = dayOfMonth!.star || dayOfWeek!.star;
  return {
    minute: minute!.values,
    hour: hour!.values,
    dayOfMonth: dayOfMonth!.values,
    month: month!.values,
    dayOfWeek: dayOfWeek!.values,
    anyDay,
  };
}

const durationUnits = bare<number>({
  ns: 1e-9,
  us: 1e-6,
  µs: 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
});

/** Whole seconds, one at least, as the reference rounds them. */
function parseEvery(text: string): number {
  const duration = text.slice('@every '.length);
  if (!/^[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|ms|s|m|h))+$/.test(duration) && !/^[-+]?0$/.test(duration)) {
    const cause = `time: invalid duration ${JSON.stringify(duration)}`;
    throw new CronScheduleError(`failed to parse duration ${text}: ${cause}`);
  }
  let seconds = 0;
  for (const [, number, unit] of duration.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)/g)) {
    seconds += Number(number) * durationUnits[unit!]!;
  }
  return Math.max(1, duration.startsWith('-') ? 1 : Math.floor(seconds));
}

interface FieldValues {
  values: Set<number>;
  star: boolean;
}

function parseField(field: string, limits: Bounds): FieldValues {
  const values = new Set<number>();
  let star = false;
  for (const range of field.split(',').filter((part) => part !== '')) star = addRange(range, limits, values) || star;
  return { values, star };
}

/** Adds the values of one range; true when it is a star without steps. */
function addRange(text: string, { min, max, names }: Bounds, values: Set<number>): boolean {
  const parts = text.split('/');
  const ends = parts[0]!.split('-');
  const any = ends[0] === '*' || ends[0] === '?';
  let start = min;
  let end = max;
  if (!any) {
    start = parseNumber(ends[0]!, names, min);
    if (ends.length > 2) throw new CronScheduleError(`too many hyphens: ${text}`);
    end = ends.length === 2 ? parseNumber(ends[1]!, names, min) : start;
  }
  if (parts.length > 2) throw new CronScheduleError(`too many slashes: ${text}`);
  let step = 1;
  if (parts.length === 2) {
    step = parseNumber(parts[1]!, undefined, 0);
    if (ends.length === 1) end = max;
  }
  const range = 'of range';
  if (start < min) throw new CronScheduleError(`beginning ${range} (${start}) below minimum (${min}): ${text}`);
  if (end > max) throw new CronScheduleError(`end ${range} (${end}) above maximum (${max}): ${text}`);
  if (start > end) throw new CronScheduleError(`beginning ${range} (${start}) beyond end of range (${end}): ${text}`);
  if (step === 0) throw new CronScheduleError(`step of range should be a positive number: ${text}`);
  for (let value = start; value <= end; value += step) values.add(value);
  return any && step === 1;
}

function parseNumber(text: string, names: readonly string[] | undefined, first: number): number {
  const named = names?.indexOf(text.toLowerCase()) ?? -1;
  if (named >= 0) return named + first;
  if (!/^[+-]?\d+$/.test(text)) {
    const cause = `strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`;
    throw new CronScheduleError(`failed to parse int from ${text}: ${cause}`);
  }
  const value = Number(text);
  if (value < 0) throw new CronScheduleError(`negative number (${value}) not allowed: ${text}`);
  return value;
}
