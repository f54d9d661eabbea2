import { loadNative } from '#host';
import type { Family } from '../netfilter.js';

/** `Policy` in native/netfilter's `policy/model.rs`, whose names these are. */
export interface PolicyModel {
  ingress?: RuleModel[];
  egress?: RuleModel[];
}

/** Absent: every peer, every port. */
export interface RuleModel {
  peers?: PeerModel[];
  ports?: PortModel[];
}

export type PeerModel =
  /** Pods that name this selector. */
  | { pods: string }
  | { block: { cidr: string; except: string[] } }
  /** Cluster DNS on the nodes. */
  | 'dns';

export interface PortModel {
  protocol: string;
  /** Absent: all of the protocol. */
  which?: { range: [first: number, last: number] } | { name: string };
}

/** `Pod` in the same file. */
export interface PodModel {
  addresses: string[];
  selectors?: string[];
  ports?: PodPortModel[];
  /** Policies that select it on this node; absent: nothing isolates it in this direction. */
  ingress?: string[];
  egress?: string[];
  dns?: true;
}

export interface PodPortModel {
  name: string;
  protocol: string;
  number: number;
}

export interface RefusedPolicy {
  /** `namespace/name`. */
  policy: string;
  family: Family;
  message: string;
}

export interface PolicySync {
  full: boolean;
  /** Chains, and elements of sets. */
  written: number;
  removed: number;
  /** Policies that the kernel does not take: whom they select is isolated, and they let nothing pass. */
  refused: RefusedPolicy[];
}

/** `PolicyTable` of native/netfilter. */
export interface PolicyTable {
  /** A call has panicked: open another one, and set everything again. */
  readonly broken: boolean;
  /** `policy`: JSON of a PolicyModel, or nothing when it is gone. Throws when no rules can be made of it. */
  setPolicy(name: string, policy: string): void;
  /** `pod`: JSON of a PodModel, or nothing when it is gone. */
  setPod(name: string, pod: string): void;
  sync(): Promise<PolicySync>;
  /** Writes everything anew when rules were gone, and tries again what was refused; null when neither was so. */
  verify(): Promise<PolicySync | null>;
  cleanup(): Promise<void>;
}

/** What holds for the whole node: `PolicyConfig` in native/netfilter. */
export interface PolicyTableConfig {
  /** Of the pods, where it is the node's own. */
  bridge: string | undefined;
  /** Virtual servers lead packets to pods. */
  ipvs: boolean;
}

/** Throws, and says why, when this machine cannot enforce policies. */
export function openPolicyTable(config: PolicyTableConfig): PolicyTable {
  const { PolicyTable: Native } = loadNative<{ PolicyTable: new (config: string) => PolicyTable }>('netfilter');
  return new Native(JSON.stringify(config));
}
