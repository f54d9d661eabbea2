import { lastingContainers, type Pod } from '../pod/pod.js';

interface HostPort {
  port: number;
  protocol: string;
  ip: string;
}

const ANY = '0.0.0.0';

function hostPorts(pod: Pod): HostPort[] {
  return lastingContainers(pod).flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort, protocol, hostIP }) =>
      hostPort ? [{ port: hostPort, protocol: protocol ?? 'TCP', ip: hostIP || ANY }] : [],
    ),
  );
}

/** Pure: does the pod ask for a port of the node that one of the others has? */
export function portsTaken(pod: Pod, others: readonly Pod[]): boolean {
  const wanted = hostPorts(pod);
  if (wanted.length === 0) return false;
  const taken = others.flatMap(hostPorts);
  return wanted.some(({ port, protocol, ip }) =>
    taken.some(
      (other) =>
        other.port === port && other.protocol === protocol && (ip === ANY || other.ip === ANY || other.ip === ip),
    ),
  );
}
