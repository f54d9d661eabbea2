import { Duration, fail, Timestamp } from './value.js';

const SECOND = 1_000_000_000n;
const MIN_SECONDS = -62_135_596_800n;
const MAX_SECONDS = 253_402_300_799n;
const MAX_NANOS = 2n ** 63n - 1n;
const TIMESTAMP_OVERFLOW = 'timestamp overflow';
/** As in cel-go, whose durations are ints. */
const DURATION_OVERFLOW = 'integer overflow';

function floorSeconds(nanos: bigint): bigint {
  const seconds = nanos / SECOND;
  return nanos % SECOND < 0n ? seconds - 1n : seconds;
}

/** The instant, unless it is outside of the years 1 to 9999. */
export function timestamp(nanos: bigint): Timestamp {
  const seconds = floorSeconds(nanos);
  if (seconds < MIN_SECONDS || seconds > MAX_SECONDS) fail(TIMESTAMP_OVERFLOW);
  return new Timestamp(nanos);
}

export function timestampOfSeconds(seconds: bigint): Timestamp {
  return timestamp(seconds * SECOND);
}

export function duration(nanos: bigint): Duration {
  return BigInt.asIntN(64, nanos) === nanos ? new Duration(nanos) : fail(DURATION_OVERFLOW);
}

export function secondsOf(time: Timestamp): bigint {
  return floorSeconds(time.nanos);
}

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d{1,2}):(\d\d):(\d\d)(?:[.,](\d+))?(?:Z|([+-])(\d\d):(\d\d))$/;

/** Parses RFC 3339, to the nanosecond; undefined when it is none. */
export function parseTimestamp(text: string): Timestamp | undefined {
  const match = RFC3339.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const utc = utcMillis(year, month, day, hour, minute, second);
  if (utc === undefined) return undefined;
  const [, , , , , , , fraction = '', sign, offsetHour = '0', offsetMinute = '0'] = match;
  if (Number(offsetHour) > 24 || Number(offsetMinute) > 60) return undefined;
  const offset = (Number(offsetHour) * 60 + Number(offsetMinute)) * (sign === '-' ? -60 : 60);
  const nanos = BigInt(fraction.slice(0, 9).padEnd(9, '0'));
  return timestamp((BigInt(utc / 1000) - BigInt(offset)) * SECOND + nanos);
}

/** Parses the date of a schema's format `date`. */
export function parseDate(text: string): Timestamp | undefined {
  const match = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text);
  if (match === null) return undefined;
  const utc = utcMillis(Number(match[1]), Number(match[2]), Number(match[3]), 0, 0, 0);
  return utc === undefined ? undefined : timestamp(BigInt(utc) * 1_000_000n);
}

/** Undefined for a day that the month does not have. */
function utcMillis(year: number, month: number, day: number, hour: number, minute: number, second: number) {
  const date = new Date(0);
  // The arguments of Date.UTC would mean 19xx for the years up to 99.
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date.getTime() : undefined;
}

/** RFC 3339 in UTC, with as much of a fraction as there is. */
export function formatTimestamp({ nanos }: Timestamp): string {
  const seconds = floorSeconds(nanos);
  const iso = new Date(Number(seconds) * 1000).toISOString().replace(/\.000Z$/, '');
  const fraction = (nanos - seconds * SECOND).toString().padStart(9, '0').replace(/0+$/, '');
  return fraction === '' ? `${iso}Z` : `${iso}.${fraction}Z`;
}

const UNITS = new Map([
  ['ns', 1n],
  ['us', 1_000n],
  ['µs', 1_000n],
  ['μs', 1_000n],
  ['ms', 1_000_000n],
  ['s', SECOND],
  ['m', 60n * SECOND],
  ['h', 3600n * SECOND],
]);

