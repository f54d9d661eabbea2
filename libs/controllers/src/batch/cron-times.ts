import type { CronSchedule } from '#kinds';
import type { TimeZone, WallTime } from './zoned-time.js';

/** When a schedule fires. Instants are milliseconds since the epoch. */
export interface CronTimes {
  /** The first time after the instant; undefined when there is none in the next five years. */
  next(after: number): number | undefined;
}

const SECOND = 1000;
const MINUTE = 60_000;
const HOUR = 3_600_000;
/** A schedule that fires less often than this never does: the 31st of February. */
const YEARS = 5;

export function cronTimes(schedule: CronSchedule, zone: TimeZone): CronTimes {
  const { every } = schedule;
  if (every !== undefined) return { next: (after) => Math.floor(after / SECOND) * SECOND + every * SECOND };
  return { next: (after) => nextOf(schedule, zone, after) };
}

function matchesDay({ dayOfMonth, dayOfWeek, anyDay }: CronSchedule, { day, weekday }: WallTime): boolean {
  const [inMonth, inWeek] = [dayOfMonth.has(day), dayOfWeek.has(weekday)];
  return anyDay ? inMonth && inWeek : inMonth || inWeek;
}

/**
 * Moves on field by field, the largest first, until all match; whenever a field begins anew, those above it are looked at again.
 * Hours and minutes pass as time does, and not as clocks show: so a time that clocks skip does not fire, and one that they show
 * twice fires twice.
 */
function nextOf(schedule: CronSchedule, zone: TimeZone, after: number): number | undefined {
  let time = Math.floor(after / SECOND) * SECOND + SECOND;
  let wall = zone.wallTime(time);
  const to = (instant: number) => {
    time = instant;
    wall = zone.wallTime(instant);
  };
  const lastYear = wall.year + YEARS;
  /** Once a field was moved, the smaller ones are at their beginning. */
  let moved = false;
  again: while (wall.year <= lastYear) {
    while (!schedule.month.has(wall.month)) {
      if (!moved) to(zone.instant(wall.year, wall.month, 1));
      moved = true;
      to(zone.instant(wall.year, wall.month + 1, wall.day, wall.hour, wall.minute, wall.second));
      if (wall.month === 1) continue again;
    }
    while (!matchesDay(schedule, wall)) {
      if (!moved) to(zone.instant(wall.year, wall.month, wall.day));
      moved = true;
      const before = time;
      to(zone.instant(wall.year, wall.month, wall.day + 1, wall.hour, wall.minute, wall.second));
      // In some zones clocks are moved at midnight.
      if (wall.hour > 12) to(time + (24 - wall.hour) * HOUR);
      else if (wall.hour > 0) to(time - wall.hour * HOUR);
      // Samoa had no 30th of December in 2011: such a day leads back to the one before it.
      if (time <= before) to(before + 24 * HOUR);
      if (wall.day === 1) continue again;
    }
    while (!schedule.hour.has(wall.hour)) {
      if (!moved) to(zone.instant(wall.year, wall.month, wall.day, wall.hour));
      moved = true;
      to(time + HOUR);
      if (wall.hour === 0) continue again;
    }
    while (!schedule.minute.has(wall.minute)) {
      if (!moved) to(Math.floor(time / MINUTE) * MINUTE);
      moved = true;
      to(time + MINUTE);
      if (wall.minute === 0) continue again;
    }
    // Schedules fire at second 0.
    while (wall.second !== 0) {
      moved = true;
      to(time + SECOND);
      if (wall.second === 0) continue again;
    }
    return time;
  }
  return undefined;
}
