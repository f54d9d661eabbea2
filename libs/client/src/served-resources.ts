/** A resource as discovery describes it. */
export interface ServedResource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly subresources: readonly { readonly name: string }[];
}

/**
 * The resources that the cluster serves at this moment. They come and go: nobody keeps a copy. The server's catalog is one; a
 * process of its own reads discovery.
 */
export interface ServedResources {
  /** Each served version of each resource. */
  list(): readonly ServedResource[];
  /** Each kind of stored objects once, whatever the number of versions and groups that serve it. */
  stored(): readonly ServedResource[];
  findKind(group: string, version: string, kind: string): ServedResource | undefined;
  /** Calls after each change; returns the way to end that. */
  onChange(listener: () => void): () => void;
}
