import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Client, type EventRecorder, Informer, type Logger, realClock, SharedInformers } from '#client';
import { gvr } from '#kinds';
import type { Tracer } from '#telemetry';
import { PodAdmission } from './admission/pod-admission.js';
import type { AgentOptions } from './agent-options.js';
import { Eviction } from './eviction/eviction.js';
import { UsageReader } from './eviction/usage-reader.js';
import { kernelPaths } from './execute/kernel-paths.js';
import { parseResolvConf } from './execute/pod-dns.js';
import type { PodNetwork, StepServices } from './execute/step-services.js';
import { ImageCollector } from './images/image-collector.js';
import { ImageService } from './images/image-service.js';
import { usedImages } from './images/used-images.js';
import { NodeFilesystems } from './node/filesystems.js';
import { listeningPorts, readSocketTables } from './node/listening-ports.js';
import { type MachineFacts, memoryAvailable, processCount } from './node/machine.js';
import type { NodeFacts } from './node/node-facts.js';
import { NodeRegistration } from './node/node-registration.js';
import { newNode } from './node/node-status.js';
import { Observer } from './observe/observer.js';
import { PodPool } from './pipe/pod-pool.js';
import { PodRegistry } from './pipe/pod-registry.js';
import { ServedPods } from './pipe/served-pods.js';
import { appArmorEnabled } from './pod/apparmor.js';
import type { Pod } from './pod/pod.js';
import { PodPaths } from './pod/pod-paths.js';
import { isStatic } from './pod/pod-source.js';
import { Prober } from './probes/prober.js';
import type { RunProbe } from './probes/run-probe.js';
import { deletePod } from './report/pod-deletion.js';
import { PODS, StatusWriter } from './report/status-writer.js';
import type { PodCgroups } from './runtime/cgroups.js';
import type { CriRuntime } from './runtime/cri.js';
import { StaticPods } from './static-pods/static-pods.js';
import { ApiClaims } from './sync/api-claims.js';
import { ConfigObjects } from './sync/config-objects.js';
import { OwnNode } from './sync/own-node.js';
import { PodCertificates } from './sync/pod-certificates.js';
import { RuntimeClasses } from './sync/runtime-classes.js';
import { ServiceAccountTokens } from './sync/token-source.js';
import { mayMount, TrustBundles } from './sync/trust-bundles.js';
import { VolumeOperations } from './volumes/volume-metrics.js';
import type { Mounter } from './volumes/volume-plugin.js';

/** The node that an agent looks after: the machine, and what runs containers on it. */
export interface AgentNode {
  machine: MachineFacts;
  node: NodeFacts;
  runtime: CriRuntime;
  runtimeName: string;
  cgroups: PodCgroups;
  mounter: Mounter;
  /** Where what must not reach a disk lies. */
  memoryDirectory: string;
  /** How probes reach containers; absent: as kubelet does. */
  probe?: RunProbe;
  /** Where the node's processes listen; absent: as the machine's kernel says. */
  listeningPorts?: () => Promise<string>;
}

/** What all parts are made of. */
export interface AgentBase extends AgentNode {
  options: AgentOptions;
  client: Client;
  /** For the node's Lease and status, which must not wait for what pods need; absent: the same client. */
  heartbeats?: Client;
  events: EventRecorder;
  logger: Logger;
  tracer: Tracer;
  /** Fires when the agent stops. */
  signal: AbortSignal;
  podNetwork: PodNetwork;
}

export type AgentParts = Sources & NodeParts & PipeParts;

/** All parts of the agent, each made of those before it; nothing runs yet. */
export function composeAgent(base: AgentBase): AgentParts {
  const sources = composeSources(base);
  const node = composeNode(base, sources);
  return { ...sources, ...node, ...composePipe(base, sources, node) };
}

type Sources = ReturnType<typeof composeSources>;

/** What the agent learns from: the API server, the runtime, and the register of its own pods. */
function composeSources({ options, client, events, logger, machine, runtime, signal }: AgentBase) {
  const registry = new PodRegistry();
  const paths = new PodPaths(agentRoot(options), options.podLogsDir);
  const informers = new SharedInformers(client, { logger });
  const unregistered = newNode(options.nodeName, machine, {});
  const ownNode = new OwnNode(informers, client, options.nodeName, unregistered);
  const observer = new Observer(runtime, logger, (uid, container) => paths.container(uid, container));
  return {
    registry,
    paths,
    informers,
    observer,
    servedPods: new ServedPods(registry, observer),
    ownNode,
    objects: new ConfigObjects(client, logger, (uid) => registry.get(uid)?.referenceChanged()),
    tokens: new ServiceAccountTokens(client, Date.now),
    trust: new TrustBundles(informers, signal, (bundle) => {
      for (const worker of registry.workers()) if (mayMount(worker.pod, bundle)) worker.referenceChanged();
    }),
    certificates: new PodCertificates({
      ...{ client, informers, events, logger, signal },
      clock: realClock,
      random: Math.random,
      nodeName: options.nodeName,
      node: () => ownNode.known(),
      onChange: (uid) => registry.get(uid)?.referenceChanged(),
    }),
    writer: new StatusWriter(client, logger),
    pods: new Informer<Pod>(
      PODS,
      { client, clock: realClock, random: Math.random, logger },
      { fieldSelector: `spec.nodeName=${options.nodeName}` },
    ),
  };
}

type NodeParts = ReturnType<typeof composeNode>;

