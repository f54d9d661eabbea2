import { formatMicroTime, isAlreadyExists, isConflict, isNotFound, type KubeObject } from '#apimachinery';
import type { Cell, MetricsRegistry } from '#telemetry';
import type { Client } from './client.js';
import { type Clock, delay } from './clock.js';
import type { Logger } from './logger.js';

/** At most. */
const LEASES_OF_A_PROCESS = 20;
const LEASES = { group: 'coordination.k8s.io', version: 'v1', resource: 'leases' };

export interface LeaderElectionOptions {
  client: Client;
  clock: Clock;
  random: () => number;
  logger: Logger;
  /** Absent: nobody is told who leads. */
  metrics?: MetricsRegistry;
  namespace: string;
  name: string;
  /** Unique to this process. */
  identity: string;
  /** Milliseconds. How long a silent leader is believed; default 15 s. */
  leaseDuration?: number;
  /** How long a leader that cannot renew goes on; default 10 s. */
  renewDeadline?: number;
  /** Between tries; default 2 s. */
  retryPeriod?: number;
}

/** A Lease as this process has last seen it change. Ages count from the local clock, never from the writer's. */
interface Observation {
  spec: LeaseSpec;
  /** holder, times and transitions in one text: a change of it is a sign of life. */
  record: string;
  at: number;
}

interface LeaseSpec {
  holderIdentity?: string;
  leaseDurationSeconds?: number;
  acquireTime?: string;
  renewTime?: string;
  leaseTransitions?: number;
}

/** May `identity` take or keep the Lease now? */
export function mayHold(observed: Observation | undefined, identity: string, now: number): boolean {
  if (!observed?.spec.holderIdentity || observed.spec.holderIdentity === identity) return true;
  return observed.at + (observed.spec.leaseDurationSeconds ?? 0) * 1000 <= now;
}

/** Who leads is who holds a Lease: one process at a time, with upstream's timing. */
export class LeaderElection {
  private readonly options: Required<Omit<LeaderElectionOptions, 'metrics'>>;
  private readonly status: Cell | undefined;
  private observed: Observation | undefined;
  private lease: KubeObject | undefined;

  constructor(options: LeaderElectionOptions) {
    this.options = { leaseDuration: 15_000, renewDeadline: 10_000, retryPeriod: 2_000, ...options };
    this.status = options.metrics
      ?.gauge({
        name: 'leader_election_master_status',
        help: 'Whether this process holds the Lease: 1 or 0.',
        labels: { name: LEASES_OF_A_PROCESS },
      })
      .cell(options.name);
  }

  /** The holder that was seen last. */
  get leader(): string {
    return this.observed?.spec.holderIdentity ?? '';
  }

  /**
   * Waits for leadership, then runs `lead` with a signal that fires when leadership is lost or `signal` fires. Resolves
   * after `lead` has; the Lease is given up on an orderly end, so that a successor need not wait. Resolves with true when
   * leadership was lost against the will of the caller.
   */
  async run(signal: AbortSignal, lead: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
    const { clock, random, retryPeriod, logger, name } = this.options;
    while (!signal.aborted && !(await this.attempt())) {
      await delay(clock, retryPeriod * (1 + random() * 1.2), signal);
    }
    if (signal.aborted) return false;
    logger.info('became leader', { lease: name });
    if (this.status) this.status.value = 1;
    const term = new AbortController();
    const over = lead(AbortSignal.any([signal, term.signal]));
    const ended = over.then(
      () => true,
      () => true,
    );
    let finished = false;
    void ended.then(() => (finished = true));
    const lost = await this.renew(signal, () => finished);
    term.abort();
    await ended;
    if (this.status) this.status.value = 0;
    if (!lost) await this.release();
    else logger.error('lost leadership', { lease: name });
    await over;
    return lost;
  }

  /** Renews until told to stop (false) or until the deadline passes without success (true). */
  private async renew(signal: AbortSignal, finished: () => boolean): Promise<boolean> {
    const { clock, retryPeriod, renewDeadline } = this.options;
    let renewedAt = clock.now();
    for (;;) {
      await delay(clock, retryPeriod, signal);
      if (signal.aborted || finished()) return false;
      if (await this.attempt()) renewedAt = clock.now();
      else if (clock.now() - renewedAt >= renewDeadline) return true;
    }
  }

  /** One try to take or renew. A leader that goes on renews without reading first. */
  private async attempt(): Promise<boolean> {
    const { clock, identity, leaseDuration, logger, name } = this.options;
    try {
      if (!this.lease || this.leader !== identity) await this.read();
      const now = clock.now();
      const stamp = formatMicroTime(new Date(now));
      if (!mayHold(this.observed, identity, now)) return false;
      const old = this.observed?.spec;
      const mine = old?.holderIdentity === identity;
      await this.write({
        holderIdentity: identity,
        leaseDurationSeconds: leaseDuration / 1000,
        acquireTime: mine ? old.acquireTime : stamp,
        renewTime: stamp,
        leaseTransitions: (old?.leaseTransitions ?? 0) + (old && !mine ? 1 : 0),
      });
      return true;
    } catch (error) {
      this.lease = undefined;
      if (!isConflict(error) && !isAlreadyExists(error)) {
        logger.warn('cannot take or renew the lease', { lease: name, error });
      }
      return false;
    }
  }

  private async read(): Promise<void> {
    const { client, namespace, name } = this.options;
    try {
      this.observe(await client.get(LEASES, namespace, name));
    } catch (error) {
      if (!isNotFound(error)) throw error;
      this.lease = undefined;
      this.observed = undefined;
    }
  }

  private async write(spec: LeaseSpec): Promise<void> {
    const { client, namespace, name } = this.options;
    if (this.lease) this.observe(await client.update(LEASES, namespace, { ...this.lease, spec }));
    else {
      const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { namespace, name }, spec };
      this.observe(await client.create<KubeObject>(LEASES, namespace, lease));
    }
  }

  private observe(lease: KubeObject): void {
    const spec: LeaseSpec = lease['spec'] ?? {};
    const record = [spec.holderIdentity, spec.acquireTime, spec.renewTime, spec.leaseTransitions].join('|');
    if (record !== this.observed?.record) this.observed = { spec, record, at: this.options.clock.now() };
    this.lease = lease;
  }

  private async release(): Promise<void> {
    if (this.leader !== this.options.identity) return;
    const now = formatMicroTime(new Date(this.options.clock.now()));
    const transitions = this.observed?.spec.leaseTransitions ?? 0;
    await this.write({
      holderIdentity: '',
      leaseDurationSeconds: 1,
      acquireTime: now,
      renewTime: now,
      leaseTransitions: transitions,
    }).catch(() => {});
  }
}
