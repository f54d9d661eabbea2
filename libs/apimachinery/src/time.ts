import { quote } from './go-format.js';

/** Times and durations as the API writes them. */

/** meta/v1 Time: RFC 3339 in UTC, whole seconds. */
export function formatTime(date: Date): string {
  const time = date.getTime();
  if (time !== lastTime) {
    lastSecond = `${date.toISOString().slice(0, 19)}Z`;
    lastTime = time;
  }
  return lastSecond;
}

// Several timestamps of one write are the same one.
let lastTime = Number.NaN;
let lastSecond = '';

/** meta/v1 MicroTime: always six digits of fraction. */
export function formatMicroTime(date: Date): string {
  return `${date.toISOString().slice(0, -1)}000Z`;
}

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/** Milliseconds since the epoch (finer parts are cut off); undefined when it is no RFC 3339 time. */
export function parseTime(text: string): number | undefined {
  const match = RFC3339.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction = '', sign, offsetHour, offsetMinute] = match;
  const parts = [year, month, day, hour, minute, second].map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const utc = Date.UTC(parts[0], parts[1] - 1, parts[2], parts[3], parts[4], parts[5]);
  const check = new Date(utc);
  // Date rolls over what is out of range; RFC 3339 does not.
  if (check.getUTCMonth() !== parts[1] - 1 || check.getUTCDate() !== parts[2] || parts[3] > 23) return undefined;
  if (parts[4] > 59 || parts[5] > 59) return undefined;
  const millis = Number(fraction.slice(0, 3).padEnd(3, '0'));
  const offset = sign === undefined ? 0 : (Number(offsetHour) * 60 + Number(offsetMinute)) * (sign === '-' ? -1 : 1);
  return utc + millis - offset * 60_000;
}

const SECOND = 1;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

/** An age with two or three significant figures, as tables show it (`3m20s`, `5d4h`). Milliseconds. */
export function humanDuration(millis: number): string {
  const seconds = Math.trunc(millis / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 2 * MINUTE) return `${seconds}s`;
  if (seconds < 10 * MINUTE) return twoUnits(seconds, MINUTE, 'm', SECOND, 's', 60);
  if (seconds < 3 * HOUR) return `${Math.floor(seconds / MINUTE)}m`;
  if (seconds < 8 * HOUR) return twoUnits(seconds, HOUR, 'h', MINUTE, 'm', 60);
  if (seconds < 2 * DAY) return `${Math.floor(seconds / HOUR)}h`;
  if (seconds < 8 * DAY) return twoUnits(seconds, DAY, 'd', HOUR, 'h', 24);
  if (seconds < 2 * YEAR) return `${Math.floor(seconds / DAY)}d`;
  if (seconds < 8 * YEAR) return twoUnits(seconds, YEAR, 'y', DAY, 'd', 365);
  return `${Math.floor(seconds / YEAR)}y`;
}

function twoUnits(seconds: number, big: number, bigUnit: string, small: number, smallUnit: string, modulus: number) {
  const rest = Math.floor(seconds / small) % modulus;
  const whole = `${Math.floor(seconds / big)}${bigUnit}`;
  return rest === 0 ? whole : `${whole}${rest}${smallUnit}`;
}

/** Nanoseconds of Go's duration units; bigints, since int64 nanoseconds do not fit a number. */
const DURATION_UNITS: Record<string, bigint> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

/** Parses Go's duration syntax (`1h30m`, `1.5s`, `-2ms`) to milliseconds. Throws with Go's message. */
export function parseDuration(text: string): number {
  const body = /^[+-]/.test(text) ? text.slice(1) : text;
  const sign = text.startsWith('-') ? -1 : 1;
  if (body === '0') return 0;
  if (body === '') throw new Error(`time: invalid duration ${quote(text)}`);
  let nanos = 0n;
  let at = 0;
  const part = /(\d*)(?:\.(\d*))?([^\d.]*)/y;
  while (at < body.length) {
    part.lastIndex = at;
    const match = part.exec(body)!;
    const [all, whole = '', fraction = '', unit = ''] = match;
    if (whole === '' && fraction === '') throw new Error(`time: invalid duration ${quote(text)}`);
    if (unit === '') throw new Error(`time: missing unit in duration ${quote(text)}`);
    const scale = Object.hasOwn(DURATION_UNITS, unit) ? DURATION_UNITS[unit] : undefined;
    if (scale === undefined) throw new Error(`time: unknown unit ${quote(unit)} in duration ${quote(text)}`);
    nanos += BigInt(whole === '' ? 0 : whole) * scale;
    if (fraction !== '') nanos += (BigInt(fraction) * scale) / 10n ** BigInt(fraction.length);
    if (nanos > 2n ** 63n - 1n) throw new Error(`time: invalid duration ${quote(text)}`);
    at += all.length;
  }
  return (sign * Number(nanos)) / 1e6;
}

/** Prints milliseconds as Go prints a duration: `1h0m0s`, `1.5s`, `20ms`. */
export function formatDuration(millis: number): string {
  const nanos = Math.round(Math.abs(millis) * 1e6);
  if (nanos === 0) return '0s';
  const sign = millis < 0 ? '-' : '';
  if (nanos < 1e3) return `${sign}${nanos}ns`;
  if (nanos < 1e6) return `${sign}${nanos / 1e3}µs`;
  if (nanos < 1e9) return `${sign}${nanos / 1e6}ms`;
  const total = Math.floor(nanos / 1e9);
  const fraction = (nanos % 1e9).toString().padStart(9, '0').replace(/0+$/, '');
  const seconds = `${total % 60}${fraction === '' ? '' : `.${fraction}`}s`;
  const hours = Math.floor(total / HOUR);
  const minutes = Math.floor(total / MINUTE) % 60;
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${sign}${minutes}m${seconds}` : `${sign}${seconds}`;
}