/** What keeps the node itself: its disk, its memory, its object at the API server. */
function composeNode(base: AgentBase, { registry, paths, observer, ownNode }: Sources) {
  const { options, client, heartbeats = client, events, logger, machine, runtime, cgroups } = base;
  const filesystems = new NodeFilesystems(runtime, agentRoot(options));
  const shared = { events, logger, now: Date.now };
  const images = new ImageCollector({
    ...shared,
    runtime,
    filesystems,
    policy: options.imagePolicy,
    used: () =>
      usedImages(
        registry.occupants().map(({ pod }) => pod),
        observer.pods(),
      ),
    node: () => ownNode.get(),
  });
  const eviction = new Eviction({
    ...shared,
    thresholds: options.evictionThresholds,
    measure: async () => ({
      memory: { available: memoryAvailable(), capacity: machine.memory },
      filesystems: await filesystems.usage(),
      processes: processCount(),
    }),
    usages: new UsageReader(runtime, cgroups, paths, (uid) => observer.get(uid)),
    images,
    discardEnded: () => registry.discardEnded(),
    occupants: () => registry.occupants(),
    node: () => ownNode.get(),
  });
  const registration = new NodeRegistration({
    client: heartbeats,
    runtime,
    events,
    logger,
    clock: realClock,
    machine,
    nodeName: options.nodeName,
    known: () => ownNode.known(),
    nodeIps: options.nodeIps,
    port: options.port,
    filesystems,
    thresholds: options.evictionThresholds,
    pressure: () => eviction.conditions,
    runtimeSilence: () => observer.silence,
    listeningPorts: base.listeningPorts ?? (async () => listeningPorts(await readSocketTables(), options.nodeIps)),
  });
  return { images, eviction, registration };
}

type PipeParts = ReturnType<typeof composePipe>;

/** What runs pods: admission, steps, probes, reports. */
function composePipe(base: AgentBase, sources: Sources, { eviction }: NodeParts) {
  const { options, client, events, logger, tracer, node, runtime, runtimeName, probe } = base;
  const { registry, paths, observer, ownNode, objects, tokens, certificates, writer, pods } = sources;
  const services = stepServices(base, sources);
  const admission = new PodAdmission({
    node: async (refresh) => (refresh ? ownNode.fresh() : ownNode.get()),
    allocatable: node.allocatable,
    occupants: () => registry.occupants(),
    pressure: () => eviction.conditions,
    unsafeSysctls: options.unsafeSysctls,
    appArmor: appArmorEnabled(),
    isComplete: () => registry.isComplete,
    events,
    logger,
  });
  const prober = new Prober({
    runtime,
    probe,
    events,
    node,
    now: Date.now,
    onChange: (uid) => registry.get(uid)?.wake(),
  });
  const staticPods = new StaticPods({
    path: options.podManifestPath,
    nodeName: options.nodeName,
    client,
    writer,
    logger,
    node: () => ownNode.known(),
    isSynced: () => pods.hasSynced,
  });
  const pool = new PodPool({
    registry,
    context: {
      admission,
      services,
      observer,
      writer: {
        set: (pod, status) => {
          if (!staticPods.report(pod, status)) writer.set(pod, status);
        },
        forget: (uid) => writer.forget(uid),
      },
      prober,
      logger,
      tracer,
      runtimeName,
    },
    observer,
    logger,
    onGone: (uid) => {
      objects.unregister(uid);
      tokens.forget(uid);
      certificates.forget(uid);
      base.podNetwork.isolation.release(uid);
      base.podNetwork.endpoints.release(uid);
      staticPods.podRemoved(uid);
    },
    // A runtime with a network of our own is ours; in another one, ours are the pods that have a folder here.
    isOurs: async (uid) => options.cniConfigDir !== undefined || paths.files.exists(paths.pod(uid)).catch(() => false),
  });
  return { services, staticPods, pool, prober };
}

function stepServices(base: AgentBase, sources: Sources): StepServices {
  const { options, client, events, logger, signal, node, memoryDirectory, runtime, cgroups, mounter } = base;
  const { paths, informers, objects, tokens, trust, certificates, writer, ownNode } = sources;
  const services = informers.for(gvr.services);
  const runtimeClasses = new RuntimeClasses(informers, signal);
  return {
    policies: base.podNetwork.isolation,
    endpoints: base.podNetwork.endpoints,
    runtime,
    cgroups,
    images: new ImageService(runtime),
    paths,
    source: objects,
    tokens,
    trust,
    certificates,
    claims: new ApiClaims(client, () => ownNode.get()),
    events,
    logger,
    mounter,
    volumeOperations: new VolumeOperations(),
    memoryDirectory,
    seccompRoot: join(agentRoot(options), 'seccomp'),
    dns: {
      clusterDns: options.clusterDns,
      clusterDomain: options.clusterDomain,
      host: parseResolvConf(readFileSync('/etc/resolv.conf', 'utf8')),
    },
    node,
    services: async (pod) => {
      if (!isStatic(pod)) await services.whenSynced(signal);
      return { services: services.list(pod.metadata.namespace), master: services.get('default', 'kubernetes') };
    },
    kernelPaths: kernelPaths(),
    runtimeHandler: (pod) => runtimeClasses.handler(pod),
    deletePod: (pod) => deletePod(client, writer, pod),
    now: Date.now,
  };
}

/** The agent's own folder. */
export function agentRoot({ dataDir }: Pick<AgentOptions, 'dataDir'>): string {
  return join(dataDir, 'agent');
}
