import { setTimeout as sleep } from 'node:timers/promises';
import { type ClientConfig, HttpTransport } from '#client';
import { type AuditEvent, eventListJson } from '../audit-event.js';
import type { AuditMetrics } from '../audit-metrics.js';
import type { AuditBackend } from './audit-backend.js';

/** The reference's: five attempts, each pause half as long again, give or take a fifth. */
const ATTEMPTS = 5;
const FACTOR = 1.5;
const JITTER = 0.2;
const REQUEST_TIMEOUT_MS = 30_000;

/** POSTs EventLists to the server of a kubeconfig. */
export class WebhookBackend implements AuditBackend {
  private readonly transport: HttpTransport;

  constructor(
    config: ClientConfig,
    private readonly initialBackoffMs: number,
    private readonly metrics: AuditMetrics,
    /** Aborted when the server stops: the last attempts are made without pauses. */
    private readonly stopping: AbortSignal,
  ) {
    this.transport = new HttpTransport(config, {
      userAgent: 'kube-apiserver-audit',
      timeout: REQUEST_TIMEOUT_MS,
      // The attempts have pauses of their own, which end when the server stops.
      followRetryAfter: false,
    });
  }

  async process(events: readonly AuditEvent[]): Promise<boolean> {
    let body: string;
    try {
      body = eventListJson(events);
    } catch (error) {
      this.metrics.failed('webhook', error, events);
      return false;
    }
    let pause = this.initialBackoffMs;
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.post(body);
        return true;
      } catch (error) {
        if (attempt >= ATTEMPTS || this.stopping.aborted) {
          this.metrics.failed('webhook', error, events);
          return false;
        }
      }
      await sleep(pause * (1 + Math.random() * JITTER), undefined, { signal: this.stopping }).catch(() => {});
      pause *= FACTOR;
    }
  }

  close(): Promise<void> {
    this.transport.close();
    return Promise.resolve();
  }

  private async post(body: string): Promise<void> {
    const { status } = await this.transport.request({
      method: 'POST',
      path: '',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body,
    });
    if (status < 200 || status > 299) throw new Error(`the audit webhook answered ${status}`);
  }
}
