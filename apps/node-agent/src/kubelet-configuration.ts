import type { Threshold } from '#settings';
import type { AgentOptions } from './agent-options.js';
import { MAX_PODS } from './node/node-status.js';

/** What `/configz` shows: the agent's settings under the names of kubelet.config.k8s.io/v1beta1. */
export function kubeletConfiguration(options: AgentOptions): Record<string, unknown> {
  const { imagePolicy, evictionThresholds } = options;
  return {
    kind: 'KubeletConfiguration',
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    ...(options.podManifestPath === undefined ? undefined : { staticPodPath: options.podManifestPath }),
    port: options.port,
    podLogsDir: options.podLogsDir,
    clusterDomain: options.clusterDomain,
    clusterDNS: options.clusterDns,
    containerRuntimeEndpoint: options.runtimeEndpoint,
    cgroupDriver: options.cgroupDriver,
    ...(options.cgroupRoot === '' ? undefined : { cgroupRoot: `/${options.cgroupRoot}` }),
    maxPods: MAX_PODS,
    podPidsLimit: options.podPidsLimit > 0 ? options.podPidsLimit : -1,
    imageMinimumGCAge: `${imagePolicy.minimumAge / 1000}s`,
    imageGCHighThresholdPercent: imagePolicy.highPercent,
    imageGCLowThresholdPercent: imagePolicy.lowPercent,
    evictionHard: Object.fromEntries(evictionThresholds.map((threshold) => [threshold.signal, limitText(threshold)])),
  };
}

function limitText({ limit }: Threshold): string {
  return 'share' in limit ? `${limit.share * 100}%` : String(limit.amount);
}
