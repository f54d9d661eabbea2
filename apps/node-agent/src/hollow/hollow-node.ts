import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Client, EventRecorder, Logger } from '#client';
import { noTracer } from '#telemetry';
import { NodeAgent } from '../agent.js';
import type { AgentOptions } from '../agent-options.js';
import { type AgentNode, agentRoot } from '../agent-parts.js';
import { noPodNetwork } from '../execute/step-services.js';
import type { MachineFacts } from '../node/machine.js';
import { allocatable } from '../node/node-status.js';
import type { PodCgroups } from '../runtime/cgroups.js';
import { CriRuntime } from '../runtime/cri.js';
import { AddressPool, nodeAddress } from './hollow-addresses.js';
import type { HollowOptions } from './hollow-options.js';
import { HOLLOW_RUNTIME, HollowRuntime } from './hollow-runtime.js';

/** Bytes that the disk of a hollow node is said to have. */
const DISK = 1 << 40;
const INODES = 1 << 24;

export interface HollowNodeEnvironment {
  client: Client;
  /** For Lease and status of the node. */
  heartbeats: Client;
  events: EventRecorder;
  logger: Logger;
  /** The folder of this process; each node has one below it. */
  directory: string;
}

/** Starts the agent of production on a node that runs nothing. Resolves when the node is registered. */
export async function startHollowNode(
  options: HollowOptions,
  index: number,
  { client, heartbeats, events, logger, directory }: HollowNodeEnvironment,
): Promise<NodeAgent> {
  const agentOptions = optionsOf(options, index, directory);
  const node = hollowNode(options, index, agentOptions);
  return NodeAgent.startOn(node, {
    ...{ options: agentOptions, client, heartbeats, events, logger },
    tracer: noTracer,
    podNetwork: noPodNetwork,
  });
}

export function nodeName({ namePrefix }: Pick<HollowOptions, 'namePrefix'>, index: number): string {
  return `${namePrefix}${index}`;
}

function hollowNode(options: HollowOptions, index: number, agentOptions: AgentOptions): AgentNode {
  const root = agentRoot(agentOptions);
  const memoryDirectory = join(root, 'memory');
  for (const path of [join(root, 'pods'), memoryDirectory, agentOptions.podLogsDir]) {
    mkdirSync(path, { recursive: true, mode: 0o750 });
  }
  const machine = machineOf(options, agentOptions.nodeName);
  const disk = { capacity: DISK, available: DISK, inodes: INODES, inodesFree: INODES };
  const addresses = new AddressPool(index);
  return {
    machine,
    node: {
      name: agentOptions.nodeName,
      hostIPs: agentOptions.nodeIps,
      allocatable: allocatable({ machine, disk, thresholds: [] }),
      memoryCapacity: machine.memory,
      minimumOomScore: -1000,
      podPidsLimit: 0,
      memoryPolicy: {
        ...agentOptions.memory,
        unified: true,
        swapController: false,
        capacity: machine.memory,
        allocatable: machine.memory,
        swapCapacity: 0,
        pageSize: 4096,
      },
      pageSizes: [],
    },
    runtime: new CriRuntime(
      new HollowRuntime({
        imagePath: root,
        takeAddress: () => addresses.take(),
        returnAddress: (address) => addresses.giveBack(address),
      }),
    ),
    runtimeName: HOLLOW_RUNTIME,
    cgroups: hollowCgroups(),
    mounter: { mount: async () => {} },
    memoryDirectory,
    probe: async () => ({ result: 'success', output: '' }),
    listeningPorts: async () => '',
  };
}

function machineOf({ cpus, memory }: HollowOptions, name: string): MachineFacts {
  return {
    cpus,
    memory,
    machineId: name,
    systemUuid: name,
    bootId: name,
    kernelVersion: 'hollow',
    osImage: 'hollow',
    architecture: 'amd64',
    hugepages: {},
  };
}

/** Pods without processes need no limits. */
function hollowCgroups(): PodCgroups {
  return {
    version: 2,
    create: async () => {},
    apply: async () => {},
    remove: async () => {},
    runtimeParent: () => '/hollow',
    stats: async () => undefined,
    onDone: () => {},
  };
}

function optionsOf(options: HollowOptions, index: number, directory: string): AgentOptions {
  const name = nodeName(options, index);
  const folder = join(directory, name);
  return {
    dataDir: folder,
    kubeconfig: options.kubeconfig,
    networkKubeconfig: '',
    enforcesPolicies: false,
    nodeName: name,
    nodeIps: [nodeAddress(index)],
    runtimeEndpoint: '',
    cgroupDriver: undefined,
    cgroupRoot: '',
    proxyMode: 'none',
    nodePortAddresses: '',
    ipvs: { scheduler: 'rr', strictArp: false, excludeCidrs: [], timeouts: { tcp: 0, tcpFin: 0, udp: 0 } },
    clusterDns: ['10.96.0.10'],
    clusterDomain: 'cluster.local',
    clusterCidr: '',
    serviceClusterIpRange: '',
    port: 10250,
    podLogsDir: join(folder, 'logs'),
    cniConfigDir: folder,
    podPidsLimit: 0,
    memory: { swap: 'NoSwap', reservation: 'None', throttlingFactor: undefined },
    podManifestPath: undefined,
    unsafeSysctls: [],
    // The disk of the machine below is not this node's to clear.
    imagePolicy: { highPercent: 100, lowPercent: 100, minimumAge: 0 },
    evictionThresholds: [],
    logging: {},
  };
}
