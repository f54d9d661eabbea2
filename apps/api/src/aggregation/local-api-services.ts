import { isAlreadyExists, isNotFound } from '#apimachinery';
import type { Client } from '#client';
import { type APIService, gvr, type ResourceCatalog } from '#kinds';

/** How an APIService came to be: once at the start of a server, or as long as its definition is served. */
export const MANAGED = 'kube-aggregator.kubernetes.io/automanaged';
const ON_START = 'onstart';
const CONTINUOUSLY = 'true';

/** Priorities of the reference's groups, and of their versions (`pkg/controlplane/apiserver` and `cmd/kube-apiserver`); 15 is usual. */
const GROUPS = new Map<string, { group: number; versions?: ReadonlyMap<string, number> }>([
  ['', { group: 18000, versions: new Map([['v1', 1]]) }],
  ['apps', { group: 17800 }],
  ['events.k8s.io', { group: 17750 }],
  ['authentication.k8s.io', { group: 17700 }],
  ['authorization.k8s.io', { group: 17600 }],
  ['autoscaling', { group: 17500, versions: new Map([['v2', 30]]) }],
  ['batch', { group: 17400 }],
  ['certificates.k8s.io', { group: 17300 }],
  ['networking.k8s.io', { group: 17200 }],
  ['policy', { group: 17100 }],
  ['rbac.authorization.k8s.io', { group: 17000 }],
  ['storage.k8s.io', { group: 16800 }],
  ['apiextensions.k8s.io', { group: 16700 }],
  ['admissionregistration.k8s.io', { group: 16700 }],
  ['scheduling.k8s.io', { group: 16600 }],
  ['coordination.k8s.io', { group: 16500 }],
  ['node.k8s.io', { group: 16300 }],
  ['discovery.k8s.io', { group: 16200 }],
  ['resource.k8s.io', { group: 16200, versions: new Map([['v1', 21]]) }],
  ['flowcontrol.apiserver.k8s.io', { group: 16100, versions: new Map([['v1', 21]]) }],
  ['storagemigration.k8s.io', { group: 15800 }],
]);
const USUAL_VERSION = 15;
const CUSTOM = { groupPriorityMinimum: 1000, versionPriority: 100 };

const nameOf = (group: string, version: string): string => `${version}.${group}`;

/** The APIServices of a server's own groups; `metrics.k8s.io` has none, so that a metrics-server can be installed with its own. */
export function ownApiServices(): APIService[] {
  return [...GROUPS].flatMap(([group, { group: groupPriorityMinimum, versions }]) => {
    const served = new Set([...(group === 'autoscaling' ? ['v1', 'v2'] : ['v1']), ...(versions?.keys() ?? [])]);
    return [...served].map((version) =>
      apiService(group, version, ON_START, {
        groupPriorityMinimum,
        versionPriority: versions?.get(version) ?? USUAL_VERSION,
      }),
    );
  });
}

function apiService(
  group: string,
  version: string,
  managed: string,
  priorities: { groupPriorityMinimum: number; versionPriority: number },
): APIService {
  return {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: nameOf(group, version), labels: { [MANAGED]: managed } },
    spec: { group, version, ...priorities },
  };
}

/** Keeps an APIService for each version that definitions serve, and none for versions that they serve no more. */
export class LocalApiServices {
  constructor(
    private readonly catalog: ResourceCatalog,
    private readonly client: Client,
  ) {}

  /** Names of those that there should be for custom resources. */
  wanted(): string[] {
    const custom = this.catalog.list().filter((item) => item.custom !== undefined);
    return [...new Set(custom.map(({ group, version }) => nameOf(group, version)))];
  }

  isManaged({ metadata }: APIService): boolean {
    return metadata.labels?.[MANAGED] === CONTINUOUSLY;
  }

  /** One that somebody has put in the place of ours is left alone, as the reference leaves it. */
  async settle(name: string, current: APIService | undefined): Promise<void> {
    const dot = name.indexOf('.');
    const [version, group] = [name.slice(0, dot), name.slice(dot + 1)];
    const isServed = this.catalog
      .list()
      .some((item) => item.custom !== undefined && item.group === group && item.version === version);
    try {
      if (isServed && !current) {
        await this.client.create(gvr.apiservices, '', apiService(group, version, CONTINUOUSLY, CUSTOM));
      } else if (!isServed && current && this.isManaged(current)) {
        const { uid, resourceVersion } = current.metadata;
        await this.client.delete(gvr.apiservices, '', name, { preconditions: { uid: uid!, resourceVersion } });
      }
    } catch (error) {
      // Another replica was faster.
      if (!isAlreadyExists(error) && !isNotFound(error)) throw error;
    }
  }
}
