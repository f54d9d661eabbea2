/**
 * Wall clocks of time zones. Instants are milliseconds since the epoch; where clocks are moved, times that exist twice or not at
 * all are read as Go reads them, because schedules must fire when the reference's do.
 */

export type { TimeZone };

export interface WallTime {
  year: number;
  /** 1 to 12. */
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  /** Sunday is 0. */
  weekday: number;
}

const DAY = 86_400_000;
const DAYS_KEPT = 4000;
const ZONES_KEPT = 1000;

class TimeZone {
  private readonly days = new Map<number, number>();
  private readonly format: Intl.DateTimeFormat | undefined;

  constructor(name: string) {
    if (name === 'UTC' || name === '') return;
    const options = { timeZone: name, hourCycle: 'h23' } as const;
    const fields = ['year', 'month', 'day', 'hour', 'minute', 'second'].map((field) => [field, 'numeric']);
    this.format = new Intl.DateTimeFormat('en-US', { ...options, ...Object.fromEntries(fields) });
  }

  /** Milliseconds that the zone is ahead of UTC at the instant. */
  offsetAt(instant: number): number {
    if (!this.format) return 0;
    // Formatting takes microseconds, and a schedule that never fires asks for five years of days.
    const day = Math.floor(instant / DAY);
    const offset = this.offsetAtDay(day);
    return offset === this.offsetAtDay(day + 1) ? offset : this.read(instant);
  }

  /** At its beginning. */
  private offsetAtDay(day: number): number {
    let offset = this.days.get(day);
    if (offset === undefined) {
      if (this.days.size >= DAYS_KEPT) this.days.clear();
      offset = this.read(day * DAY);
      this.days.set(day, offset);
    }
    return offset;
  }

  private read(instant: number): number {
    const second = Math.floor(instant / 1000) * 1000;
    const parts = new Map(this.format!.formatToParts(second).map(({ type, value }) => [type, value]));
    const field = (name: Intl.DateTimeFormatPartTypes) => Number(parts.get(name));
    const shown = utc(field('year'), field('month'), field('day'), field('hour'), field('minute'), field('second'));
    return shown - second;
  }

  wallTime(instant: number): WallTime {
    const date = new Date(instant + this.offsetAt(instant));
    return {
      year: date.getUTCFullYear(),
      month: date.getUTCMonth() + 1,
      day: date.getUTCDate(),
      hour: date.getUTCHours(),
      minute: date.getUTCMinutes(),
      second: date.getUTCSeconds(),
      weekday: date.getUTCDay(),
    };
  }

  /** The instant when clocks show this; fields beyond their range carry over. */
  instant(year: number, month: number, day: number, hour = 0, minute = 0, second = 0): number {
    const shown = utc(year, month, day, hour, minute, second);
    // The offset of the time read as UTC may be another one than that of the time itself.
    return shown - this.offsetAt(shown - this.offsetAt(shown));
  }

  /** RFC 3339 with the zone's offset. */
  text(instant: number): string {
    const offset = this.offsetAt(instant);
    const shown = new Date(instant + offset).toISOString().slice(0, 19);
    if (offset === 0) return `${shown}Z`;
    const minutes = Math.trunc(Math.abs(offset) / 60_000);
    const two = (value: number) => String(value).padStart(2, '0');
    return `${shown}${offset < 0 ? '-' : '+'}${two(Math.trunc(minutes / 60))}:${two(minutes % 60)}`;
  }
}

const zones = new Map<string, TimeZone>();

/** The zone of an IANA name; '' is UTC. Throws RangeError for what is none. */
export function timeZone(name: string): TimeZone {
  let zone = zones.get(name);
  if (!zone) {
    zone = new TimeZone(name);
    // IANA has fewer names; but Intl takes each of them in any case of letters.
    if (zones.size >= ZONES_KEPT) zones.clear();
    zones.set(name, zone);
  }
  return zone;
}

/** The zone of this process. */
export function localZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

function utc(year: number, month: number, day: number, hour: number, minute: number, second: number): number {
  return Date.UTC(year, month - 1, day, hour, minute, second);
}
