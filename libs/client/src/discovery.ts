import { formatGroupVersion, parseGroupVersion, statusErrorFrom } from '#apimachinery';
import type { HttpTransport } from './http-transport.js';
import type { ServedResource } from './served-resources.js';

export interface DiscoveredResource extends ServedResource {
  readonly singular: string;
}

/** Answers of discovery that are read here. */
interface ResourceList {
  resources: { name: string; singularName: string; kind: string; namespaced: boolean; verbs: string[] }[];
}

/** What a server serves, by its own account; each group version is asked for once. */
export class Discovery {
  private readonly versions = new Map<string, Promise<readonly DiscoveredResource[]>>();

  constructor(private readonly transport: Pick<HttpTransport, 'request'>) {}

  /** The resource whose objects say this of themselves. Throws StatusError when the server cannot tell. */
  async findKind(apiVersion: string, kind: string): Promise<DiscoveredResource | undefined> {
    const parsed = parseGroupVersion(apiVersion);
    if (!parsed?.version) return undefined;
    const { group, version } = parsed;
    const key = formatGroupVersion(group, version);
    let resources = this.versions.get(key);
    if (!resources) {
      resources = this.read(group, version);
      this.versions.set(key, resources);
      // What could not be told, or was not there, may be there next time.
      resources.then(
        ({ length }) => length === 0 && this.versions.delete(key),
        () => this.versions.delete(key),
      );
    }
    return (await resources).find((resource) => resource.kind === kind);
  }

  private async read(group: string, version: string): Promise<readonly DiscoveredResource[]> {
    const path = group === '' ? ['api', version] : ['apis', group, version];
    const { status, body } = await this.transport.request({
      method: 'GET',
      path: `/${path.map(encodeURIComponent).join('/')}`,
      headers: { accept: 'application/json' },
    });
    if (status === 404) return [];
    const text = body.toString('utf8');
    if (status !== 200) throw statusErrorFrom(text.trim().slice(0, 2048), status);
    const { resources } = JSON.parse(text) as ResourceList;
    return resources
      .filter(({ name }) => !name.includes('/'))
      .map(({ name, singularName, kind, namespaced, verbs }) => ({
        group,
        version,
        plural: name,
        singular: singularName || kind.toLowerCase(),
        kind,
        namespaced,
        verbs,
        subresources: resources
          .filter((resource) => resource.name.startsWith(`${name}/`))
          .map((resource) => ({ name: resource.name.slice(name.length + 1) })),
      }));
  }
}
