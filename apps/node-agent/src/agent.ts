import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { valueOfQuantity } from '#apimachinery';
import type { Client, EventRecorder, Logger, SharedInformers } from '#client';
import { noTracer, type Tracer } from '#telemetry';
import type { AgentOptions } from './agent-options.js';
import { type AgentBase, type AgentNode, type AgentParts, agentRoot, composeAgent } from './agent-parts.js';
import { noPodNetwork, type PodNetwork } from './execute/step-services.js';
import { Housekeeping } from './housekeeping.js';
import { diskUsage, minimumOomScore, readMachine } from './node/machine.js';
import { hugepageSizes, memoryPolicy } from './node/memory-controllers.js';
import { NodeLease } from './node/node-lease.js';
import { allocatable, unseenPods } from './node/node-status.js';
import type { ServedPods } from './pipe/served-pods.js';
import type { Pod } from './pod/pod.js';
import { PodPaths } from './pod/pod-paths.js';
import { fromApi, isMirror } from './pod/pod-source.js';
import { cgroupSetup } from './runtime/cgroup-driver.js';
import { Cgroups, type PodCgroups } from './runtime/cgroups.js';
import { CriRuntime } from './runtime/cri.js';
import { mountMemoryDirectory, systemMounter } from './volumes/mounter.js';

const RUNTIME_RETRY = 500;
/** Tries to reach the runtime between two lines in the log. */
const RUNTIME_TRIES_LOGGED = 20;

/** The node agent without its process: what `main` starts, and tests start with a client of their own. */
export class NodeAgent {
  private constructor(
    private readonly base: AgentBase,
    readonly parts: AgentParts,
    private readonly stop: AbortController,
  ) {}

  /** Waits for the runtime, then begins. Resolves when the node is registered and its pods are known. */
  static async start(
    options: AgentOptions,
    client: Client,
    events: EventRecorder,
    logger: Logger,
    onCreated?: (agent: NodeAgent) => void,
    tracer: Tracer = noTracer,
    podNetwork: PodNetwork = noPodNetwork,
  ): Promise<NodeAgent> {
    return NodeAgent.startOn(
      await readNode(options, logger),
      { options, client, events, logger, tracer, podNetwork },
      onCreated,
    );
  }

  /** The same on a node that the caller has made. */
  static async startOn(
    node: AgentNode,
    rest: Omit<AgentBase, keyof AgentNode | 'signal'>,
    onCreated?: (agent: NodeAgent) => void,
  ): Promise<NodeAgent> {
    const stop = new AbortController();
    const base: AgentBase = { ...rest, ...node, signal: stop.signal };
    const agent = new NodeAgent(base, composeAgent(base), stop);
    onCreated?.(agent);
    await agent.begin();
    return agent;
  }

  /** Leaves the pods running. */
  close(): void {
    this.stop.abort();
    this.parts.registry.close();
    this.parts.objects.close();
  }

  get signal(): AbortSignal {
    return this.stop.signal;
  }

  get informers(): SharedInformers {
    return this.parts.informers;
  }

  get runtime(): CriRuntime {
    return this.base.runtime;
  }

  get cgroups(): PodCgroups {
    return this.base.cgroups;
  }

  /** Why pods are not looked after; undefined while they are. */
  readonly unhealthy = (): string | undefined => unseenPods(this.parts.observer.silence);

  get pods(): ServedPods {
    return this.parts.servedPods;
  }

  private async begin(): Promise<void> {
    const { options, client, heartbeats = client, logger, signal } = this.base;
    const { informers, observer, staticPods, eviction, registration, pool, pods } = this.parts;
    const housekeeping = new Housekeeping(this.parts, logger, signal);
    await housekeeping.updateQosTree();
    informers.start(signal);
    await observer.relist();
    void observer.run(signal);
    // What the node can do alone does not wait for the API server.
    await staticPods.start(signal, pool);
    void eviction.run(signal);
    housekeeping.startNode();
    await registration.start(signal);
    void new NodeLease(heartbeats, options.nodeName, logger, Date.now).run(signal);
    this.followPods();
    void pods.run(signal);
    await pods.whenSynced(signal);
    pool.complete();
    staticPods.podsSynced();
    housekeeping.startPods();
  }

  /** Pods of the API go to the pool; its copies of static pods to those who keep them. */
  private followPods(): void {
    const { pods, pool, staticPods, objects, certificates } = this.parts;
    const set = (seen: Pod) => {
      if (isMirror(seen)) return staticPods.setMirror(seen);
      const pod = fromApi(seen);
      objects.register(pod);
      pool.set(pod);
      certificates.track(pod);
    };
    pods.addHandler({
      add: set,
      update: (_old, pod) => set(pod),
      delete: (pod) => (isMirror(pod) ? staticPods.deleteMirror(pod) : pool.delete(pod.metadata.uid)),
    });
  }
}

/** Makes the agent's folders and reads what does not change while it runs. Waits for the runtime. */
async function readNode(options: AgentOptions, logger: Logger): Promise<AgentNode> {
  const root = agentRoot(options);
  mkdirSync(join(root, 'pods'), { recursive: true, mode: 0o750 });
  mkdirSync(options.podLogsDir, { recursive: true });
  const machine = readMachine();
  const lowestScore = minimumOomScore();
  if (lowestScore > -1000) {
    logger.warn('this process lacks CAP_SYS_RESOURCE: containers cannot be protected from the OOM killer', {
      lowestScore,
    });
  }
  const forPods = allocatable({ machine, disk: await diskUsage(root), thresholds: options.evictionThresholds });
  const node = {
    name: options.nodeName,
    hostIPs: options.nodeIps,
    allocatable: forPods,
    memoryCapacity: machine.memory,
    minimumOomScore: lowestScore,
    podPidsLimit: options.podPidsLimit,
    memoryPolicy: memoryPolicy(options.memory, machine.memory, valueOfQuantity(forPods['memory'])),
    pageSizes: hugepageSizes(),
  };
  const runtime = new CriRuntime(options.runtimeEndpoint);
  const runtimeName = await waitForRuntime(runtime, options.runtimeEndpoint, logger);
  const setup = await cgroupSetup(runtime, options.cgroupDriver);
  logger.info('cgroups of pods', { ...setup });
  const cgroups = new Cgroups(options.cgroupRoot, setup);
  const paths = new PodPaths(root, options.podLogsDir);
  const memoryDirectory = await mountMemoryDirectory(paths, join(root, 'memory'), logger);
  return { machine, node, runtime, runtimeName, cgroups, memoryDirectory, mounter: systemMounter };
}

async function waitForRuntime(runtime: CriRuntime, endpoint: string, logger: Logger): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    try {
      const { runtimeName, runtimeVersion } = await runtime.version();
      logger.info('the container runtime answers', { runtime: runtimeName, version: runtimeVersion });
      return runtimeName;
    } catch (error) {
      if (attempt % RUNTIME_TRIES_LOGGED === 0) logger.warn('waiting for the container runtime', { endpoint, error });
      await new Promise((resolve) => setTimeout(resolve, RUNTIME_RETRY));
    }
  }
}
