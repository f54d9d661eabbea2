import { tooManyRequests, type UserInfo } from '#apimachinery';
import { ALL_SERVICE_ACCOUNTS, MASTERS_GROUP, NODES_GROUP } from '../../identity/users.js';
import type { RequestMetrics } from '../metrics/request-metrics.js';
import type { OpenRequest } from './open-request.js';

export interface SlotLimits {
  /** Reads and writes that may be under way at a time for one group of users, watches and streams not counted; 0: any number. */
  reads: number;
  writes: number;
  /** Watches, streams and proxies that one user may have open. */
  streamsOfOneUser: number;
}

/** Of the limits of its group, what one user may take: others of the group go on when it takes all that it can. */
const SHARE_OF_ONE_USER = 0.25;

const SYSTEM_USERS = new Set(['system:kube-controller-manager', 'system:kube-scheduler']);
const SYSTEM_SERVICE_ACCOUNTS = `${ALL_SERVICE_ACCOUNTS}:kube-system`;

/** What one group of users, or one user, has under way. */
class Usage {
  reads = 0;
  writes = 0;
  endless = 0;
}

class Group {
  readonly all = new Usage();
  /** Only users who have something under way. */
  readonly users = new Map<string, Usage>();
}

type Kind = keyof Usage;
type Open = Pick<OpenRequest, 'endless' | 'whenOver'>;

/**
 * Counts what is under way and refuses what is too much, in groups that take nothing from each other: nodes (leases, status), the
 * cluster's own components, and all others. system:masters is never refused, as in the reference, nor is a probe of the server's
 * health. Only authorized requests get here: refused ones take nothing from anybody.
 */
export class RequestSlots {
  private readonly nodes = new Group();
  private readonly system = new Group();
  private readonly others = new Group();

  constructor(
    private readonly limits: SlotLimits,
    private readonly metrics: RequestMetrics,
  ) {}

  /**
   * Throws 429 when the user, or all of its group, have too much under way. `probe`: of the server's health. `fair`: priority and
   * fairness limits what is not endless.
   */
  take(open: Open, user: UserInfo, read: boolean, probe: boolean, fair: boolean): void {
    const kind: Kind = open.endless ? 'endless' : read ? 'reads' : 'writes';
    const limited = !probe && (kind === 'endless' || !fair) && !user.groups.includes(MASTERS_GROUP);
    if (limited) this.takeOf(this.groupOf(user), user.name, kind, open);
    if (kind === 'endless') return;
    const gauge = read ? this.metrics.inflightReads : this.metrics.inflightWrites;
    gauge.value += 1;
    open.whenOver(() => {
      gauge.value -= 1;
    });
  }

  private takeOf(group: Group, name: string, kind: Kind, open: Open): void {
    const own = group.users.get(name) ?? new Usage();
    const all = group.all;
    const limit = this.limits[kind === 'endless' ? 'streamsOfOneUser' : kind];
    const full =
      kind === 'endless'
        ? own.endless >= limit
        : limit > 0 && (all[kind] >= limit || own[kind] >= Math.ceil(limit * SHARE_OF_ONE_USER));
    if (full) throw tooManyRequests('Too many requests, please try again later.', 1);
    group.users.set(name, own);
    own[kind] += 1;
    all[kind] += 1;
    open.whenOver(() => {
      own[kind] -= 1;
      all[kind] -= 1;
      if (own.reads + own.writes + own.endless === 0) group.users.delete(name);
    });
  }

  private groupOf({ name, groups }: UserInfo): Group {
    if (groups.includes(NODES_GROUP)) return this.nodes;
    return SYSTEM_USERS.has(name) || groups.includes(SYSTEM_SERVICE_ACCOUNTS) ? this.system : this.others;
  }

  /** Users who have something under way: none, when nothing is. */
  get usersUnderWay(): number {
    return this.nodes.users.size + this.system.users.size + this.others.users.size;
  }
}
