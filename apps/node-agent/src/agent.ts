import { mkdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { isConflict, isNotFound } from '#apimachinery';

import { type Client, type EventRecorder, Informer, type Logger, realClock, SharedInformers } from '#client';
import type { PodStatus } from '#kinds';
import { gvr, type Node } from '#kinds';
import { PodAdmission } from './admission/pod-admission.js';
import type { AgentOptions } from './agent-options.js';
import { Eviction } from './eviction/eviction.js';
import { UsageReader } from './eviction/usage-reader.js';
import { kernelPaths } from './execute/kernel-paths.js';
import { parseResolvConf } from './execute/pod-dns.js';
import { unmountContext } from './execute/pod-volumes.js';
import { qosTree } from './execute/qos-tree.js';
import type { StepServices } from './execute/step-services.js';
import { ImageCollector } from './images/image-collector.js';
import { ImageService } from './images/image-service.js';
import { usedImages } from './images/used-images.js';
import { NodeFilesystems } from './node/filesystems.js';
import { rotateLogs } from './node/log-rotation.js';
import { diskUsage, memoryAvailable, minimumOomScore, processCount, readMachine } from './node/machine.js';
import type { NodeFacts } from './node/node-facts.js';
import { NodeLease } from './node/node-lease.js';
import { NodeRegistration } from './node/node-registration.js';
import { allocatable, newNode } from './node/node-status.js';
import type { ObservedPod } from './observe/observed-pod.js';
import { Observer } from './observe/observer.js';
import { removeOrphans } from './pipe/pod-directories.js';
import { PodPool } from './pipe/pod-pool.js';
import { appArmorEnabled } from './pod/apparmor.js';
import type { Pod } from './pod/pod.js';
import { PodPaths } from './pod/pod-paths.js';
import { fromApi, isMirror, isStatic } from './pod/pod-source.js';
import { Prober } from './probes/prober.js';
import { PODS, StatusWriter } from './report/status-writer.js';
import { Cgroups } from './runtime/cgroups.js';
import { CriRuntime } from './runtime/cri.js';
import { StaticPods } from './static-pods/static-pods.js';
import { ConfigObjects } from './sync/config-objects.js';
import { RuntimeClasses } from './sync/runtime-classes.js';
import { ServiceAccountTokens } from './sync/token-source.js';
import { mountMemoryDirectory, systemMounter } from './volumes/mounter.js';

const SERVICES = { group: '', version: 'v1', resource: 'services' };
/** Between looks for leftovers and long logs, and for volumes whose tokens are due. Milliseconds. */
const HOUSEKEEPING = 10_000;
const VOLUME_REFRESH = 60_000;
/** Kubelet's ImageGCPeriod. */
const IMAGE_COLLECTION = 300_000;
const RUNTIME_RETRY = 500;
const PAUSE_LIMIT = 2000;

/** The node agent without its process: what `main` starts, and tests start with a client of their own. */
export class NodeAgent {
  readonly runtime: CriRuntime;
  readonly observer: Observer;
  readonly informers: SharedInformers;
  readonly pool: PodPool;
  readonly registration: NodeRegistration;
  readonly images: ImageCollector;
  readonly eviction: Eviction;
  private readonly services: StepServices;
  private readonly writer: StatusWriter;
  private readonly stop = new AbortController();
  private readonly listeners = new Map<string, Set<() => void>>();
  private readonly objects: ConfigObjects;
  private readonly tokens: ServiceAccountTokens;
  private readonly timers: NodeJS.Timeout[] = [];
  private readonly pods: Informer<Pod>;
  private readonly node: Informer<Node>;
  private readonly staticPods: StaticPods;

  private constructor(
    readonly options: AgentOptions,
    readonly client: Client,
    events: EventRecorder,
    private readonly logger: Logger,
    facts: { node: NodeFacts; machine: ReturnType<typeof readMachine>; runtimeName: string; memoryDirectory: string },
  ) {
    const root = join(options.dataDir, 'agent');
    const paths = new PodPaths(root, options.podLogsDir);
    const now = Date.now;
    this.runtime = new CriRuntime(options.runtimeEndpoint);
    this.informers = new SharedInformers(client, { logger });
    this.objects = new ConfigObjects(client, logger, (uid) => this.referenceChanged(uid));
    this.tokens = new ServiceAccountTokens(client, now);
    this.writer = new StatusWriter(client, logger);
    this.observer = new Observer(
      this.runtime,
      logger,
      (uid, outOfMemory) => this.observed(uid, outOfMemory),
      (uid, container) => paths.container(uid, container),
    );
    const services = this.informers.for(SERVICES);
    const runtimeClasses = new RuntimeClasses(this.informers, this.stop.signal);
    this.services = {
      runtime: this.runtime,
      cgroups: new Cgroups(options.cgroupRoot),
      images: new ImageService(this.runtime),
      paths,
      source: this.objects,
      tokens: this.tokens,
      events,
      logger,
      mounter: systemMounter,
      memoryDirectory: facts.memoryDirectory,
      seccompRoot: join(root, 'seccomp'),
      dns: {
        clusterDns: options.clusterDns,
        clusterDomain: options.clusterDomain,
        host: parseResolvConf(readFileSync('/etc/resolv.conf', 'utf8')),
      },
      node: facts.node,
      services: async (pod) => {
        if (!isStatic(pod)) await services.whenSynced(this.stop.signal);
        return { services: services.list(pod.metadata.namespace), master: services.get('default', 'kubernetes') };
      },
      kernelPaths: kernelPaths(),
      runtimeHandler: (pod) => runtimeClasses.handler(pod),
      deletePod: (pod) => this.deletePod(pod),
      now,
    };
    const prober = new Prober({
      runtime: this.runtime,
      events,
      node: facts.node,
      now,
      onChange: (uid) => this.pool.get(uid)?.wake(),
    });
    this.node = this.informers.for<Node>(gvr.nodes, { fieldSelector: `metadata.name=${options.nodeName}` });
    const unregistered = newNode(options.nodeName, facts.machine, {}) as Node;
    const admission = new PodAdmission({
      node: async (refresh) => (refresh ? await this.freshNode() : this.knownNode()) ?? unregistered,
      allocatable: facts.node.allocatable,
      occupants: () => this.pool.occupants(),
      pressure: () => this.eviction.conditions,
      unsafeSysctls: options.unsafeSysctls,
      appArmor: appArmorEnabled(),
      isComplete: () => this.pool.isComplete,
      events,
      logger,
    });
    const context = {
      admission,
      services: this.services,
      observer: this.observer,
      writer: {
        set: (pod: Pod, status: PodStatus) => {
          if (!this.staticPods.report(pod, status)) this.writer.set(pod, status);
        },
        forget: (uid: string) => this.writer.forget(uid),
      },
      prober,
      logger,
      runtimeName: facts.runtimeName,
    };
    const onGone = (uid: string) => {
      this.objects.unregister(uid);
      this.tokens.forget(uid);
      this.staticPods.gone(uid);
    };
    // A runtime with a network of our own is ours; in another one, ours are the pods that have a folder here.
    const isOurs = async (uid: string) =>
      options.cniConfigDir !== undefined || paths.files.exists(paths.pod(uid)).catch(() => false);
    this.pool = new PodPool(context, this.observer, logger, onGone, isOurs);
    this.staticPods = new StaticPods({
      path: options.podManifestPath,
      nodeName: options.nodeName,
      client,
      writer: this.writer,
      logger,
      node: () => this.knownNode(),
      isSynced: () => this.pods.hasSynced,
      run: (pod) => this.pool.set(pod),
      stop: (uid) => this.pool.delete(uid),
    });
    const filesystems = new NodeFilesystems(this.runtime, root);
    this.images = new ImageCollector({
      runtime: this.runtime,
      filesystems,
      policy: options.imagePolicy,
      used: () =>
        usedImages(
          this.pool.occupants().map(({ pod }) => pod),
          this.observer.pods(),
        ),
      node: () => this.knownNode() ?? unregistered,
      events,
      logger,
      now,
    });
    this.eviction = new Eviction({
      thresholds: options.evictionThresholds,
      measure: async () => ({
        memory: { available: memoryAvailable(), capacity: facts.machine.memory },
        filesystems: await filesystems.usage(),
        processes: processCount(),
      }),
      usages: new UsageReader(this.runtime, this.services.cgroups, this.services.paths, (uid) =>
        this.observer.get(uid),
      ),
      images: this.images,
      discardEnded: () => this.pool.discardEnded(),
      occupants: () => this.pool.occupants(),
      node: () => this.knownNode() ?? unregistered,
      events,
      logger,
      now,
    });
    this.registration = new NodeRegistration({
      client,
      runtime: this.runtime,
      events,
      logger,
      machine: facts.machine,
      nodeName: options.nodeName,
      nodeIps: options.nodeIps,
      port: options.port,
      filesystems,
      thresholds: options.evictionThresholds,
      pressure: () => this.eviction.conditions,
      now,
    });
    this.pods = new Informer<Pod>(
      PODS,
      { client, clock: realClock, random: Math.random, logger },
      { fieldSelector: `spec.nodeName=${options.nodeName}` },
    );
  }

  /** Waits for the runtime, then begins. Resolves when the node is registered and its pods are known. */
  static async start(
    options: AgentOptions,
    client: Client,
    events: EventRecorder,
    logger: Logger,
    onCreated?: (agent: NodeAgent) => void,
  ): Promise<NodeAgent> {
    const root = join(options.dataDir, 'agent');
    mkdirSync(join(root, 'pods'), { recursive: true, mode: 0o750 });
    mkdirSync(options.podLogsDir, { recursive: true });
    const machine = readMachine();
    const minimum = minimumOomScore();
    if (minimum > -1000) {
      logger.warn('this process lacks CAP_SYS_RESOURCE: containers cannot be protected from the OOM killer', {
        lowestScore: minimum,
      });
    }
    const node: NodeFacts = {
      name: options.nodeName,
      hostIPs: options.nodeIps,
      allocatable: allocatable({ machine, disk: await diskUsage(root), thresholds: options.evictionThresholds }),
      memoryCapacity: machine.memory,
      minimumOomScore: minimum,
      podPidsLimit: options.podPidsLimit,
    };
    const runtimeName = await waitForRuntime(options.runtimeEndpoint, logger);
    const paths = new PodPaths(root, options.podLogsDir);
    const memoryDirectory = await mountMemoryDirectory(paths, join(root, 'memory'), logger);
    const agent = new NodeAgent(options, client, events, logger, { node, machine, runtimeName, memoryDirectory });
    onCreated?.(agent);
    await agent.begin();
    return agent;
  }

  private async begin(): Promise<void> {
    const { signal } = this.stop;
    this.updateQosTree();
    this.informers.start(signal);
    await this.observer.relist();
    void this.observer.run(signal);
    // What the node can do alone does not wait for the API server.
    await this.staticPods.start(signal);
    void this.eviction.run(signal);
    void this.images.collect();
    this.every(IMAGE_COLLECTION, () => this.images.collect());
    this.every(HOUSEKEEPING, () => rotateLogs(this.runtime, this.ownPods(), this.logger));
    await this.registration.start(signal);
    void new NodeLease(this.client, this.options.nodeName, this.logger, Date.now).run(signal);
    this.pods.addHandler({
      add: (pod) => this.set(pod),
      update: (_old, pod) => this.set(pod),
      delete: (pod) => (isMirror(pod) ? this.staticPods.deleteMirror(pod) : this.pool.delete(pod.metadata.uid)),
    });
    void this.pods.run(signal);
    await this.pods.whenSynced(signal);
    this.pool.complete();
    this.staticPods.synced();
    this.every(HOUSEKEEPING, () => this.housekeeping());
    this.every(VOLUME_REFRESH, async () => {
      for (const worker of this.pool.workers()) worker.refreshVolumes();
    });
  }

  /** Leaves the pods running. */
  close(): void {
    this.stop.abort();
    for (const timer of this.timers) clearInterval(timer);
    this.pool.close();
    this.objects.close();
  }

  get signal(): AbortSignal {
    return this.stop.signal;
  }

  listPods(): readonly Pod[] {
    return [...this.pool.workers()].filter((worker) => !worker.state.removed).map((worker) => worker.reportedPod());
  }

  findPod(namespace: string, name: string): Pod | undefined {
    return this.pool.byName(namespace, name)?.reportedPod();
  }

  observedPod(uid: string): ObservedPod | undefined {
    return this.observer.get(uid);
  }

  onObserved(uid: string, listener: () => void): () => void {
    let listeners = this.listeners.get(uid);
    if (!listeners) this.listeners.set(uid, (listeners = new Set()));
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.listeners.get(uid) === listeners) this.listeners.delete(uid);
    };
  }

  private ownPods(): ObservedPod[] {
    return [...this.observer.pods()].filter(({ uid }) => this.pool.get(uid) !== undefined);
  }

  private observed(uid: string, outOfMemory: boolean): void {
    this.pool.changed(uid, outOfMemory);
    for (const listener of this.listeners.get(uid) ?? []) listener();
  }

  private knownNode(): Node | undefined {
    return this.node.get('', this.options.nodeName);
  }

  private async freshNode(): Promise<Node | undefined> {
    const asked = this.client.get<Node>(gvr.nodes, '', this.options.nodeName).catch(() => undefined);
    const limit = new Promise<undefined>((resolve) => setTimeout(resolve, PAUSE_LIMIT, undefined));
    return (await Promise.race([asked, limit])) ?? this.knownNode();
  }

  private set(seen: Pod): void {
    if (isMirror(seen)) {
      this.staticPods.setMirror(seen);
      return;
    }
    const pod = fromApi(seen);
    this.objects.register(pod);
    this.pool.set(pod);
  }

  /** A ConfigMap or Secret came, changed or went: mounted ones follow, and who waits for it tries at once. */
  private referenceChanged(uid: string): void {
    const worker = this.pool.get(uid);
    if (!worker) return;
    worker.retryNow();
    worker.refreshVolumes();
  }

  private async deletePod(pod: Pod): Promise<void> {
    const { namespace, name, uid } = pod.metadata;
    await Promise.race([this.writer.flush(uid), new Promise((resolve) => setTimeout(resolve, PAUSE_LIMIT))]);
    try {
      await this.client.delete(PODS, namespace, name, { gracePeriodSeconds: 0, preconditions: { uid } });
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  }

  private updateQosTree(): void {
    const { cgroups, node } = this.services;
    const pods = this.pool.occupants().map(({ pod }) => pod);
    const limits = qosTree(pods, { cpus: availableParallelism(), memoryCapacity: node.memoryCapacity });
    for (const [path, limit] of Object.entries(limits)) cgroups.apply(path, limit);
  }

  private async housekeeping(): Promise<void> {
    this.updateQosTree();
    const known = (uid: string) => this.pool.get(uid) !== undefined || this.observer.get(uid) !== undefined;
    const { cgroups } = this.services;
    await removeOrphans({ ...unmountContext(this.services), cgroups, logger: this.logger }, known);
  }

  private every(ms: number, work: () => Promise<void>): void {
    const timer = setInterval(() => {
      work().catch((error) => this.logger.warn('housekeeping failed', { error }));
    }, ms);
    timer.unref();
    this.timers.push(timer);
  }
}

async function waitForRuntime(endpoint: string, logger: Logger): Promise<string> {
  const runtime = new CriRuntime(endpoint);
  for (let attempt = 0; ; attempt++) {
    try {
      const { runtimeName, runtimeVersion } = await runtime.version();
      logger.info('the container runtime answers', { runtime: runtimeName, version: runtimeVersion });
      return runtimeName;
    } catch (error) {
      if (attempt % 20 === 0) logger.warn('waiting for the container runtime', { endpoint, error });
      await new Promise((resolve) => setTimeout(resolve, RUNTIME_RETRY));
    }
  }
}
