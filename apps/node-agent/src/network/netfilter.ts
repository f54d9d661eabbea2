import { loadNative } from '#host';

export interface SyncResult {
  full: boolean;
  chainsWritten: number;
  chainsRemoved: number;
}

/** What holds for the whole node: `NodeConfig` in native/netfilter's `model.rs`. */
export interface NetfilterConfig {
  clusterCidr?: string;
  podCidr?: string;
  localhostNodePorts: boolean;
}

/** `IptablesProxy` of native/netfilter; no two of its promises may be open at a time. */
export interface RuleProxy {
  setConfig(config: string): void;
  setService(key: string, service: string | null): void;
  sync(): Promise<SyncResult>;
  verify(): Promise<boolean>;
  cleanup(): Promise<void>;
}

export function openIptables(config: NetfilterConfig): RuleProxy {
  const { IptablesProxy } = loadNative<{ IptablesProxy: new (config: string) => RuleProxy }>('netfilter');
  return new IptablesProxy(JSON.stringify(config));
}
