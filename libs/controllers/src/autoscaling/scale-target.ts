import { type GroupVersionResource, isConflict, type KubeObject, parseGroupVersion } from '#apimachinery';
import type { Client, ServedResources } from '#client';
import type { CrossVersionObjectReference, Scale } from '#kinds';

export type ScaleObject = Scale & KubeObject;

/** Tries of a write of the scale that conflicts. */
const TRIES = 5;

/** The reference names what cannot be. */
export class InvalidReference extends Error {}

/** What an autoscaler scales, by the scale of whatever resource its reference means. */
export class ScaleTarget {
  private constructor(
    private readonly client: Client,
    private readonly resource: GroupVersionResource,
    private readonly namespace: string,
    public scale: ScaleObject,
  ) {}

  /** Rejects with what the first served version of the kind answers when none has the scale. */
  static async find(
    client: Client,
    resources: ServedResources,
    namespace: string,
    { apiVersion = '', kind, name }: CrossVersionObjectReference,
  ): Promise<ScaleTarget> {
    let failure: unknown;
    for (const resource of resourcesOf(resources, apiVersion, kind)) {
      try {
        const scale = await client.get<ScaleObject>(resource, namespace, name, 'scale');
        return new ScaleTarget(client, resource, namespace, scale);
      } catch (error) {
        failure ??= error;
      }
    }
    throw failure;
  }

  /** Rejects with the last conflict, or any other failure. */
  async rescale(replicas: number): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      const wanted = { ...this.scale, spec: { ...this.scale.spec, replicas } };
      try {
        await this.client.update(this.resource, this.namespace, wanted, { subresource: 'scale' });
        return;
      } catch (error) {
        if (!isConflict(error) || tries === TRIES) throw error;
      }
      this.scale = await this.client.get<ScaleObject>(
        this.resource,
        this.namespace,
        this.scale.metadata.name!,
        'scale',
      );
    }
  }
}

function resourcesOf(resources: ServedResources, apiVersion: string, kind: string): GroupVersionResource[] {
  const parsed = parseGroupVersion(apiVersion);
  if (!parsed) throw new InvalidReference(`unexpected GroupVersion string: ${apiVersion}`);
  // Without a slash a text is a version of the core group; none is that group as well.
  const { group } = parsed;
  const found = resources.list().filter((item) => item.group === group && item.kind === kind);
  if (found.length === 0) throw new Error(`no matches for kind "${kind}" in group "${group}"`);
  return found.map(({ version, plural }) => ({ group, version, resource: plural }));
}
