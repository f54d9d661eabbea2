import type { IpFamily, KubeObject } from '#apimachinery';
import type { Store } from '../../storage/store.js';
import { IpRange } from './ip-range.js';

const SERVICE_CIDRS = 'networking.k8s.io/servicecidrs';

/** Where cluster IPs come from at this moment: the ready ServiceCIDRs. The flag's ranges count until there is an object. */
export class ServiceRanges {
  private known = new Map<string, IpRange>();

  constructor(
    private readonly store: Pick<Store, 'cache'>,
    /** One for each family of the cluster, the primary one first. */
    private readonly configured: readonly IpRange[],
  ) {}

  /** The families of the cluster. An object adds addresses, and no family. */
  get families(): IpFamily[] {
    return this.configured.map(({ family }) => family);
  }

  /** Those of one family, the flag's first. Asked once for each Service that needs an address. */
  of(family: IpFamily): IpRange[] {
    const items = this.store.cache(SERVICE_CIDRS).list({})?.items ?? [];
    const objects = items.map((item) => item.parse() as KubeObject);
    const ranges = objects.length === 0 ? this.configured : this.parsed(objects.filter(isReady));
    const configured = new Set(this.configured.map(({ cidr }) => cidr));
    return ranges
      .filter((range) => range.family === family)
      .sort((a, b) => Number(configured.has(b.cidr)) - Number(configured.has(a.cidr)));
  }

  /** A range is parsed once, as long as it is in use. */
  private parsed(objects: readonly KubeObject[]): IpRange[] {
    const cidrs = new Set(objects.flatMap((object) => (object['spec']?.cidrs ?? []) as string[]));
    this.known = new Map([...cidrs].map((cidr) => [cidr, this.known.get(cidr) ?? new IpRange(cidr)]));
    return [...this.known.values()];
  }
}

function isReady(object: KubeObject): boolean {
  if (object.metadata.deletionTimestamp !== undefined) return false;
  const conditions: { type: string; status: string }[] = object['status']?.conditions ?? [];
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}
