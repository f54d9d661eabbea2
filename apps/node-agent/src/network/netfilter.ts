import { loadNative } from '#host';

/** As the API spells it in `ipFamilies`. */
export type Family = 'IPv4' | 'IPv6';

export interface RefusedService {
  /** `namespace/name`. */
  service: string;
  family: Family;
  message: string;
}

export interface SyncResult {
  full: boolean;
  /** Chains, and elements of sets where the mode has them. */
  written: number;
  removed: number;
  /** Flows to endpoints that are gone, which were ended; why they could not be looked through. */
  flowsEnded: number;
  flowsProblem?: string;
  /** Services that the kernel did not take; all others are served as they were set. */
  refused: RefusedService[];
}

/** A mode that this machine cannot run, or whose rules it cannot remove. */
export interface ModeProblem {
  mode: string;
  why: string;
}

/** What holds for the whole node: `NodeConfig` in native/netfilter's `model.rs`. */
export interface NetfilterConfig {
  families: readonly Family[];
  clusterCidrs: readonly string[];
  serviceCidrs: readonly string[];
  /** Addresses of the node that node ports answer on; none of a family: all. */
  nodePortAddresses: readonly string[];
  localhostNodePorts: boolean;
  ipvs: IpvsConfig;
}

/** What holds for virtual servers alone. */
export interface IpvsConfig {
  /** How they choose an endpoint, by the kernel's name. */
  scheduler: string;
  /** The node answers ARP only for addresses of the interface that was asked. */
  strictArp: boolean;
  /** Virtual servers of these addresses are another program's. */
  excludeCidrs: readonly string[];
  /** Whole seconds after which the kernel forgets an idle connection; 0: as it is. */
  timeouts: { tcp: number; tcpFin: number; udp: number };
}

/** `ServiceProxy` of native/netfilter. */
export interface RuleProxy {
  /** Never `auto`. */
  readonly mode: string;
  /** Better modes that this machine cannot run. */
  passedOver(): ModeProblem[];
  /** Takes away what other modes left. */
  cleanUpOthers(): Promise<ModeProblem[]>;
  /** A call has panicked: open another one, and set every Service again. */
  readonly broken: boolean;
  /** `views`: JSON of a `ServiceRules` for each family; none removes the Service. Throws when no rules can be made of it. */
  setService(name: string, views: string): void;
  sync(): Promise<SyncResult>;
  /** Writes everything anew when rules were gone, and tries again what was refused; null when neither was so. */
  verify(): Promise<SyncResult | null>;
  cleanup(): Promise<void>;
}

/** `--proxy-mode` names something that is not there, or that this machine cannot run; one line for the user. */
export class ProxyModeError extends Error {}

export function openRuleProxy(mode: string, config: NetfilterConfig): RuleProxy {
  const { ServiceProxy } = loadNative<{ ServiceProxy: new (mode: string, config: string) => RuleProxy }>('netfilter');
  try {
    return new ServiceProxy(mode, JSON.stringify(config));
  } catch (error) {
    throw new ProxyModeError((error as Error).message);
  }
}
