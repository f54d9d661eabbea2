import type { KubeObject } from '#apimachinery';
import type { CachedObject, Guard, WriteSet } from '../../storage/store.js';
import type { PortRange } from './ip-range.js';
import { freePort, handPort, nodePortsOf, takePort } from './node-ports.js';

/** As the label of upstream's counter has it. */
export type PortFaultType = 'repair' | 'duplicate' | 'outOfRange' | 'leak';

export interface PortFault {
  type: PortFaultType;
  port: number;
  /** Absent: nobody uses the port. */
  service?: KubeObject;
  /** Absent: a user has to recreate the Service. */
  mend?: WriteSet;
}

interface User {
  cached: CachedObject;
  service: KubeObject;
}

/**
 * What is wrong between the Services and the objects that hold their node ports, both of one revision. Of several Services with one
 * port it is the one's that the object names, or else the first one's.
 */
export function portFaults(
  services: readonly CachedObject[],
  held: readonly CachedObject[],
  range: PortRange,
  now: Date,
): PortFault[] {
  const holders = new Map(held.map((object) => [Number(object.name), object]));
  const users = usersByPort(services);
  const byName = new Map(services.map((service) => [`${service.namespace}/${service.name}`, service]));
  const faults: PortFault[] = [];
  for (const [port, sharing] of users) {
    if (!range.contains(port)) {
      for (const { service } of sharing) faults.push({ type: 'outOfRange', port, service });
      continue;
    }
    const holder = holders.get(port);
    const named = sharing.find(({ cached }) => holder && isHeldFor(holder, cached));
    const owner = named ?? sharing[0]!;
    if (!named) faults.push({ type: 'repair', port, service: owner.service, mend: hold(port, holder, owner, now) });
    for (const user of sharing) if (user !== owner) faults.push({ type: 'duplicate', port, service: user.service });
  }
  for (const [port, holder] of holders) {
    if (!users.has(port)) faults.push({ type: 'leak', port, mend: free(holder, byName) });
  }
  return faults;
}

/** A name of a field that each Service with a node port has. */
const NODE_PORT = Buffer.from('odePort":');

function usersByPort(services: readonly CachedObject[]): Map<number, User[]> {
  const users = new Map<number, User[]>();
  for (const cached of services) {
    // Most Services have none, and reading thousands of objects would hold up the server.
    if (!cached.bytes.includes(NODE_PORT)) continue;
    const service: KubeObject = cached.peek();
    for (const port of nodePortsOf(service)) {
      const sharing = users.get(port);
      if (sharing) sharing.push({ cached, service });
      else users.set(port, [{ cached, service }]);
    }
  }
  return users;
}

function isHeldFor(holder: CachedObject, { namespace, name }: CachedObject): boolean {
  const parent = holder.peek().spec?.parentRef;
  return parent?.namespace === namespace && parent?.name === name;
}

/** Only while the Service stays as it is: it gives the port back itself. */
function hold(port: number, holder: CachedObject | undefined, { cached, service }: User, now: Date): WriteSet {
  const { namespace, name, revision } = cached;
  return {
    writes: [holder ? handPort(holder, service, now) : takePort(port, service, now)],
    guards: [{ kind: 'revision', key: { resource: 'services', namespace, name }, revision }],
  };
}

/**
 * Only while the Service that the port is held for stays as it is, or away: a replica that reads what others wrote can show the one of
 * a write set before the other.
 */
function free(holder: CachedObject, services: ReadonlyMap<string, CachedObject>): WriteSet {
  const { namespace, name } = holder.parse().spec?.parentRef ?? {};
  const writes = [freePort(holder)];
  if (!namespace || !name) return { writes };
  const key = { resource: 'services', namespace, name };
  const service = services.get(`${namespace}/${name}`);
  const guard: Guard = service ? { kind: 'revision', key, revision: service.revision } : { kind: 'absent', key };
  return { writes, guards: [guard] };
}