/** Go's syntax (`1h30m`, `-1.5s`), to the nanosecond; undefined when it is none. */
export function parseGoDuration(text: string): Duration | undefined {
  const negative = text.startsWith('-');
  const body = /^[+-]/.test(text) ? text.slice(1) : text;
  if (body === '0') return new Duration(0n);
  if (body === '') return undefined;
  let nanos = 0n;
  let at = 0;
  const part = /(\d*)(?:(\.)(\d*))?(ns|us|µs|μs|ms|s|m|h)/y;
  while (at < body.length) {
    part.lastIndex = at;
    const [all, whole = '', , fraction = '', unit = ''] = part.exec(body) ?? [];
    if (all === undefined || (whole === '' && fraction === '') || all.length > 1000) return undefined;
    const scale = UNITS.get(unit)!;
    nanos += BigInt(whole || '0') * scale + (BigInt(fraction || '0') * scale) / 10n ** BigInt(fraction.length);
    if (nanos > MAX_NANOS + 1n) return undefined;
    at += all.length;
  }
  if (nanos > MAX_NANOS && !negative) return undefined;
  return new Duration(negative ? -nanos : nanos);
}

/** Seconds as cel-go writes them: `90s`, `0.5s`. */
export function formatDuration({ nanos }: Duration): string {
  const size = nanos < 0n ? -nanos : nanos;
  const fraction = (size % SECOND).toString().padStart(9, '0').replace(/0+$/, '');
  // Go computes in a double, whose digits end before nanoseconds of long times do.
  const exact = `${size / SECOND}${fraction === '' ? '' : `.${fraction}`}`;
  return `${nanos < 0n ? '-' : ''}${exact.length <= 16 ? exact : String(Number(exact))}s`;
}

/** What `getHours` and its like read. */
export interface CalendarTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly millis: number;
  readonly weekday: number;
  readonly yearDay: number;
}

const DAY_MILLIS = 86_400_000;

/** The calendar of an instant in a zone: `UTC`, `Europe/Berlin`, `+02:00`, `-08:00`. */
export function calendarOf(time: Timestamp, zone: string): CalendarTime {
  const seconds = Number(floorSeconds(time.nanos));
  const date = new Date((seconds + offsetOf(zone, seconds)) * 1000);
  const year = date.getUTCFullYear();
  const start = new Date(0);
  start.setUTCFullYear(year, 0, 1);
  return {
    year,
    month: date.getUTCMonth(),
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    millis: Number((time.nanos - BigInt(seconds) * SECOND) / 1_000_000n),
    weekday: date.getUTCDay(),
    yearDay: Math.floor((date.getTime() - start.getTime()) / DAY_MILLIS),
  };
}

/** Seconds east of UTC. */
function offsetOf(zone: string, seconds: number): number {
  if (zone === 'UTC' || zone === '') return 0;
  const colon = zone.indexOf(':');
  if (colon === -1) return namedOffset(zone, seconds);
  const hours = atoi(zone.slice(0, colon));
  const minutes = atoi(zone.slice(colon + 1));
  return (zone.startsWith('-') ? hours * 60 - minutes : hours * 60 + minutes) * 60;
}

function atoi(text: string): number {
  return /^[+-]?\d{1,9}$/.test(text)
    ? Number(text)
    : fail(`strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
}

const MAX_FORMATS = 64;
const formats = new Map<string, Intl.DateTimeFormat>();

function namedOffset(zone: string, seconds: number): number {
  const date = new Date(seconds * 1000);
  const parts = new Map(
    formatOf(zone)
      .formatToParts(date)
      .map(({ type, value }) => [type, value]),
  );
  const part = (name: Intl.DateTimeFormatPartTypes) => Number(parts.get(name));
  const year = parts.get('era') === 'BC' ? 1 - part('year') : part('year');
  const local = new Date(0);
  local.setUTCFullYear(year, part('month') - 1, part('day'));
  local.setUTCHours(part('hour') % 24, part('minute'), part('second'));
  return local.getTime() / 1000 - seconds;
}

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  // The names come from expressions.
  if (formats.size >= MAX_FORMATS) formats.clear();
  try {
    const numeric = 'numeric';
    const fields = {
      year: numeric,
      month: numeric,
      day: numeric,
      hour: numeric,
      minute: numeric,
      second: numeric,
    } as const;
    const made = new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', era: 'short', ...fields });
    formats.set(zone, made);
    return made;
  } catch {
    return fail(`unknown time zone ${zone}`);
  }
}
