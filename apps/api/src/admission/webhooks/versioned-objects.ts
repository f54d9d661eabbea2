import { type GroupVersionKind, internalError, type KubeObject } from '#apimachinery';
import type { ResourceCatalog } from '#kinds';
import type { AdmissionRequest } from '../admission-request.js';

/** The objects of a request in the versions in which webhooks want them. Each is converted once, until the object changes. */
export class VersionedObjects {
  private readonly olds = new Map<string, KubeObject | undefined>();
  private news = new Map<string, KubeObject | undefined>();
  private of: KubeObject | undefined;

  constructor(
    private readonly catalog: ResourceCatalog,
    private readonly request: AdmissionRequest,
  ) {
    this.of = request.object;
  }

  /** Undefined on DELETE. Rejects with a 500 when it cannot be converted. */
  async object(kind: GroupVersionKind): Promise<KubeObject | undefined> {
    if (this.of !== this.request.object) this.news = new Map();
    this.of = this.request.object;
    return this.converted(this.news, this.of, kind);
  }

  async oldObject(kind: GroupVersionKind): Promise<KubeObject | undefined> {
    return this.converted(this.olds, this.request.oldObject, kind);
  }

  /** Puts what a webhook made of the object, in its version, into the request. */
  async replace(object: KubeObject, kind: GroupVersionKind): Promise<void> {
    this.request.object = await convert(this.catalog, object, kind, this.request.kind);
  }

  private async converted(
    known: Map<string, KubeObject | undefined>,
    object: KubeObject | undefined,
    kind: GroupVersionKind,
  ): Promise<KubeObject | undefined> {
    if (object === undefined || isSame(kind, this.request.kind)) return object;
    const key = `${kind.group}/${kind.version}/${kind.kind}`;
    if (!known.has(key)) known.set(key, await convert(this.catalog, object, this.request.kind, kind));
    return known.get(key);
  }
}

function isSame(a: GroupVersionKind, b: GroupVersionKind): boolean {
  return a.group === b.group && a.version === b.version && a.kind === b.kind;
}

/** Through the stored version. Kinds that are no resources, as Scale, have one version. */
export async function convert(
  catalog: ResourceCatalog,
  object: KubeObject,
  from: GroupVersionKind,
  to: GroupVersionKind,
): Promise<KubeObject> {
  const [source, target] = [from, to].map(({ group, version, kind }) => catalog.findKind(group, version, kind));
  if (source === undefined || target === undefined || source === target) return object;
  try {
    const [stored] = source.conversion ? await source.conversion.toStorage([object]) : [object];
    const [converted] = target.conversion ? await target.conversion.fromStorage([stored!]) : [stored];
    return converted!;
  } catch (error) {
    throw internalError(error);
  }
}
