import type { Cell, CellFamily, MetricsRegistry } from '#telemetry';
import { AUDIT_LEVELS, type AuditEvent, type AuditLevel, legacyLine } from './audit-event.js';

/** Back ends and their wrappers, by the names that the error counter has for them. */
export type AuditPlugin = 'log' | 'webhook' | 'buffered' | 'truncate';

export interface AuditErrorLog {
  error(message: string, fields: Record<string, unknown>): void;
}

/** Counts under the reference's names. */
export class AuditMetrics {
  readonly events: Cell;
  /** Requests that were refused because their first event could not be stored. */
  readonly rejected: Cell;
  private readonly errors: CellFamily;
  private readonly levels = new Map<AuditLevel, Cell>();

  constructor(
    registry: MetricsRegistry,
    private readonly log: AuditErrorLog,
  ) {
    this.events = registry
      .counter({ name: 'apiserver_audit_event_total', help: 'Audit events that were sent to the back ends.' })
      .cell();
    this.rejected = registry
      .counter({
        name: 'apiserver_audit_requests_rejected_total',
        help: 'Requests that were rejected because an audit back end failed.',
      })
      .cell();
    this.errors = registry.counter({
      name: 'apiserver_audit_error_total',
      help: 'Audit events that were not recorded properly, by the plugin that failed.',
      labels: { plugin: ['log', 'webhook', 'buffered', 'truncate'] },
    });
    const levels = registry.counter({
      name: 'apiserver_audit_level_total',
      help: 'Requests by the level that the audit policy gives them.',
      labels: { level: AUDIT_LEVELS },
    });
    for (const level of AUDIT_LEVELS) this.levels.set(level, levels.cell(level));
  }

  level(level: AuditLevel): void {
    this.levels.get(level)!.value += 1;
  }

  /** Events that a plugin has lost. The server's own log names them, without their objects and annotations. */
  failed(plugin: AuditPlugin, error: unknown, events: readonly AuditEvent[]): void {
    this.errors.cell(plugin).value += events.length;
    const lost = events.slice(0, LOGGED_EVENTS).map((event) => legacyLine(event));
    this.log.error('audit events were not recorded', {
      plugin,
      count: events.length,
      events: lost,
      error: (error as Error).message,
    });
  }
}

/** Events of one failure that are logged: a batch may have hundreds. */
const LOGGED_EVENTS = 10;
