import { type Clock, delay, type EventRecorder, type Logger, objectKey, type SharedInformers } from '#client';
import { gvr, type NetworkPolicy, type Pod } from '#kinds';
import { PolicyIndex } from './policy-index.js';
import type { PolicyMetrics } from './policy-metrics.js';
import { withoutRules } from './policy-rules.js';
import { PolicySources } from './policy-sources.js';
import type { PolicyModel, PolicySync, PolicyTable } from './policy-table.js';

/** Milliseconds in which changes are gathered: a rollout changes many pods in a row. */
const GATHER = 10;
const RETRY = 1000;
/** How often somebody else's flush would go unnoticed at most. */
const VERIFY = 30_000;

export interface PolicyEnforcerOptions {
  nodeName: string;
  informers: SharedInformers;
  /** Follows all pods, namespaces and policies. */
  peers: SharedInformers;
  table: PolicyTable;
  /** Another one, for when the first is broken. */
  open(): PolicyTable;
  /** Why not all traffic of pods meets the rules; undefined when it does. */
  gap(): string | undefined;
  events: EventRecorder;
  clock: Clock;
  logger: Logger;
  metrics: PolicyMetrics;
}

interface Waiting {
  key: string;
  resolve(): void;
  reject(error: unknown): void;
}

/** Keeps the kernel's rules equal to the NetworkPolicies, pods and namespaces of the cluster. */
export class PolicyEnforcer {
  private readonly index: PolicyIndex;
  private readonly sources: PolicySources;
  private table: PolicyTable;
  private wake: (() => void) | undefined;
  private waiting: Waiting[] = [];
  /** What was said of each policy that is refused: it is said once. */
  private readonly said = new Map<string, string>();
  /** Pods that the table does not take, with why: they do not start. */
  private readonly untaken = new Map<string, string>();
  /** The table has only a part of what was taken from the index. */
  private partial = false;
  private gap: string | undefined;

  constructor(private readonly options: PolicyEnforcerOptions) {
    const { nodeName, informers, peers, metrics } = options;
    this.table = options.table;
    this.index = new PolicyIndex(nodeName);
    this.sources = new PolicySources({ informers, peers, index: this.index, onChange: () => this.wake?.() });
    metrics.show(this.index);
  }

  /**
   * Resolves when all that isolates the pod is in the kernel for these addresses; rejects when it cannot be.
   * @param waits - whether to wait for the API, which a pod of a manifest must not
   */
  async isolate(pod: Pod, addresses: readonly string[], waits: boolean, signal: AbortSignal): Promise<void> {
    if (addresses.length === 0) throw new Error('the addresses of the sandbox are not known');
    if (waits) await this.sources.whenSynced(signal);
    const key = objectKey(pod);
    this.sources.claim(key, pod, addresses);
    if (!this.index.isIsolated(key) || (!waits && !this.sources.knowsPolicies)) return;
    await new Promise<void>((resolve, reject) => {
      this.waiting.push({ key, resolve, reject });
      this.wake?.();
    });
  }

  /** The pod is gone from this node. */
  release(uid: string): void {
    this.sources.release(uid);
  }

