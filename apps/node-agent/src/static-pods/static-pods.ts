import { isAlreadyExists, isConflict, isNotFound } from '#apimachinery';
import { type Client, ControlLoop, type Logger, type Requeue, realClock } from '#client';
import type { Node, PodStatus } from '#kinds';
import { type Pod, podKey } from '../pod/pod.js';
import { isStatic } from '../pod/pod-source.js';
import { PODS, type StatusWriter } from '../report/status-writer.js';
import { ManifestPath } from './manifest-path.js';
import { mirrorOf, mirrorStep } from './mirror-pod.js';

/** Milliseconds. */
const RETRY = 2000;
const TAKEN_RETRY = 10_000;

export interface StaticPodsOptions {
  /** Undefined: there are none, only copies of earlier ones that have to go. */
  path: string | undefined;
  nodeName: string;
  client: Client;
  writer: StatusWriter;
  logger: Logger;
  /** As the API server has it; undefined until it is known. */
  node(): Node | undefined;
  /** The API server's pods of this node are known. */
  isSynced(): boolean;
}

/** Runs pods, and stops them. */
export interface PodRunner {
  set(pod: Pod): void;
  delete(uid: string): void;
}

/**
 * Pods that files of the node describe. They run without the API server; it has copies of them, for others to see. By
 * `namespace/name`, since of two pods of one name the second waits until the first has gone.
 */
export class StaticPods {
  private wanted = new Map<string, Pod>();
  private readonly running = new Map<string, Pod>();
  private readonly mirrors = new Map<string, Pod>();
  private readonly statuses = new Map<string, PodStatus>();
  private readonly loop: ControlLoop;
  /** Undefined before the start. */
  private runner: PodRunner | undefined;

  constructor(private readonly options: StaticPodsOptions) {
    const reconcile = (key: string) => this.reconcileMirror(key);
    this.loop = new ControlLoop({ name: 'mirror-pods', clock: realClock, logger: options.logger, reconcile });
  }

  /** Resolves when the path was read once and its pods have begun. */
  async start(signal: AbortSignal, runner: PodRunner): Promise<void> {
    this.runner = runner;
    const { path, nodeName, logger } = this.options;
    void this.loop.run(signal);
    if (path === undefined) return;
    await new ManifestPath(path, nodeName, logger, (pods) => this.set(pods)).start(signal);
  }

  /** The API's copy came or changed. */
  setMirror(mirror: Pod): void {
    this.mirrors.set(podKey(mirror), mirror);
    this.loop.add(podKey(mirror));
  }

  deleteMirror(mirror: Pod): void {
    const key = podKey(mirror);
    if (this.mirrors.get(key)?.metadata.uid === mirror.metadata.uid) this.mirrors.delete(key);
    this.options.writer.forget(mirror.metadata.uid);
    this.loop.add(key);
  }

  /** The API server's pods are known: copies of what no longer is can go. */
  podsSynced(): void {
    for (const key of this.mirrors.keys()) this.loop.add(key);
  }

  /** Nothing is left of a pod that was stopped. */
  podRemoved(uid: string): void {
    for (const [key, pod] of this.running) {
      if (pod.metadata.uid !== uid) continue;
      this.running.delete(key);
      this.statuses.delete(key);
      this.begin(key);
    }
  }

  /** The status of a static pod goes to its copy. False for a pod of the API. */
  report(pod: Pod, status: PodStatus): boolean {
    if (!isStatic(pod)) return false;
    const key = podKey(pod);
    this.statuses.set(key, status);
    this.loop.add(key);
    return true;
  }

  private set(pods: Pod[]): void {
    this.wanted = new Map(pods.map((pod) => [podKey(pod), pod]));
    for (const [key, { metadata }] of this.running) {
      if (this.wanted.get(key)?.metadata.uid !== metadata.uid) this.runner?.delete(metadata.uid);
    }
    for (const key of this.wanted.keys()) this.begin(key);
  }

  private begin(key: string): void {
    const pod = this.wanted.get(key);
    this.loop.add(key);
    if (!pod || this.running.has(key)) return;
    this.options.logger.info('a static pod begins', { pod: key, uid: pod.metadata.uid });
    this.running.set(key, pod);
    this.runner?.set(pod);
  }

  private async reconcileMirror(key: string): Promise<Requeue | undefined> {
    if (!this.options.isSynced()) return { requeueAfter: RETRY };
    const { client, logger } = this.options;
    const pod = this.running.get(key);
    const mirror = this.mirrors.get(key);
    try {
      switch (mirrorStep(pod, mirror)) {
        case 'create':
          return await this.create(pod!);
        case 'delete': {
          const { namespace, name, uid } = mirror!.metadata;
          await client.delete(PODS, namespace, name, { gracePeriodSeconds: 0, preconditions: { uid } });
          return undefined;
        }
        case 'report':
          this.write(mirror!, this.statuses.get(key));
          return undefined;
        case 'none':
          return undefined;
      }
    } catch (error) {
      // The watch will say what is there, unless another node has a pod of that name.
      if (isAlreadyExists(error)) return { requeueAfter: TAKEN_RETRY };
      if (isNotFound(error) || isConflict(error)) return undefined;
      logger.warn('mirror pod not brought up to date', { pod: key, error });
      return { requeueAfter: RETRY };
    }
  }

  private async create(pod: Pod): Promise<Requeue | undefined> {
    const { client, node } = this.options;
    const owner = node();
    if (!owner) return { requeueAfter: RETRY };
    await client.create(PODS, pod.metadata.namespace, mirrorOf(pod, owner));
    return undefined;
  }

  private write(mirror: Pod, status: PodStatus | undefined): void {
    if (!status) return;
    const startTime = mirror.status.startTime ?? status.startTime;
    this.options.writer.set(mirror, { ...status, ...(startTime ? { startTime } : {}) });
  }
}
