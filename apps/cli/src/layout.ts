import { join, resolve } from 'node:path';

export const isRoot = process.getuid?.() === 0;

/** Where everything of one Berth lives; the server fills in what ARCHITECTURE.md lists under "Data directory". */
export interface Layout {
  dataDir: string;
  /** Sockets and process records: gone after a reboot. */
  runDir: string;
  logDir: string;
  /** Logs of containers, where node tools look for them. */
  podLogsDir: string;
  postgresDir: string;
  containerdDir: string;
  containerdSocket: string;
  cniConfigDir: string;
  agentDir: string;
  kubeconfig: string;
  agentKubeconfig: string;
  dnsKubeconfig: string;
  ingressKubeconfig: string;
  /** For hosts without a certificate of their own; its key is beside it. */
  ingressCertificate: string;
  networkKubeconfig: string;
  /** The flags of the last `up`. */
  settings: string;
  supervisorSocket: string;
  supervisorConfig: string;
}

export function layoutOf(dataDir: string): Layout {
  const data = resolve(dataDir);
  // Sockets have short names (107 bytes at most) and must not outlive a reboot: the default Berth of root has /run/berth.
  const run = data === '/var/lib/berth' ? '/run/berth' : join(data, 'run');
  return {
    dataDir: data,
    runDir: run,
    logDir: join(data, 'logs'),
    podLogsDir: data === '/var/lib/berth' ? '/var/log/pods' : join(data, 'pod-logs'),
    postgresDir: join(data, 'postgres'),
    containerdDir: join(data, 'containerd'),
    containerdSocket: join(run, 'containerd', 'containerd.sock'),
    cniConfigDir: join(data, 'cni', 'net.d'),
    agentDir: join(data, 'agent'),
    kubeconfig: join(data, 'kubeconfig'),
    agentKubeconfig: join(data, 'agent.kubeconfig'),
    dnsKubeconfig: join(data, 'dns.kubeconfig'),
    ingressKubeconfig: join(data, 'ingress.kubeconfig'),
    ingressCertificate: join(data, 'pki', 'ingress-default.crt'),
    networkKubeconfig: join(data, 'network.kubeconfig'),
    settings: join(data, 'settings.json'),
    supervisorSocket: join(run, 'supervisor.sock'),
    supervisorConfig: join(data, 'supervisor.json'),
  };
}