  /** Runs until the signal fires. Rules stay in the kernel then, and go on holding. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger, metrics, peers } = this.options;
    peers.start(signal);
    signal.addEventListener('abort', () => this.wake?.(), { once: true });
    let verifyAt = clock.now() + VERIFY;
    let first = true;
    while (!signal.aborted) {
      let served: Waiting[] = [];
      try {
        // A sync before everything is known would take rules away that are still needed.
        await this.sources.whenSynced(signal);
        served = this.waiting.splice(0);
        if (this.set() || first || served.length > 0) this.synced(await this.sync());
        first = false;
        for (const waiting of served) this.answer(waiting);
        if (clock.now() >= verifyAt) {
          await this.verify();
          verifyAt = clock.now() + VERIFY;
        }
        if (!this.index.isDirty && this.waiting.length === 0) await this.sleepUntilTouched(verifyAt - clock.now());
        await delay(clock, GATHER, signal);
      } catch (error) {
        for (const { reject } of served) reject(error);
        if (signal.aborted) return;
        metrics.failed();
        metrics.setEnforced(false);
        logger.error('rules of NetworkPolicies could not be written', { error });
        first = true;
        await delay(clock, RETRY, signal);
      }
    }
  }

  private async sync(): Promise<PolicySync> {
    const begun = performance.now();
    const result = await this.table.sync();
    this.options.metrics.synced(performance.now() - begun, result);
    if (result.full && this.index.policyCount > 0) {
      const ms = Math.round(performance.now() - begun);
      this.options.logger.info('rules of NetworkPolicies written', { written: result.written, ms });
    }
    return result;
  }

  private async verify(): Promise<void> {
    const { logger, metrics } = this.options;
    const repaired = await this.table.verify();
    if (repaired?.full) {
      metrics.repaired();
      logger.warn('rules of NetworkPolicies were missing and have been restored');
    }
    if (repaired) this.synced(repaired);
    else this.lookForGap();
  }

  private synced({ refused }: PolicySync): void {
    for (const { policy, family, message } of refused) this.refuse(policy, `${family}: ${message}`);
    this.lookForGap();
  }

  private answer({ key, resolve, reject }: Waiting): void {
    const message = this.untaken.get(key);
    if (message === undefined) resolve();
    else reject(new Error(message));
  }

  /** True when there was anything to set. After it throws, the next call sets everything in another table. */
  private set(): boolean {
    if (this.table.broken || this.partial) {
      this.table = this.options.open();
      this.index.forget();
      this.untaken.clear();
    }
    this.partial = true;
    const { policies, pods, unreadable } = this.index.take();
    for (const [key, model] of policies) {
      this.said.delete(key);
      try {
        this.table.setPolicy(key, model);
      } catch (error) {
        this.refuse(key, (error as Error).message);
        this.table.setPolicy(key, JSON.stringify(withoutRules(JSON.parse(model) as PolicyModel)));
      }
    }
    for (const [key, message] of unreadable) this.refuse(key, message);
    for (const [key, model] of pods) this.setPod(key, model);
    this.partial = false;
    return policies.size + pods.size > 0;
  }

  /** One pod that the table does not take keeps no other. */
  private setPod(key: string, model: string): void {
    this.untaken.delete(key);
    try {
      this.table.setPod(key, model);
    } catch (error) {
      const { message } = error as Error;
      this.options.metrics.failed();
      this.options.logger.error('no rules can be made for a pod; policies ignore it', { pod: key, message });
      this.untaken.set(key, message);
      this.table.setPod(key, '');
    }
  }

  private refuse(key: string, message: string): void {
    const { events, logger, metrics, nodeName } = this.options;
    metrics.refused();
    if (this.said.get(key) === message) return;
    this.said.set(key, message);
    logger.error('a NetworkPolicy cannot be enforced; it lets nothing pass', { policy: key, message });
    const policy = this.sources.policy(key);
    const text = `Node ${nodeName} cannot write the rules of this policy, which lets nothing pass until then: ${message}`;
    if (policy) events.event(policy, 'Warning', 'FailedToEnforceNetworkPolicy', text);
  }

  /** Traffic that passes no rules is told of on the node, once there is a policy. */
  private lookForGap(): void {
    const gap = this.options.gap();
    this.options.metrics.setEnforced(gap === undefined);
    if (this.index.policyCount === 0 || gap === this.gap) return;
    this.gap = gap;
    if (gap !== undefined) reportGap(this.options, gap);
  }

  private async sleepUntilTouched(milliseconds: number): Promise<void> {
    const touched = new AbortController();
    this.wake = () => touched.abort();
    await delay(this.options.clock, Math.max(milliseconds, 1), touched.signal);
    this.wake = undefined;
  }
}

type Reporting = Pick<PolicyEnforcerOptions, 'nodeName' | 'events' | 'logger'>;

export function reportGap({ nodeName, events, logger }: Reporting, why: string): void {
  logger.error('NetworkPolicies are not enforced on this node', { reason: why });
  // As kubelet refers to its node in events.
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName, uid: nodeName } };
  const text = `NetworkPolicies are not enforced for pods of this node: ${why}`;
  events.event(node, 'Warning', 'NetworkPolicyNotEnforced', text);
}

/** For a node that cannot enforce policies: tells of it once there is one. */
export function reportUnenforced(options: Reporting & Pick<PolicyEnforcerOptions, 'peers'>, why: string): void {
  options.logger.warn('this node cannot enforce NetworkPolicies', { reason: why });
  let told = false;
  const tell = (_policy: NetworkPolicy) => {
    if (told) return;
    told = true;
    reportGap(options, why);
  };
  options.peers.for<NetworkPolicy>(gvr.networkpolicies).addHandler({ add: tell });
}
