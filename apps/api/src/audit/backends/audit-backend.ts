import type { AuditEvent } from '../audit-event.js';

/** Where events go. Events of one request are given in their order. */
export interface AuditBackend {
  /** Never rejects: resolves with false when an event was not stored, and that matters to its request. */
  process(events: readonly AuditEvent[]): Promise<boolean>;
  /** Resolves when all events that were given are stored, or lost. */
  close(): Promise<void>;
}

/** Gives events to several back ends. */
export function unionBackend(backends: readonly AuditBackend[]): AuditBackend {
  return {
    async process(events) {
      const stored = await Promise.all(backends.map((backend) => backend.process(events)));
      return stored.every(Boolean);
    },
    async close() {
      await Promise.all(backends.map((backend) => backend.close()));
    },
  };
}

/** The mode `blocking`: a request waits for its event, and is served also when the event is lost. */
export function ignoringErrors(backend: AuditBackend): AuditBackend {
  return {
    async process(events) {
      await backend.process(events);
      return true;
    },
    close: () => backend.close(),
  };
}
