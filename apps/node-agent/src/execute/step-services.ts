import type { KubeObject } from '#apimachinery';
import type { EventRecorder, Logger } from '#client';
import type { ImageService } from '../images/image-service.js';
import type { NodeFacts } from '../node/node-facts.js';
import type { Outcome } from '../plan/outcomes.js';
import type { PodState } from '../plan/pod-state.js';
import type { Step } from '../plan/steps.js';
import type { CertificateSource } from '../pod/certificate-source.js';
import type { ClaimSource } from '../pod/claim-source.js';
import type { ConfigSource } from '../pod/config-source.js';
import type { Pod } from '../pod/pod.js';
import type { PodPaths } from '../pod/pod-paths.js';
import type { TrustSource } from '../pod/trust-source.js';
import type { PodCgroups } from '../runtime/cgroups.js';
import type { CriRuntime } from '../runtime/cri.js';
import type { VolumeOperations } from '../volumes/volume-metrics.js';
import type { Mounter, TokenSource } from '../volumes/volume-plugin.js';
import type { KernelPaths } from './kernel-paths.js';
import type { DnsSettings } from './pod-dns.js';

/** What isolates pods as NetworkPolicies say. */
export interface PodIsolation {
  /** Resolves when all that isolates the pod holds for these addresses; rejects, and says why, when it cannot. */
  isolate(pod: Pod, addresses: readonly string[]): Promise<void>;
  /** The pod is gone from this node. */
  release(uid: string): void;
}

/** Where another program isolates pods, or none does. */
export const noIsolation: PodIsolation = { isolate: async () => {}, release: () => {} };

/** Where pods are endpoints of Services. */
export interface PodEndpoints {
  /**
   * Resolves when no new flows are led to a pod that must stop: at once when none were, and after so many milliseconds in any
   * case.
   */
  leave(pod: Pod, milliseconds: number): Promise<void>;
  /** The pod is gone from this node. */
  release(uid: string): void;
}

/** What the node's network does for pods. */
export interface PodNetwork {
  isolation: PodIsolation;
  endpoints: PodEndpoints;
}

/** Where other programs do that, or none does. */
export const noPodNetwork: PodNetwork = {
  isolation: noIsolation,
  endpoints: { leave: async () => {}, release: () => {} },
};

/** What steps act with; one for the whole agent. A step names those that it needs: `Needs<'runtime' | 'events'>`. */
export interface StepServices {
  policies: PodIsolation;
  endpoints: PodEndpoints;
  runtime: CriRuntime;
  cgroups: PodCgroups;
  images: ImageService;
  paths: PodPaths;
  source: ConfigSource;
  tokens: TokenSource;
  trust: TrustSource;
  certificates: CertificateSource;
  claims: ClaimSource;
  events: EventRecorder;
  logger: Logger;
  mounter: Mounter;
  volumeOperations: VolumeOperations;
  memoryDirectory: string;
  seccompRoot: string;
  kernelPaths: KernelPaths;
  dns: DnsSettings;
  node: NodeFacts;
  /** Services that the pod sees as variables; waits until they are known, unless the pod must run without an API server. */
  services(pod: Pod): Promise<{ services: readonly KubeObject[]; master: KubeObject | undefined }>;
  /** What its RuntimeClass names in the runtime; '' for the default. Rejects when there is no such class. */
  runtimeHandler(pod: Pod): Promise<string>;
  /** Takes the pod from the API server for good. */
  deletePod(pod: Pod): Promise<void>;
  now(): number;
}

export type Needs<K extends keyof StepServices> = Pick<StepServices, K>;

export type StepOf<T extends Step['type']> = Extract<Step, { type: T }>;

/** What became of a step, each part as soon as it is known. */
export type Outcomes = AsyncIterable<Outcome>;

/** Does one kind of step. What it throws is unexpected: the step is planned again later. */
export type StepHandler<T extends Step['type']> = (
  services: StepServices,
  state: PodState,
  step: StepOf<T>,
) => Outcomes | Promise<void>;
