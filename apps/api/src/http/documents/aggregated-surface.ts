/** A group's version that another API server serves. */
export interface AggregatedApi {
  /** Of the APIService: `<version>.<group>`. */
  readonly name: string;
  readonly group: string;
  readonly version: string;
  /** Its server answered the last question. */
  readonly available: boolean;
}

/** What the other server says that it serves; kept while it does not answer. */
export interface ServedResources {
  /** Resources as `apidiscovery.k8s.io/v2` lists them. */
  readonly resources: readonly object[];
  /** The address of its OpenAPI v3 document, as its own index gives it; absent: it has none. */
  readonly openApi?: string;
}

/** What other API servers serve behind this one. */
export interface AggregatedSurface {
  /** Grows with every change. */
  readonly generation: number;
  readonly size: number;
  find(group: string, version: string): AggregatedApi | undefined;
  /** Groups of higher priority first, then versions of higher priority. */
  list(): readonly AggregatedApi[];
  documentsOf(api: AggregatedApi): ServedResources | undefined;
}
