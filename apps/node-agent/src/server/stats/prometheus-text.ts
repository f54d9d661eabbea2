/** Prometheus' text format, version 0.0.4. */
export const PROMETHEUS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export interface Family {
  name: string;
  type: 'counter' | 'gauge';
  help: string;
}

export interface Measurement {
  labels?: Record<string, string>;
  value: number;
  /** When it was measured; milliseconds. */
  time?: number;
}

export class PrometheusText {
  private lines: string[] = [];

  /** A family without measurements is left out. */
  add({ name, type, help }: Family, measurements: readonly Measurement[]): void {
    if (measurements.length === 0) return;
    this.lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    for (const { labels = {}, value, time } of measurements) {
      const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
      const subject = pairs.length > 0 ? `${name}{${pairs.join(',')}}` : name;
      this.lines.push(`${subject} ${value}${time === undefined ? '' : ` ${Math.round(time)}`}`);
    }
  }

  toString(): string {
    return this.lines.length > 0 ? `${this.lines.join('\n')}\n` : '';
  }
}

function escapeLabel(text: string): string {
  return text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n').replace(/"/g, '\\"');
}
