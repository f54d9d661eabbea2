import type { Functions } from '../check/declarations.js';
import { cel } from '../type.js';
import { type CalendarTime, calendarOf } from '../values/times.js';
import type { Duration, Timestamp } from '../values/value.js';

const PARTS: readonly [string, string, (time: CalendarTime) => number][] = [
  ['getFullYear', 'timestamp_to_year', (time) => time.year],
  ['getMonth', 'timestamp_to_month', (time) => time.month],
  ['getDayOfYear', 'timestamp_to_day_of_year', (time) => time.yearDay],
  ['getDayOfMonth', 'timestamp_to_day_of_month', (time) => time.day - 1],
  ['getDate', 'timestamp_to_day_of_month_1_based', (time) => time.day],
  ['getDayOfWeek', 'timestamp_to_day_of_week', (time) => time.weekday],
  ['getHours', 'timestamp_to_hours', (time) => time.hour],
  ['getMinutes', 'timestamp_to_minutes', (time) => time.minute],
  ['getSeconds', 'timestamp_to_seconds', (time) => time.second],
  ['getMilliseconds', 'timestamp_to_milliseconds', (time) => time.millis],
];

/** Whole units of a duration, in nanoseconds. */
const LENGTHS: readonly [string, string, bigint][] = [
  ['getHours', 'duration_to_hours', 3_600_000_000_000n],
  ['getMinutes', 'duration_to_minutes', 60_000_000_000n],
  ['getSeconds', 'duration_to_seconds', 1_000_000_000n],
  ['getMilliseconds', 'duration_to_milliseconds', 1_000_000n],
];

export function declareTimes(functions: Functions): void {
  const { timestamp, duration, int, string } = cel;
  for (const [name, id, part] of PARTS) {
    functions.member(name, id, [timestamp], int, (time) => BigInt(part(calendarOf(time as Timestamp, 'UTC'))));
    functions.member(name, `${id}_with_tz`, [timestamp, string], int, (time, zone) =>
      BigInt(part(calendarOf(time as Timestamp, zone as string))),
    );
  }
  for (const [name, id, unit] of LENGTHS) {
    functions.member(name, id, [duration], int, (length) => (length as Duration).nanos / unit);
  }
}
